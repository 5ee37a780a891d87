"""The end that everybody wants: evidence, the final status, and who is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from gatehouse import mailing, mails, people, records, times
from gatehouse.errors import Cancelled, RecordClosed
from gatehouse.logs import logger
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


class Addresses(Protocol):
    """The settings that say who writes and who can be written to."""

    @property
    def sender_address(self) -> str: ...
    @property
    def operators(self) -> str: ...
    @property
    def approvers(self) -> str: ...


def evidence(record: Onboarding, devices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept about the enrolment: the device as IAM shows it, and who enrolled it from where.

    Who and where come from CloudTrail's event and are None when it never arrived.
    """
    reported = record.evidence.get("reported", {})
    device = next((one for one in devices if one["serial_number"] == reported.get("serial_number")), devices[0])
    enrolled_by = reported.get("by")
    return {
        "serial_number": device["serial_number"],
        "device_kind": device["kind"],
        "enrolled_at": times.text(device["enrolled_at"]),
        "enrolled_by": enrolled_by,
        "enrolled_by_user": people.caller(enrolled_by, record.account_id).person == record.user_name.lower()
        if enrolled_by
        else None,
        "source_ip": reported.get("source_ip"),
        "boundary": record.grants.boundary_member,
    }


def close(table: Table, record: Onboarding, devices: Sequence[Mapping[str, Any]]) -> Onboarding:
    """COMPLETE, unless somebody cancelled meanwhile: raises Cancelled, or RecordClosed for any other end."""
    kept = evidence(record, devices)
    try:
        records.close(
            table, record, Status.COMPLETE, "complete",
            within={Status.PENDING_MFA}, sets={"evidence": kept}, withdraw=("password",), unless_cancelled=True,
        )  # fmt: skip
    except table.TransactionCancelled:
        stands = records.find(table, record.onboarding_id)
        if stands and stands.cancelled_by:
            raise Cancelled(f"cancelled by {stands.cancelled_by}") from None
        raise RecordClosed("closed while completing") from None
    return replace(record, status=Status.COMPLETE, evidence=kept)


def tell(ses: Any, table: Table, record: Onboarding, config: Addresses) -> None:
    """Tell user and requester, and the operators if it was not the user who enrolled.

    A mail that fails does not undo an onboarding that is complete: it is logged.
    """
    content = {
        "onboarding_id": record.onboarding_id,
        "user_name": record.user_name,
        "profile": record.request["profile"],
        **record.evidence,
    }
    operators = people.directory(config.operators.split(","))
    approvers = [people.directory(entries) for entries in json.loads(config.approvers).values()]
    requester = people.address(record.requester.person, operators, *approvers)
    wanted = {"onboarding_complete": {record.request["email"], requester}}
    if record.evidence["enrolled_by_user"] is False:
        wanted["not_enrolled_by_user"] = set(operators.values())
    for name, to in wanted.items():
        try:
            mail = mails.render(name, **content)
            mailing.send_once(ses, table, record, name, mail, sender=config.sender_address, to=to)
        except Exception as error:
            logger().warning("mail not sent", mail=name, error=type(error).__name__)
