"""Every mail that the stack sent, at one address: a GET on `PATH` answers them as JSON, oldest first."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

PATH = "/_gatehouse/mails"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def beside(app: App) -> App:
    """The emulator's application with the mails served beside it."""

    async def both(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            body = json.dumps(sent()).encode()
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await app(scope, receive, send)

    return both


def sent() -> list[dict[str, Any]]:
    """Shape of one: id, from, to, cc, bcc, subject, text, html, at (RFC 3339)."""
    from ministack.services import ses

    outboxes = [box for box in ses._sent_emails.to_dict().values() if isinstance(box, list)]
    records = sorted((record for box in outboxes for record in box), key=lambda record: record["Timestamp"])
    return [_mail(record) for record in records]


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
