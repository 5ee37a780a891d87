"""Send a mail once: the record keeps which mails of an onboarding are out."""

from collections.abc import Collection
from typing import Any

from gatehouse import records, times
from gatehouse.mails import Mail
from gatehouse.model import ANY, Onboarding
from gatehouse.table import Table


def send_once(
    ses: Any, table: Table, record: Onboarding, name: str, mail: Mail, *, sender: str, to: Collection[str | None]
) -> None:
    """Send a mail unless the record says that it is out. Who has no address (None) is left out."""
    addresses = sorted(address for address in to if address)
    if not addresses or name in record.mails_sent:
        return
    _send(ses, mail, sender, addresses)
    records.change(
        table,
        record.onboarding_id,
        "mail_sent",
        within=ANY,
        sets={f"mails_sent.{name}": times.now()},
        detail=name,
    )


def _send(ses: Any, mail: Mail, sender: str, to: list[str]) -> None:
    ses.send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": to},
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
