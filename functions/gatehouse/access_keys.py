"""An access key for the command line: made after MFA, described, and with the CLI profile that uses it."""

import json
from typing import Any

from gatehouse.model import Onboarding


def make(iam: Any, record: Onboarding) -> str:
    """A new key of the user, as JSON. `iam` must not retry: a lost answer would leave a key behind.

    A key whose secret part nobody has stored is of no use to anybody: it goes before a new one comes.
    """
    for lost in iam.list_access_keys(UserName=record.user_name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=record.user_name, AccessKeyId=lost["AccessKeyId"])
    key = iam.create_access_key(UserName=record.user_name)["AccessKey"]
    # The console shows the tag named like the key as the key's description.
    description = f"Gatehouse onboarding {record.onboarding_id}"
    iam.tag_user(UserName=record.user_name, Tags=[{"Key": key["AccessKeyId"], "Value": description}])
    return json.dumps({"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]})


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
    access_key_id: str, secret_access_key: str, user_name: str, mfa_serial: str | None, roles: list[str]
) -> str:
    """The files `~/.aws/credentials` and `~/.aws/config` for this user, ready to paste.

    `roles` are ARNs; `mfa_serial` is None for keys and passkeys, which the CLI cannot ask for.
    """
    lines = [
        "# ~/.aws/credentials",
        f"[{user_name}]",
        f"aws_access_key_id = {access_key_id}",
        f"aws_secret_access_key = {secret_access_key}",
        "",
        "# ~/.aws/config",
        f"[profile {user_name}]",
        "output = json",
    ]
    for role_arn in roles:
        lines += [
            "",
            f"[profile {role_arn.rsplit('/', 1)[-1]}]",
            f"role_arn = {role_arn}",
            f"source_profile = {user_name}",
            f"role_session_name = {user_name}",
            *([f"mfa_serial = {mfa_serial}"] if mfa_serial else []),
        ]
    return "\n".join(lines) + "\n"
