"""CloudTrail's EnableMFADevice event: note who enrolled from where, wake the machine, and end a restriction.

An event is a hint: it may come twice, late or never. The machine looks at IAM itself.
"""

from dataclasses import dataclass
from typing import Any

from gatehouse import completion, mailing, people, records, settings, waking
from gatehouse.clients import client
from gatehouse.compliance import cases
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    configuration_set: str
    approvers: str
    operators: str
    lift_restriction_function: str


@handler
def mfa_device_enabled(event: dict[str, Any]) -> None:
    """In: the EventBridge event. Users whom nobody onboards or restricts are none of our business here."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    detail = event["detail"]
    identity, parameters = detail.get("userIdentity") or {}, detail.get("requestParameters") or {}
    user_name = parameters.get("userName") or identity.get("userName") or ""
    if (case := cases.find(table, user_name)) and case.stands:
        cases.ask_for_look(client("lambda"), config.lift_restriction_function, user_name)
    onboarding_id = records.latest(table, user_name)
    if onboarding_id is None:
        return
    logger().append_keys(onboarding_id=onboarding_id)
    reported = {
        "by": identity.get("arn"),
        "source_ip": detail.get("sourceIPAddress"),
        "at": detail.get("eventTime"),
        "serial_number": parameters.get("serialNumber"),
    }
    if noted := _note(table, onboarding_id, reported):
        waking.succeed(client("stepfunctions"), noted)
    elif (stands := records.find(table, onboarding_id)) and stands.status is Status.COMPLETE:
        _amend(table, stands, reported, config)


def _note(table: Table, onboarding_id: str, reported: dict[str, Any]) -> Onboarding | None:
    """The record with the note, or None where no device is waited for (any more)."""
    try:
        return records.change(
            table,
            onboarding_id,
            "mfa_device_enabled",
            within={Status.PROVISIONING, Status.PENDING_MFA},
            sets={"evidence": {"reported": reported}},
            by=reported["by"] or records.MACHINE,
            detail=f"from {reported['source_ip']}",
        )
    except table.ConditionFailed:
        return None


def _amend(table: Table, record: Onboarding, reported: dict[str, Any], config: Settings) -> None:
    """The event came after the machine had seen the device: who enrolled it belongs into the evidence all the same."""
    if record.evidence.get("enrolled_by") or record.evidence.get("serial_number") != reported["serial_number"]:
        return
    known = {**record.evidence, **completion.enrolled_by(record, reported)}
    record = records.change(
        table,
        record.onboarding_id,
        "mfa_device_enabled",
        within={Status.COMPLETE},
        sets={"evidence": known},
        by=reported["by"] or records.MACHINE,
        detail=f"from {reported['source_ip']}",
    )
    directory = people.Directory.parse(config.approvers, config.operators)
    sender = mailing.Sender(config.sender_address, config.configuration_set)
    completion.tell(client("sesv2", retries=False), table, record, directory, sender)
