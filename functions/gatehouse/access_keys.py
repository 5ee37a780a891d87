"""An access key for the command line: made after MFA, described, and with the CLI profile that uses it."""

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

from gatehouse.model import Onboarding

_CREDENTIALS, _CONFIG = "# ~/.aws/credentials", "# ~/.aws/config"
"""The claim page offers what follows each for that file."""

SHOWN_SECONDS = 5
"""How long a key that an earlier try made is given to be shown."""


def make(iam: Any, record: Onboarding, again: bool = False) -> str:
    """A new key of the user, as JSON. `iam` must not retry: a lost answer would leave a key behind.

    An earlier key goes before a new one comes: nobody has stored its secret part, or it is being replaced. The
    descriptions of all that are gone go with it, whoever deleted them, as a user has 50 tags and no more. Made `again`,
    there may be a key that IAM does not show yet: "there is none" counts when it was seen twice.
    """
    earlier_ones = _listed(iam, record.user_name)
    if again and not earlier_ones:
        time.sleep(SHOWN_SECONDS)
        earlier_ones = _listed(iam, record.user_name)
    for earlier in earlier_ones:
        iam.delete_access_key(UserName=record.user_name, AccessKeyId=earlier["AccessKeyId"])
    tags = iam.get_user(UserName=record.user_name)["User"].get("Tags", ())
    if described := [tag["Key"] for tag in tags if tag["Key"].startswith("AKIA")]:
        iam.untag_user(UserName=record.user_name, TagKeys=described)
    key = iam.create_access_key(UserName=record.user_name)["AccessKey"]
    # The console shows the tag named like the key as the key's description.
    description = f"Gatehouse onboarding {record.onboarding_id}"
    iam.tag_user(UserName=record.user_name, Tags=[{"Key": key["AccessKeyId"], "Value": description}])
    return json.dumps({"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]})


def _listed(iam: Any, user_name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = iam.list_access_keys(UserName=user_name)["AccessKeyMetadata"]
    return found


def ensure_deleted(iam: Any, user_name: str, access_key_id: str) -> None:
    """This one key is gone; another of the same user stays."""
    try:
        iam.delete_access_key(UserName=user_name, AccessKeyId=access_key_id)
    except iam.exceptions.NoSuchEntityException:
        return


def assumable_roles(record: Onboarding) -> list[str]:
    """The ARNs of the roles that the record's inline policies let the user assume."""
    documents = map(json.loads, record.grants.inline_policies.values())
    statements = [statement for document in documents for statement in document["Statement"]]
    return [statement["Resource"] for statement in statements if statement["Action"] == "sts:AssumeRole"]


def cli_config(
    access_key_id: str,
    secret_access_key: str,
    user_name: str,
    mfa_serial: str | None,
    roles: list[str],
    region: str | None = None,
    longest_key_age_days: int | None = None,
) -> str:
    """The files `~/.aws/credentials` and `~/.aws/config` for this user, ready to paste; comments name the files.

    `roles` are ARNs; `mfa_serial` is that of a device that shows codes, None for security keys and passkeys, of which
    the CLI cannot ask any. `longest_key_age_days` is an application's, None for a person. The last profile works as
    it is pasted: what needs a command first stands before it.
    """
    keys = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret_access_key}
    if longest_key_age_days is not None:
        kept = ["Keep it in a secret store, not in code, an image or a repository."]
        kept.append(f"It may be {longest_key_age_days} days old: have it issued anew before.")
        kept.append("No Region is set: the program names its own, in AWS_REGION, or in AWS_DEFAULT_REGION for boto3.")
        return f"{_CREDENTIALS}\n{_section(user_name, keys, *kept)}\n"
    common = {**({"region": region} if region else {}), "output": "json"}
    own = _section(f"profile {user_name}", common, "The key by itself opens nothing: what it is for comes with MFA.")
    if mfa_serial is None:
        ways = [*_by_sign_in(user_name, roles, common), own]
    else:
        ways = [own, *_by_session(user_name, mfa_serial, roles, common)]
        ways = ways if roles else [*ways[1:], own]
    config = "\n\n".join(ways)
    return f"{_CREDENTIALS}\n{_section(user_name, keys)}\n\n{_CONFIG}\n{config}\n"


def _by_session(user_name: str, mfa_serial: str, roles: list[str], common: Mapping[str, str]) -> Iterator[str]:
    """GetSessionToken works in any case; whether AssumeRole's own request counts as one with MFA is AWS's to say."""
    session, serial = f"{user_name}-mfa", shlex.quote(mfa_serial)
    settings = {"aws_access_key_id": "$id", "aws_secret_access_key": "$secret", "aws_session_token": "$token"}
    storing = [f'aws configure set {name} "{value}" --profile {session}' for name, value in settings.items()]
    yield _section(
        f"profile {session}",
        common,
        "A session with MFA, for 12 hours. This asks for the code that your device shows:",
        f"  aws configure mfa-login --profile {user_name} --update-profile {session} --serial-number {serial}",
        "With an AWS CLI that does not know it, in bash or zsh, the code in place of 123456:",
        f"  read -r id secret token < <(aws sts get-session-token --profile {user_name} --serial-number {serial}"
        " --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text --token-code 123456)",
        f"  {' && '.join(storing)}",
    )
    for role_arn in roles:
        said = "The role by way of that session, should AWS refuse the next profile:"
        yield _role(f"{_name(role_arn)}-mfa", role_arn, user_name, session, common, said)
    for role_arn in roles:
        said = "The role. This profile asks for the code itself:"
        yield _role(_name(role_arn), role_arn, user_name, user_name, {**common, "mfa_serial": mfa_serial}, said)


def _by_sign_in(user_name: str, roles: list[str], common: Mapping[str, str]) -> Iterator[str]:
    """A profile of its own: where one has a key as well, the CLI would take the key."""
    session = f"{user_name}-login"
    yield _section(
        f"profile {session}",
        common,
        "A security key or passkey shows no code. Sign in with the browser, in which it works (AWS CLI 2.32 or later):",
        f"  aws login --profile {session}",
        "On a machine without a browser add --remote.",
    )
    for role_arn in roles:
        yield _role(_name(role_arn), role_arn, user_name, session, common, "The role, once you are signed in so:")


def _role(name: str, role_arn: str, user_name: str, source: str, settings: Mapping[str, str], *comments: str) -> str:
    """The role's trust policy wants the user's name as the session's."""
    assumed = {"role_arn": role_arn, "source_profile": source, "role_session_name": user_name}
    return _section(f"profile {name}", {**assumed, **settings}, *comments)


def _name(role_arn: str) -> str:
    return role_arn.rsplit("/", 1)[-1]


def _section(name: str, settings: Mapping[str, str], *comments: str) -> str:
    lines = [*(f"# {comment}" for comment in comments), f"[{name}]"]
    return "\n".join([*lines, *(f"{setting} = {value}" for setting, value in settings.items())])
