"""The mails of a real onboarding, through a real mail server, read as a mail program reads them."""

import re
import socket
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from local import client, stack
from tests.workflow import people

JUSTIFICATION = "Überführung der Kunden in 東京, phase 2"


class Inbox:
    """What the server was handed: the envelope's addresses and the message's bytes."""

    def __init__(self) -> None:
        self.received: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Subject's beginning → (envelope recipients, raw bytes, message), of one onboarding from request to end."""
    inbox, state_dir = Inbox(), tmp_path_factory.mktemp("mailed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        running = stack.up(state_dir=state_dir, mail_server=f"127.0.0.1:{port}")
        yield _onboard(running, inbox)
    finally:
        stack.down(state_dir)
        server.stop()


def _onboard(running: dict[str, Any], inbox: Inbox) -> dict[str, Any]:
    onboarding = people.requested(running, "mailed", "power-user", justification=JUSTIFICATION)
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert people.resend(onboarding).status == 200
    people.enrol(onboarding)
    people.awaited(onboarding, "COMPLETE")
    deadline = time.monotonic() + 30
    while len(inbox.received) < 5 and time.monotonic() < deadline:
        time.sleep(0.1)
    mails: dict[str, Any] = {"onboarding": onboarding, "listed": client.mails(running)}
    mails["narrow"] = partial(client.mails, running)
    for _, to, raw in inbox.received:
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        mails.setdefault(message["Subject"].split(":")[0].split(",")[0], (to, raw, message))
    return mails


SUBJECTS = ("Approval wanted", "Decided", "Your AWS account access", "MFA enrolled")
MAILS = pytest.mark.parametrize("subject", SUBJECTS)


def part(delivered: dict[str, Any], subject: str, kind: str) -> str:
    message: EmailMessage = delivered[subject][2]
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@MAILS
def test_a_mail_is_text_first_and_then_the_same_as_html(delivered: dict[str, Any], subject: str) -> None:
    message: EmailMessage = delivered[subject][2]
    assert message.get_content_type() == "multipart/alternative"
    assert [(one.get_content_type(), one.get_content_charset()) for one in message.iter_parts()] == [
        ("text/plain", "utf-8"),
        ("text/html", "utf-8"),
    ]
    assert not any(one.is_attachment() for one in message.walk())


@MAILS
def test_what_arrives_is_what_was_sent(delivered: dict[str, Any], subject: str) -> None:
    message: EmailMessage = delivered[subject][2]
    sent = [mail for mail in delivered["listed"] if mail["subject"] == message["Subject"]]
    assert (part(delivered, subject, "plain").rstrip("\n"), part(delivered, subject, "html").rstrip("\n")) in [
        (mail["text"].rstrip("\n"), mail["html"].rstrip("\n")) for mail in sent
    ]


@MAILS
def test_its_headers_are_in_order(delivered: dict[str, Any], subject: str) -> None:
    to, raw, message = delivered[subject]
    assert re.fullmatch(r"<[^<>@\s]+@email\.amazonses\.com>", message["Message-ID"])
    assert message["From"].addresses[0].addr_spec == "gatehouse@example.com"
    assert sorted(address.addr_spec for address in message["To"].addresses) == sorted(to)
    assert delivered["onboarding"].user_name in message["Subject"]
    assert message.defects == []
    # RFC 5322, 2.1.1
    assert max(map(len, raw.splitlines())) <= 998


@MAILS
def test_nothing_in_it_is_fetched_from_anywhere(delivered: dict[str, Any], subject: str) -> None:
    html = part(delivered, subject, "html")
    assert not re.search(r"<(img|script|iframe|link|object|form)\b|\b(src|background)\s*=|@import|url\(", html)


def test_the_link_stands_whole_and_alone_on_its_line(delivered: dict[str, Any]) -> None:
    lines = part(delivered, "Your AWS account access", "plain").splitlines()
    links = [line for line in lines if "#" in line]
    assert len(links) == 1
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+/claim#[A-Za-z0-9_-]{43}", links[0])
    assert f'href="{links[0]}"' in part(delivered, "Your AWS account access", "html")


def test_the_list_can_be_narrowed_to_an_address_and_to_what_it_is_about(delivered: dict[str, Any]) -> None:
    narrow, listed = delivered["narrow"], delivered["listed"]
    onboarding = delivered["onboarding"]
    to_user = [mail for mail in listed if onboarding.email in mail["to"]]
    assert narrow(onboarding.email) == to_user != listed
    assert narrow(about=onboarding.id) == [mail for mail in listed if onboarding.id in mail["text"]] != []
    assert narrow(onboarding.email, "nobody & nothing") == []


def test_letters_of_all_kinds_arrive(delivered: dict[str, Any]) -> None:
    for kind in ("plain", "html"):
        assert JUSTIFICATION in part(delivered, "Approval wanted", kind)
