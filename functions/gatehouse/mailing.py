"""Send a mail once: the record keeps which mails of an onboarding are begun, and which are out.

SES knows no idempotency token. So a mail is begun in the record first, under the condition that nobody else is at
it, and noted as out once SES has taken it. Only where SES's answer was lost, or the function ended between the
two, does nobody know: then it is sent again, because a mail twice is better than none.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import records, times
from gatehouse.errors import NotYetConsistent
from gatehouse.logs import logger
from gatehouse.mails import Mail
from gatehouse.model import ANY, Onboarding
from gatehouse.table import Table


@dataclass(frozen=True)
class Sender:
    """Where mails come from, and the configuration set by which SES tells what became of them."""

    address: str
    configuration_set: str


def intent() -> str:
    """What a mail is begun with: the time, and that it was this try and no other.

    Who writes it into `mails_begun` together with something else hands it to `send_once`, which saves a write.
    """
    return f"{times.now()} {uuid.uuid4().hex}"


def send_once(
    ses: Any,
    table: Table,
    record: Onboarding,
    name: str,
    mail: Mail,
    *,
    sender: Sender,
    to: Collection[str | None],
    intent: str | None = None,
) -> None:
    """Send a mail unless the record says that it is out. Who has no address (None) is left out.

    `intent` is what the caller may have begun it with. Raises NotYetConsistent while another try is at it.
    """
    if not any(to) or name in record.mails_sent:
        return
    if (intent is None or record.mails_begun.get(name) != intent) and not _begin(table, record, name):
        return
    try:
        send(ses, mail, sender, to, {"onboarding_id": record.onboarding_id, "mail": name})
    except Exception:
        _give_up(table, record, name)
        raise
    _note(table, record, name)


def was_begun(record: Onboarding, prefix: str) -> bool:
    """Whether a mail of that name may be out: one that was begun and not given up may have been taken by SES."""
    return any(name.startswith(prefix) for name in (*record.mails_begun, *record.mails_sent))


def _begin(table: Table, record: Onboarding, name: str) -> bool:
    """Whether it is ours to send; false when it is out. Raises NotYetConsistent while another try is at it."""
    try:
        records.change(
            table,
            record.onboarding_id,
            None,
            within=ANY,
            sets={f"mails_begun.{name}": intent()},
            only_if=f"attribute_not_exists(#mails_sent.#{name}) AND {records.nobody_sends(name)}",
            stale=records.stale(),
        )
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure) or {}
        if name in stood.get("mails_sent", {}):
            return False
        raise NotYetConsistent(f"{name} is being sent") from None
    return True


def _give_up(table: Table, record: Onboarding, name: str) -> None:
    """Refused, or not known: this try is over, and the next one need not wait."""
    try:
        records.change(table, record.onboarding_id, None, within=ANY, removes=(f"mails_begun.{name}",))
    except Exception as error:
        logger().warning("mail not given up", mail=name, error=type(error).__name__)


def _note(table: Table, record: Onboarding, name: str) -> None:
    """The mail is out whether or not it can be noted: who raised here would send it again."""
    sets = {f"mails_sent.{name}": times.now()}
    try:
        records.change(table, record.onboarding_id, "mail_sent", within=ANY, sets=sets, detail=name)
    except Exception as error:
        logger().warning("mail not noted", mail=name, error=type(error).__name__)


def send(ses: Any, mail: Mail, sender: Sender, to: Collection[str | None], tags: Mapping[str, str]) -> None:
    """Send a mail of which nobody keeps whether it is out. Who has no address (None) is left out."""
    addresses = sorted({address for address in to if address})
    if not addresses:
        return
    ses.send_email(
        FromEmailAddress=sender.address,
        ConfigurationSetName=sender.configuration_set,
        EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
        Destination={"ToAddresses": addresses},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": mail.text, "Charset": "UTF-8"},
                    "Html": {"Data": mail.html, "Charset": "UTF-8"},
                },
            }
        },
    )
