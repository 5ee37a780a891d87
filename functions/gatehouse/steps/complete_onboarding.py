"""CompleteOnboarding: only a device that IAM shows now opens the member boundary and what waited for it."""

from dataclasses import dataclass
from typing import Any

from gatehouse import access_keys, completion, iam_users, passwords, records, settings
from gatehouse.clients import client
from gatehouse.errors import Cancelled, MfaNotEnrolled, RecordClosed
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    secret_key_arn: str
    secret_readers: str
    sender_address: str
    operators: str
    approvers: str
    claim_url: str
    claim_ttl_seconds: int


@handler
def complete_onboarding(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Raises MfaNotEnrolled (wait on), Cancelled, NotYetConsistent (retry)."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    iam, secretsmanager = client("iam"), client("secretsmanager")
    try:
        record = records.advance(table, event["onboarding_id"], "complete_onboarding", within={Status.PENDING_MFA})
    except RecordClosed:
        record = _completed_before(table, event["onboarding_id"])
    else:
        devices = list(iam_users.devices(iam, record.user_name))
        if not devices:
            raise MfaNotEnrolled("IAM shows no device")
        iam_users.ensure_boundary(iam, record.user_name, record.grants.boundary_member)
        if record.grants.privileged:
            iam_users.ensure_grants(iam, record.user_name, record.grants)
        if "programmatic" in record.request["access"]:
            mfa_serial = next((one["serial_number"] for one in devices if one["kind"] == "virtual"), None)
            record = access_keys.hand_over(iam, secretsmanager, client("sesv2"), table, record, config, mfa_serial)
        if "console" not in record.request["access"]:
            passwords.ensure_no_login_profile(iam, record.user_name)
        passwords.ensure_deleted(
            secretsmanager, passwords.secret_name(record.onboarding_id, "password", record.generation)
        )
        record = completion.close(table, record, devices)
    completion.tell(client("sesv2"), table, record, config)


def _completed_before(table: Table, onboarding_id: str) -> Onboarding:
    """The record when an earlier try completed it but its answer was lost."""
    record = records.find(table, onboarding_id)
    if record is None or record.status is not Status.COMPLETE:
        raise (Cancelled if record and record.cancelled_by else RecordClosed)("closed while completing")
    return record
