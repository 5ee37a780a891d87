"""Every mail that the stack sent, at one address: a GET on `PATH` answers them as JSON, oldest first.

`?to=<address>` answers those to one address, `?about=<words>` those whose text holds these words.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

PATH = "/_gatehouse/mails"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def beside(app: App) -> App:
    """The emulator's application with the mails served beside it."""

    async def both(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            body = json.dumps(sent(**_asked(scope))).encode()
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await app(scope, receive, send)

    return both


def _asked(scope: Scope) -> dict[str, str]:
    given = dict(parse_qsl(scope["query_string"].decode()))
    return {name: given[name] for name in ("to", "about") if name in given}


def sent(to: str | None = None, about: str = "") -> list[dict[str, Any]]:
    """Shape of one: id, from, to, cc, bcc, subject, text, html, at (RFC 3339)."""
    from ministack.services import ses

    outboxes = [box for box in ses._sent_emails.to_dict().values() if isinstance(box, list)]
    records = sorted((record for box in outboxes for record in box), key=lambda record: record["Timestamp"])
    mails = map(_mail, records)
    return [mail for mail in mails if (to is None or to in mail["to"]) and about in mail["text"]]


def _mail(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": record["MessageId"],
        "from": record["Source"],
        "to": record.get("To") or [],
        "cc": record.get("CC") or [],
        "bcc": record.get("BCC") or [],
        "subject": record.get("RenderedSubject") or record.get("Subject") or "",
        "text": record.get("RenderedBodyText") or record.get("BodyText") or "",
        "html": record.get("RenderedBodyHtml") or record.get("BodyHtml") or "",
        "at": datetime.fromtimestamp(record["Timestamp"], UTC).isoformat().replace("+00:00", "Z"),
    }
