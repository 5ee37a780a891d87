"""A password that the account's policy accepts, kept in Secrets Manager and nowhere else."""

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Any

LENGTH = 24
"""Characters of a generated password, unless the account's policy demands more."""

_IAM_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_EMITTED_SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
REFUSED_SYMBOLS = "".join(symbol for symbol in _EMITTED_SYMBOLS if symbol not in _IAM_SYMBOLS)
"""What GetRandomPassword emits and IAM does not count as a symbol.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

_NAMESPACE = uuid.UUID("8a3c9d5e-4c1b-5b43-9a53-8f4b6f0c2d11")


def secret_name(onboarding_id: str, what: str, generation: int) -> str:
    """`gatehouse/<id>/<what>/<generation>`: deletion holds a name for days, so none is used twice."""
    return f"gatehouse/{onboarding_id}/{what}/{generation}"


def ensure_stored(
    secretsmanager: Any,
    name: str,
    *,
    value: Any,
    kms_key_id: str,
    readers: Collection[str],
    tags: Mapping[str, str],
) -> str:
    """The stored value of the secret, made by `value()` only if there is none yet.

    The secret is created empty and gets its resource policy before it gets a value, so that no
    administrator can read it in between. The version's id follows from the name: whoever comes second
    (a retry, a second invocation) reads what the first one stored.
    """
    version = str(uuid.uuid5(_NAMESPACE, name))
    try:
        secretsmanager.create_secret(
            Name=name, KmsKeyId=kms_key_id, Tags=[{"Key": key, "Value": text} for key, text in tags.items()]
        )
    except secretsmanager.exceptions.ResourceExistsException:
        if (stored := _stored(secretsmanager, name, version)) is not None:
            return stored
    policy = json.dumps(_resource_policy(readers))
    secretsmanager.put_resource_policy(SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True)
    made = str(value())
    try:
        secretsmanager.put_secret_value(SecretId=name, ClientRequestToken=version, SecretString=made)
    except secretsmanager.exceptions.ResourceExistsException:
        return str(_stored(secretsmanager, name, version))
    return made


def generate(iam: Any, secretsmanager: Any) -> str:
    """A random password that fits the account's password policy and IAM's symbols."""
    try:
        policy = iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        policy = {}
    return str(
        secretsmanager.get_random_password(
            PasswordLength=max(LENGTH, policy.get("MinimumPasswordLength", 0)),
            ExcludeCharacters=REFUSED_SYMBOLS,
            RequireEachIncludedType=True,
        )["RandomPassword"]
    )


def ensure_login_profile(iam: Any, user_name: str, password: str, *, reset_required: bool) -> None:
    """The user signs in with exactly this password, whatever an earlier try left behind."""
    wanted = {"UserName": user_name, "Password": password, "PasswordResetRequired": reset_required}
    try:
        iam.create_login_profile(**wanted)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_login_profile(**wanted)


def ensure_no_login_profile(iam: Any, user_name: str) -> None:
    try:
        iam.delete_login_profile(UserName=user_name)
    except iam.exceptions.NoSuchEntityException:
        return


def ensure_deleted(secretsmanager: Any, name: str) -> None:
    """Delete a secret at once, without a recovery window."""
    try:
        secretsmanager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    except secretsmanager.exceptions.ResourceNotFoundException:
        return


def _stored(secretsmanager: Any, name: str, version: str) -> str | None:
    try:
        return str(secretsmanager.get_secret_value(SecretId=name, VersionId=version)["SecretString"])
    except secretsmanager.exceptions.ResourceNotFoundException:
        return None


def _resource_policy(readers: Collection[str]) -> dict[str, Any]:
    """Reading and policy changes are denied to everybody but the roles that need them."""
    statement = {
        "Sid": "OnlyGatehouseReads",
        "Effect": "Deny",
        "Principal": "*",
        "Action": [
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecret",
            "secretsmanager:UpdateSecretVersionStage",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:DeleteResourcePolicy",
            "secretsmanager:ReplicateSecretToRegions",
        ],
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": sorted(readers)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
