"""AwaitMfa: wait on a task token until the user has enrolled MFA."""

from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, records, settings, times
from gatehouse.clients import client
from gatehouse.errors import MfaAlreadyEnrolled, MfaTimeout
from gatehouse.handling import handler
from gatehouse.model import Status
from gatehouse.table import Expression, Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    mfa_timeout_seconds: int


@handler
def await_mfa(event: dict[str, Any]) -> None:
    """In: the onboarding's id, the task token and when the state was entered. Stores the token, then looks at IAM.

    Whoever enrols before the token stands is found by the look, whoever enrols after it by the event
    or the follow-up. Raises MfaAlreadyEnrolled, MfaTimeout, Cancelled.
    """
    config = settings.load(Settings)
    record = records.advance(
        Table(client("dynamodb"), config.table_name),
        event["onboarding_id"],
        "await_mfa",
        within={Status.PROVISIONING, Status.PENDING_MFA},
        to=Status.PENDING_MFA,
        sets={
            "task_token": event["task_token"],
            "mfa_expires_at": Expression("if_not_exists(#mfa_expires_at, :mfa_expires_at)"),
        },
        removes=("completing",),
        mfa_expires_at=times.after(event["entered_at"], config.mfa_timeout_seconds),
    )
    if any(iam_users.devices(client("iam"), record.user_name)):
        raise MfaAlreadyEnrolled("enrolled before the machine waited")
    if times.now() >= str(record.mfa_expires_at):
        raise MfaTimeout("no device was enrolled in time")
