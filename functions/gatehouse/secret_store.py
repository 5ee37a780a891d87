"""Secrets that wait to be claimed: who may read one is settled before it has a value."""

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

_NAMESPACE = uuid.UUID("8a3c9d5e-4c1b-5b43-9a53-8f4b6f0c2d11")


def name(onboarding_id: str, what: str, generation: int) -> str:
    """`gatehouse/<id>/<what>/<generation>`: deletion holds a name for days, so none is used twice.

    `what` is "password" or "access_key", the kind of its claim.
    """
    return f"gatehouse/{onboarding_id}/{what.replace('_', '-')}/{generation}"


def ensure_stored(
    secretsmanager: Any,
    secret: str,
    value: Callable[[bool], str],
    *,
    kms_key_id: str,
    readers: Collection[str],
    tags: Mapping[str, str],
) -> str:
    """The stored value of the secret of that name, made by `value` only if there is none yet.

    `value` is told whether an earlier try may have made one that nobody has stored.

    The secret is created empty and gets its resource policy before it gets a value, so that no
    administrator can read it in between. The version's id follows from the name: whoever comes second
    (a retry, a second invocation) reads what the first one stored.
    """
    version = str(uuid.uuid5(_NAMESPACE, secret))
    again = False
    tag_list = [{"Key": key, "Value": text} for key, text in tags.items()]
    try:
        secretsmanager.create_secret(Name=secret, KmsKeyId=kms_key_id, Tags=tag_list)
    except secretsmanager.exceptions.ResourceExistsException:
        if (stored := _stored(secretsmanager, secret, version)) is not None:
            return stored
        again = True
    policy = json.dumps(_resource_policy(readers))
    secretsmanager.put_resource_policy(SecretId=secret, ResourcePolicy=policy, BlockPublicPolicy=True)
    made = value(again)
    try:
        secretsmanager.put_secret_value(SecretId=secret, ClientRequestToken=version, SecretString=made)
    except secretsmanager.exceptions.ResourceExistsException:
        return str(_stored(secretsmanager, secret, version))
    return made


def ensure_deleted(secretsmanager: Any, secret: str) -> None:
    """Delete a secret at once, without a recovery window."""
    try:
        secretsmanager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    except secretsmanager.exceptions.ResourceNotFoundException:
        return


def exists(secretsmanager: Any, secret: str) -> bool:
    """Whether there is a secret of that name, other than one that is being deleted."""
    try:
        return "DeletedDate" not in secretsmanager.describe_secret(SecretId=secret)
    except secretsmanager.exceptions.ResourceNotFoundException:
        return False


def _stored(secretsmanager: Any, secret: str, version: str) -> str | None:
    try:
        return str(secretsmanager.get_secret_value(SecretId=secret, VersionId=version)["SecretString"])
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
