"""CloudTrail's EnableMFADevice event: note who enrolled from where, and wake the machine.

An event is a hint: it may come twice, late or never. The machine looks at IAM itself.
"""

from dataclasses import dataclass
from typing import Any

from gatehouse import records, settings, waking
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def mfa_device_enabled(event: dict[str, Any]) -> None:
    """In: the EventBridge event. Users that are not being onboarded are none of our business here."""
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    detail = event["detail"]
    identity = detail.get("userIdentity") or {}
    parameters = detail.get("requestParameters") or {}
    user_name = parameters.get("userName") or identity.get("userName")
    onboarding_id = records.holder(table, user_name) if user_name else None
    if onboarding_id is None:
        return
    logger().append_keys(onboarding_id=onboarding_id)
    reported = {
        "by": identity.get("arn"),
        "source_ip": detail.get("sourceIPAddress"),
        "at": detail.get("eventTime"),
        "serial_number": parameters.get("serialNumber"),
    }
    try:
        record = records.change(
            table, onboarding_id, "mfa_device_enabled", within={Status.PROVISIONING, Status.PENDING_MFA},
            sets={"evidence": {"reported": reported}}, by=reported["by"] or records.MACHINE,
            detail=f"from {reported['source_ip']}",
        )  # fmt: skip
    except table.ConditionFailed:
        return
    waking.succeed(client("stepfunctions"), record)
