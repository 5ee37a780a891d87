"""What SES tells of a mail that did not arrive as it should: noted in its onboarding, and told to the operators.

https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import mailing, mails, people, records, settings
from gatehouse.clients import client
from gatehouse.errors import NotYetConsistent
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import ANY, Onboarding
from gatehouse.table import Table

LONGEST_DETAIL = 300
"""Characters of a note: what servers of others say is not ours to keep."""

_ATTEMPTS = 10
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{0,39}")


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    configuration_set: str
    operators: str


@dataclass(frozen=True)
class Trouble:
    """`event` is the timeline's, `kind` what SES calls it, `to` whom it did not reach."""

    event: str
    mail: str
    to: tuple[str, ...]
    kind: str

    @property
    def detail(self) -> str:
        told = f"{self.mail} to {', '.join(self.to) or 'nobody named'}: {self.kind}"
        return f"{told}. {advice}"[:LONGEST_DETAIL] if (advice := _advice(self)) else told[:LONGEST_DETAIL]


_SHAPES = {
    "Bounce": ("mail_bounced", "bounce", "bouncedRecipients", ("bounceType", "bounceSubType")),
    "Complaint": ("mail_complained", "complaint", "complainedRecipients", ("complaintFeedbackType",)),
    "DeliveryDelay": ("mail_delayed", "deliveryDelay", "delayedRecipients", ("delayType",)),
    "Reject": ("mail_rejected", "reject", "", ()),
    "Rendering Failure": ("mail_rejected", "failure", "", ()),
}
"""Of each event type: what the timeline calls it, its part of the event, its recipients, and what it says of them."""


@handler
def mail_bounced(event: dict[str, Any]) -> None:
    """In: SES's event as EventBridge hands it on. One whose tags name no mail of ours changes nothing.

    Raises NotYetConsistent when the record changed too often meanwhile, or another try is telling the operators.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    detail = event["detail"]
    record = records.find(table, _tag(detail, "onboarding_id"))
    name = _tag(detail, "mail")
    if record is None or name not in {*record.mails_begun, *record.mails_sent} or detail["eventType"] not in _SHAPES:
        return
    logger().append_keys(onboarding_id=record.onboarding_id)
    trouble = _trouble(detail, name)
    alert, intent = f"{trouble.event}_{name}", mailing.intent()
    record = _note(table, record, trouble, alert, intent)
    if _is_told(trouble):
        _tell(table, record, trouble, alert, intent, config)


def _tag(detail: Mapping[str, Any], name: str) -> str:
    values = detail.get("mail", {}).get("tags", {}).get(name)
    return str(values[0]) if isinstance(values, list) and values else ""


def _trouble(detail: Mapping[str, Any], name: str) -> Trouble:
    """Nothing that a foreign server wrote goes on but addresses and words."""
    event, part, recipients, words = _SHAPES[detail["eventType"]]
    told = detail.get(part) or {}
    listed = [str(one.get("emailAddress")) for one in told.get(recipients) or []]
    to = [address for address in listed or map(str, detail["mail"].get("destination") or []) if _is_address(address)]
    kind = [str(told[word]) for word in words if _WORD.fullmatch(str(told.get(word, "")))]
    return Trouble(event, name, tuple(to[:3]), ", ".join(kind) or event.removeprefix("mail_"))


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def _is_permanent(trouble: Trouble) -> bool:
    return trouble.event == "mail_rejected" or (
        trouble.event == "mail_bounced" and trouble.kind.startswith("Permanent")
    )


def _advice(trouble: Trouble) -> str:
    """What to do about it, where there is something to do."""
    if not trouble.mail.startswith(("sign_in_instructions", "access_key_ready")):
        return ""
    if _is_permanent(trouble):
        return "The user has no link: cancel, and request it again with the right address."
    return "" if trouble.event == "mail_delayed" else "Ask the user; resend if nothing arrived."


def _is_told(trouble: Trouble) -> bool:
    """A delay mostly ends well, and an alert about an alert would not end at all."""
    return trouble.event != "mail_delayed" and not trouble.mail.startswith("mail_")


def _note(table: Table, record: Onboarding, trouble: Trouble, alert: str, intent: str) -> Onboarding:
    """The record with the note in its timeline, once however often the event comes; its first begins the alert."""
    for _ in range(_ATTEMPTS):
        if any((entry.event, entry.detail) == (trouble.event, trouble.detail) for entry in record.timeline):
            return record
        begun = {f"mails_begun.{alert}": intent} if _is_told(trouble) and alert not in record.mails_begun else {}
        try:
            return records.change(
                table, record.onboarding_id, trouble.event,
                within=ANY, sets=begun, by="ses", detail=trouble.detail,
                only_if="size(#timeline) = :noted", noted=len(record.timeline),
            )  # fmt: skip
        except table.ConditionFailed:
            record = records.find(table, record.onboarding_id) or record
    raise NotYetConsistent("the record changes all the time")


def _tell(table: Table, record: Onboarding, trouble: Trouble, alert: str, intent: str, config: Settings) -> None:
    directory = people.Directory.parse("{}", config.operators)
    mail = mails.render(
        "mail_bounced",
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        mail=trouble.mail,
        to=", ".join(trouble.to) or "nobody named",
        happened=trouble.event.replace("_", " "),
        kind=trouble.kind,
        status=record.status.value,
        advice=_advice(trouble) or "No access depends on it: look whether the address is right.",
    )
    to = {directory.address(operator) for operator in directory.operators}
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    mailing.send_once(ses, table, record, alert, mail, sender=sender, to=to, intent=intent)
