"""The end that everybody wants: evidence, the final status, and who is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gatehouse import mailing, mails, people, records, times
from gatehouse.errors import Cancelled, NotYetConsistent, RecordClosed
from gatehouse.logs import logger
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


def evidence(record: Onboarding, devices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept about the enrolment: the device as IAM shows it, and who enrolled it from where.

    Who and where come from CloudTrail's event about this very device; they are None as long as none came.
    An application has no device.
    """
    if not devices:
        return {"boundary": record.grants.boundary_member}
    reported = record.evidence.get("reported", {})
    device = next((one for one in devices if one["serial_number"] == reported.get("serial_number")), devices[0])
    return {
        "serial_number": device["serial_number"],
        "device_kind": device["kind"],
        "enrolled_at": times.text(device["enrolled_at"]),
        **enrolled_by(record, reported if reported.get("serial_number") == device["serial_number"] else {}),
        "boundary": record.grants.boundary_member,
    }


def enrolled_by(record: Onboarding, reported: Mapping[str, Any]) -> dict[str, Any]:
    """Who enrolled the device from where, and whether that was the user."""
    arn = reported.get("by")
    by_user = people.caller(arn, record.account_id).person == record.user_name.lower() if arn else None
    return {"enrolled_by": arn, "enrolled_by_user": by_user, "source_ip": reported.get("source_ip")}


def close(table: Table, record: Onboarding, devices: Sequence[Mapping[str, Any]], intent: str) -> Onboarding:
    """COMPLETE, and the mail about it begun, unless somebody cancelled meanwhile.

    Raises Cancelled, or RecordClosed for any other end.
    """
    kept, begun = evidence(record, devices), {_mail_name(record): intent}
    unseen = "" if "reported" in record.evidence else " AND attribute_not_exists(#evidence.#reported)"
    try:
        records.close(
            table, record, Status.COMPLETE, "complete",
            within={record.status}, withdraw=("password",),
            sets={"evidence": kept} | {f"mails_begun.{name}": value for name, value in begun.items()},
            only_if=f"attribute_not_exists(#cancelled_by){unseen}",
        )  # fmt: skip
    except table.TransactionCancelled:
        stands = records.find(table, record.onboarding_id)
        if stands and stands.status is Status.COMPLETE:
            return stands
        if stands and stands.cancelled_by:
            raise Cancelled(f"cancelled by {stands.cancelled_by}") from None
        if stands and unseen and "reported" in stands.evidence and stands.status is record.status:
            # The event came while the machine was completing.
            return close(table, stands, devices, intent)
        raise RecordClosed("closed while completing") from None
    return replace(record, status=Status.COMPLETE, evidence=kept, mails_begun={**record.mails_begun, **begun})


def tell(
    ses: Any,
    table: Table,
    record: Onboarding,
    directory: people.Directory,
    sender: mailing.Sender,
    intent: str | None = None,
) -> None:
    """Tell user and requester, and the operators if it was not the user who enrolled.

    A mail that fails does not undo an onboarding that is complete: it is logged. Raises NotYetConsistent while
    another try sends one: who knows whether it ends.
    """
    content = {
        "onboarding_id": record.onboarding_id,
        "user_name": record.user_name,
        "profile": record.request["profile"],
        "expires_at": record.request["expires_at"],
        "requester": record.requester.person or "your administrator",
        "device_words": _DEVICES.get(record.evidence.get("device_kind", ""), "an MFA device"),
        **record.evidence,
    }
    wanted = {_mail_name(record): {record.request["email"], directory.address(record.requester.person)}}
    if record.evidence.get("enrolled_by_user") is False:
        wanted["not_enrolled_by_user"] = {directory.address(operator) for operator in directory.operators}
    for name, to in wanted.items():
        try:
            mail = mails.render(name, **content)
            mailing.send_once(ses, table, record, name, mail, sender=sender, to=to, intent=intent)
        except NotYetConsistent:
            raise
        except Exception as error:
            logger().warning("mail not sent", mail=name, error=type(error).__name__)


_DEVICES = {
    "virtual": "an authenticator app",
    "security_key": "a passkey or security key",
    "hardware": "a hardware token",
}
"""The kinds of `iam_users.devices` as people call them."""


def _mail_name(record: Onboarding) -> str:
    return "application_complete" if record.is_application else "onboarding_complete"
