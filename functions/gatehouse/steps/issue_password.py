"""IssuePassword: a password that crosses no state, kept where only its claim can read it."""

from dataclasses import dataclass
from typing import Any

from gatehouse import chosen_password, iam_users, passwords, records, secret_store, settings
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    secret_key_arn: str
    secret_readers: str


@handler
def issue_password(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Issues the password of the record's generation, once.

    Raises Cancelled, RecordClosed, TemporarilyUnmodifiable.
    """
    config = settings.load(Settings)
    iam, secretsmanager = client("iam"), client("secretsmanager")
    record = records.advance(
        Table(client("dynamodb"), config.table_name),
        event["onboarding_id"],
        "issue_password",
        within={Status.PROVISIONING, Status.PENDING_MFA, Status.COMPLETE},
        **records.unless_settled("password"),
    )
    for earlier in range(1, record.generation):
        secret_store.ensure_deleted(secretsmanager, secret_store.name(record.onboarding_id, "password", earlier))
    password = secret_store.ensure_stored(
        secretsmanager,
        secret_store.name(record.onboarding_id, "password", record.generation),
        lambda _: _made(record, iam, secretsmanager),
        kms_key_id=config.secret_key_arn,
        readers=config.secret_readers.split(","),
        tags={iam_users.ID_TAG: record.onboarding_id},
    )
    passwords.ensure_login_profile(iam, record.user_name, password, reset_required=record.reset_required)


def _made(record: Onboarding, iam: Any, secretsmanager: Any) -> str:
    """The chosen password if there is one; whoever has it sent again gets a generated one."""
    chosen = record.request["password_secret_arn"]
    if chosen and record.generation == 1:
        return chosen_password.read(secretsmanager, chosen)
    return passwords.generate(iam, secretsmanager)
