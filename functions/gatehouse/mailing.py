"""Send a mail once: the record keeps which mails of an onboarding are out."""

from collections.abc import Collection
from typing import Any

from gatehouse import records, times
from gatehouse.mails import Mail
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


def send_once(
    ses: Any, table: Table, record: Onboarding, name: str, mail: Mail, *, sender: str, to: Collection[str]
) -> None:
    """Send a mail unless the record says that it is out; nobody to send it to is no error."""
    if not to or name in record.mails_sent:
        return
    send(ses, mail, sender=sender, to=to)
    records.change(
        table,
        record.onboarding_id,
        "mail_sent",
        within=Status,
        sets={f"mails_sent.{name}": times.now()},
        detail=name,
    )


def send(ses: Any, mail: Mail, *, sender: str, to: Collection[str]) -> None:
    ses.send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": sorted(to)},
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
