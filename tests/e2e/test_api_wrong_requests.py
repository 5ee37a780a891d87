"""A wrong request is refused with the field named, and nothing comes of it."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatehouse import onboarding_request
from local.client import Answer, Person, mails
from tests.e2e import asking

Post = Callable[[dict[str, Any] | bytes], Answer]

SCHEMA = json.loads(Path(onboarding_request.__file__).with_name("onboarding_request.schema.json").read_text())
FIELDS: dict[str, Any] = SCHEMA["properties"]

OF_EVERY_TYPE: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "number": 7,
    "string": "text",
    "array": [],
    "object": {},
}
"""A value of every JSON type."""

ALLOWED_TYPES = {"kind": {"string"}, **{name: rule["type"] for name, rule in FIELDS.items() if "type" in rule}}

HEADER = "fine\r\nBcc: everybody@example.com"
HTML = "<script src=//evil.example></script>"
INJECTIONS = {"header": HEADER, "html": HTML, "null": "a\u0000b", "line-separator": "a\u2028b"}

TEXTS: dict[str, Callable[[str], Any]] = {
    **{name: str for name in FIELDS if "string" in ALLOWED_TYPES[name]},
    **{name: lambda text: [text] for name in FIELDS if "array" in ALLOWED_TYPES[name]},
    "tags": lambda text: {"team": text},
}
"""Every field that holds text, with how it holds it."""

MALFORMED: list[tuple[str, Any]] = [
    *[
        ("user_name", name)
        for name in ("", "1st", "a b", "a/b", "../a", "a" * 65, "älice", "\uff41lice", "alice\n", "a;b")
    ],
    *[("email", address) for address in ("", "alice", "@example.com", "alice@", "alice@example", "alice@@example.com")],
    *[("email", address) for address in ("<alice@example.com>", "Alice <alice@example.com>", "alice@example.com\n")],
    *[("email", address) for address in ("a@example.com,b@example.com", "a..b@example.com", ".a@example.com")],
    ("email", f"{'a' * 250}@example.com"),
    *[("profile", name) for name in ("", "emperor", "Developer", "developer ", "../developer")],
    *[("kind", kind) for kind in ("robot", "Person", "application")],
    *[("access", access) for access in ([], ["telnet"], ["console", "console"], ["console", 1], "console")],
    *[("groups", groups) for groups in (["admins"], ["a"] * 2, [f"group{n}" for n in range(10)], [None])],
    ("policies", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ("policies", ["arn:aws:iam::999999999999:policy/theirs"]),
    ("policies", ["AdministratorAccess"]),
    *[("copy_from", name) for name in ("admin", "nobody-at-all", "")],
    ("permissions_boundary", "none"),
    ("permissions_boundary", "arn:aws:iam::999999999999:policy/theirs"),
    ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:999999999999:secret:theirs-AbCdEf"),
    ("password_secret_arn", "Winter2026!"),
    *[("tags", {key: "x"}) for key in ("", "aws:x", "AWS:x", "gatehouse:onboarding-id", "GateHouse:x", "k" * 129)],
    *[("tags", {"key": value}) for value in (1, None, "v" * 257, "\U0001f600", {"a": "b"})],
    ("tags", {"Team": "a", "team": "b"}),
    ("tags", {f"key{number}": "x" for number in range(41)}),
    *[("justification", text) for text in ("", "a" * 501, "two\nlines", "\u202egnp.exe")],
    *[("expires_at", time) for time in ("tomorrow", "2030-01-01", "2030-01-01T00:00:00", "2000-01-01T00:00:00Z")],
    *[("expires_at", time) for time in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "2016-12-31T23:59:60Z")],
    *[
        ("expires_at", time)
        for time in ("0001-01-01T00:00:00+23:59", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00+25:00")
    ],
    *[("unknown", "x"), ("userName", "alice"), ("USER_NAME", "alice"), ("password", "Winter2026!"), ("", "x")],
]

NOT_A_REQUEST = {
    "empty": b"",
    "cut-off": b'{"user_name": "alice"',
    "not-json": b"user_name=alice",
    "utf-16": json.dumps(asking.request()).encode("utf-16"),
    "latin-1": json.dumps(asking.request(justification="é"), ensure_ascii=False).encode("latin-1"),
    "byte-order-mark": b"\xef\xbb\xbf" + json.dumps(asking.request()).encode(),
    "list": b"[]",
    "text": b'"alice"',
    "null": b"null",
    "nan": b"NaN",
    "two-objects": b"{}{}",
    "deep-lists": b"[" * 16_000 + b"]" * 16_000,
    "deep-objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "huge-number": b"1" * 32_000,
}

TWICE = [
    (b'{"user_name": "alice", "user_name": "bob", "email": "a@example.com", "profile": "developer"}', "user_name"),
    (b'{"user_name": "alice", "email": "a@example.com", "profile": "developer", "tags": {"a": "1", "a": "2"}}', "tags"),
    (b'{"user_name": "alice", "email": "a@example.com", "profile": "developer", "groups": {"a": 1, "a": 2}}', "groups"),
]


@pytest.fixture(scope="module")
def before(stack: dict[str, Any]) -> asking.Traces:
    return asking.traces(stack)


@pytest.fixture(scope="module")
def posted() -> list[dict[str, Any]]:
    """The requests of this file that were objects."""
    return []


@pytest.fixture
def refused(requester: Person, before: asking.Traces, posted: list[dict[str, Any]]) -> Post:
    """Posts a request or a body, and remembers it for the last test."""

    def post(request: dict[str, Any] | bytes) -> Answer:
        if isinstance(request, dict):
            posted.append(request)
        body = request if isinstance(request, bytes) else asking.as_json(request)
        return requester.post("/onboardings", body, {"Idempotency-Key": str(uuid.uuid4())})

    return post


@pytest.mark.parametrize("kind", OF_EVERY_TYPE)
def test_a_value_of_another_type_is_refused_in_every_field(refused: Post, kind: str) -> None:
    wrong = [name for name in FIELDS if kind not in ALLOWED_TYPES[name]]
    assert wrong
    assert asking.wrong_fields(refused(asking.request(**dict.fromkeys(wrong, OF_EVERY_TYPE[kind])))) == {*wrong}


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)
def test_what_could_end_a_header_or_begin_an_element_is_refused_in_every_field(refused: Post, text: str) -> None:
    injected = {name: put(text) for name, put in TEXTS.items()}
    assert {"user_name", "email", "justification", "groups", "tags"} <= injected.keys()
    assert asking.wrong_fields(refused(asking.request(**injected))) == injected.keys()
    assert asking.wrong_fields(refused(asking.request(tags={text: "a key"}))) == {"tags"}


@pytest.mark.parametrize(
    ("field", "value"), MALFORMED, ids=lambda part: ascii(part)[:40] if not isinstance(part, str) else ascii(part)[1:41]
)
def test_a_malformed_or_unlisted_value_is_refused(refused: Post, field: str, value: Any) -> None:
    assert asking.wrong_fields(refused(asking.request(**{field: value}))) == {field}


@pytest.mark.parametrize("field", SCHEMA["required"])
def test_a_missing_field_is_named(refused: Post, field: str) -> None:
    assert asking.wrong_fields(refused(asking.request(**{field: ...}))) == {field}


def test_every_wrong_field_is_named_at_once(refused: Post) -> None:
    answer = refused({"email": "nowhere", "profile": "developer", "access": [], "colour": "blue"})
    assert asking.wrong_fields(answer) == {"user_name", "email", "access", "colour"}


def test_half_a_character_is_refused_in_every_field(refused: Post) -> None:
    halves = {name: put("\ud800") for name, put in TEXTS.items()}
    assert asking.wrong_fields(refused(asking.request(**halves))) == halves.keys()


@pytest.mark.parametrize("body", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
def test_a_body_that_is_no_json_object_in_utf_8_is_refused(refused: Post, body: bytes) -> None:
    assert asking.wrong_fields(refused(body)) == {"body"}


@pytest.mark.parametrize(("body", "field"), TWICE, ids=[field for _, field in TWICE])
def test_a_name_given_twice_is_refused(refused: Post, body: bytes, field: str) -> None:
    assert asking.wrong_fields(refused(body)) == {field}


@pytest.mark.parametrize("field", ["access", "tags", "colour"])
@pytest.mark.parametrize("depth", [50, 450, 900])
def test_a_field_nested_too_deeply_is_refused(refused: Post, field: str, depth: int) -> None:
    body = json.dumps(asking.request(**{field: 0})).replace(": 0", ": " + "[" * depth + "]" * depth)
    assert asking.wrong_fields(refused(body.encode())) in ({field}, {"body"})


def test_a_body_above_32_kb_is_too_large(refused: Post) -> None:
    body = json.dumps(asking.request(justification="x")).encode()
    asking.problem(refused(body + b" " * (32 * 1024 + 1 - len(body))), 413, "payload-too-large")


def test_a_body_of_32_kb_is_read(refused: Post) -> None:
    body = json.dumps(asking.request(colour="blue")).encode()
    assert asking.wrong_fields(refused(body + b" " * (32 * 1024 - len(body)))) == {"colour"}


def test_a_migration_admin_needs_a_justification(refused: Post) -> None:
    assert asking.wrong_fields(refused(asking.request(profile="migration-admin"))) == {"justification"}
    blank = refused(asking.request(profile="migration-admin", justification="   "))
    assert asking.wrong_fields(blank) == {"justification"}


def test_an_expiry_later_than_the_profile_allows_is_refused(refused: Post) -> None:
    late = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    answer = refused(asking.request(profile="migration-admin", justification="moves it all", expires_at=late))
    assert asking.wrong_fields(answer) == {"expires_at"}


@pytest.mark.parametrize("key", ["", "k" * 256, "schl\u00fcssel", "a\tb"])
def test_a_malformed_idempotency_key_is_refused(
    requester: Person, before: asking.Traces, posted: list[dict[str, Any]], key: str
) -> None:
    posted.append(asking.request())
    answer = requester.post("/onboardings", posted[-1], {"Idempotency-Key": key})
    assert asking.wrong_fields(answer) == {"Idempotency-Key"}


def test_nothing_came_of_all_these_requests(
    stack: dict[str, Any], refused: Post, before: asking.Traces, posted: list[dict[str, Any]]
) -> None:
    assert asking.wrong_fields(refused(asking.request(colour="blue"))) == {"colour"}
    assert asking.traces(stack) == before
    assert not {str(request.get("user_name")).lower() for request in posted} & asking.known_names(stack)
    written_to = {address for mail in mails(stack) for address in mail["to"]}
    assert not {str(request.get("email")) for request in posted} & written_to
