"""The sample events hold no secret, and nothing of anybody real."""

import json
import re
from pathlib import Path

import pytest

from tests.wiring.template import ROOT

EVENTS = sorted((ROOT / "events").glob("*.json"))
ALL = pytest.mark.parametrize("path", EVENTS, ids=[path.stem for path in EVENTS])
# Keys, tokens, private keys, hashes: whatever looks like one and is not marked as a sample.
SECRET_LIKE = re.compile(r"\b(AKIA|ASIA)(?!\w*EXAMPLE)\w{16}\b|-----BEGIN|\b[0-9a-f]{64}\b|[A-Za-z0-9+/]{60,}={0,2}")
ACCOUNT = re.compile(r"\b\d{12}\b")
ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
MAIL = re.compile(r"[\w.+-]+@([\w-]+\.)+[\w-]+")


@ALL
def test_an_event_holds_no_secret(path: Path) -> None:
    marked = path.read_text().replace(SAMPLE_TOKEN, "")
    assert SECRET_LIKE.findall(marked) == []


@ALL
def test_accounts_addresses_and_mails_are_those_of_documentation(path: Path) -> None:
    text = path.read_text()
    assert set(ACCOUNT.findall(text)) <= {"123456789012", "111122223333", "444455556666"}
    # RFC 5737; the rest of the dotted numbers are versions of user agents.
    assert all(found.startswith("203.0.113.") for found in ADDRESS.findall(text))
    assert all(found.group().endswith("example.com") for found in MAIL.finditer(text))


@ALL
def test_an_event_is_written_as_a_person_reads_it(path: Path) -> None:
    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


SAMPLE_TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAWV4YW1wbGUtdGFzay10b2tlbi1vZi1hLXNhbXBsZS1ldmVudA=="
"""Base64 of "example-task-token-of-a-sample-event" behind a task token's first bytes."""
