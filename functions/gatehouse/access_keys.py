"""An access key for the command line: made after MFA, handed over by a claim of its own."""

import json
from typing import Any, Protocol

from gatehouse import claims, iam_users, mailing, mails, passwords, records
from gatehouse.model import Onboarding
from gatehouse.table import Table


class Settings(Protocol):
    """The settings of the step that hands keys over."""

    @property
    def secret_key_arn(self) -> str: ...
    @property
    def secret_readers(self) -> str: ...
    @property
    def sender_address(self) -> str: ...
    @property
    def claim_url(self) -> str: ...
    @property
    def claim_ttl_seconds(self) -> int: ...


def hand_over(
    iam: Any, secretsmanager: Any, ses: Any, table: Table, record: Onboarding, config: Settings, mfa_serial: str | None
) -> Onboarding:
    """Store a key where only its claim can read it, and mail the link; returns the record as it then stands.

    `mfa_serial` goes into the CLI profile: the serial number of a virtual device, or None.
    """
    if "access_key_ready" in record.mails_sent:
        return record
    passwords.ensure_stored(
        secretsmanager,
        passwords.secret_name(record.onboarding_id, "access-key", record.generation),
        value=lambda: _new_key(iam, record),
        kms_key_id=config.secret_key_arn,
        readers=config.secret_readers.split(","),
        tags={iam_users.ID_TAG: record.onboarding_id},
    )
    token = claims.new_token()
    shown_with = {"user_name": record.user_name, "mfa_serial": mfa_serial, "roles": _assumable_roles(record)}
    record = records.open_claim(
        table, record, "access_key", claims.token_hash(token), config.claim_ttl_seconds, shown_with
    )
    mail = mails.render(
        "access_key_ready",
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        claim_url=config.claim_url,
        token=token,
        claim_expires_at=record.claim_expires_at,
    )
    to = {record.request["email"]}
    mailing.send_once(ses, table, record, "access_key_ready", mail, sender=config.sender_address, to=to)
    return record


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


def _assumable_roles(record: Onboarding) -> list[str]:
    """The ARNs of the roles that the record's inline policies let the user assume."""
    documents = map(json.loads, record.grants.inline_policies.values())
    statements = [statement for document in documents for statement in document["Statement"]]
    return [statement["Resource"] for statement in statements if statement["Action"] == "sts:AssumeRole"]


def _new_key(iam: Any, record: Onboarding) -> str:
    """A key whose secret part nobody has stored is of no use to anybody: it goes before a new one comes."""
    for lost in iam.list_access_keys(UserName=record.user_name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=record.user_name, AccessKeyId=lost["AccessKeyId"])
    key = iam.create_access_key(UserName=record.user_name)["AccessKey"]
    # The console shows the tag named like the key as the key's description.
    description = f"Gatehouse onboarding {record.onboarding_id}"
    iam.tag_user(UserName=record.user_name, Tags=[{"Key": key["AccessKeyId"], "Value": description}])
    return json.dumps({"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]})
