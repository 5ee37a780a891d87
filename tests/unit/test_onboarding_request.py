"""A request is canonical or refused, whatever somebody sends."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatehouse import onboarding_request
from gatehouse.errors import InvalidRequest
from tests.unit.account import make_request

FIELDS = sorted(onboarding_request.schema()["properties"])
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)
SOUND: dict[str, Any] = {
    "kind": "person",
    "user_name": "alice.developer",
    "email": "alice@example.com",
    "profile": "developer",
    "access": ["programmatic", "console"],
    "groups": ["Admins"],
    "policies": ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"],
    "copy_from": "bob",
    "permissions_boundary": "narrow",
    "password_secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:chosen-AbCdEf",
    "require_password_reset": False,
    "tags": {"cost-center": "4711", "équipe": "été 2026"},
    "justification": "joins the migration team, “phase 2”",
    "expires_at": "2026-12-31T23:59:59+02:00",
}


def refused(document: object) -> set[str]:
    """The fields that are named as wrong; empty if the document is taken."""
    try:
        onboarding_request.canonical(document)
    except InvalidRequest as error:
        return {problem.field for problem in error.problems}
    return set()


@given(st.sampled_from(FIELDS), ANY_JSON)
@example("tags", {"a": "\ud800"})
@example("justification", "\ud800")
@example("expires_at", "9999-99-99T99:99:99Z")
def test_whatever_a_field_holds_it_is_taken_or_the_field_is_named(field: str, value: object) -> None:
    assert refused(make_request(**{field: value})) <= {field}


@given(ANY_JSON)
def test_whatever_is_sent_is_canonical_or_refused(document: object) -> None:
    refused(document)


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"")
@example(b"[" * 30_000)
@example(b'{"tags": ' + b'{"a": ' * 5_000)
@example(b"NaN")
@example(b"1e999999")
@example(b"9" * 5_000)
def test_whatever_bytes_are_sent_they_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        onboarding_request.parse(body)


@given(st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=3))
def test_what_is_canonical_stays_as_it_is(changes: dict[str, Any]) -> None:
    try:
        canonical = onboarding_request.canonical(make_request() | changes)
    except InvalidRequest:
        return
    assert onboarding_request.canonical(canonical) == canonical
    assert onboarding_request.parse(json.dumps(canonical).encode()) == canonical


def test_every_field_has_a_value_once_it_is_canonical() -> None:
    assert onboarding_request.canonical(make_request()) == {
        "kind": "person",
        "user_name": "alice.developer",
        "email": "alice@example.com",
        "profile": "developer",
        "access": ["console"],
        "groups": [],
        "policies": [],
        "copy_from": None,
        "permissions_boundary": None,
        "password_secret_arn": None,
        "require_password_reset": True,
        "tags": {},
        "justification": None,
        "expires_at": None,
    }


@pytest.mark.parametrize("field", FIELDS)
def test_a_sound_value_of_each_field_is_kept(field: str) -> None:
    assert onboarding_request.canonical(make_request(**{field: SOUND[field]}))[field] == SOUND[field]


@pytest.mark.parametrize("field", ["user_name", "email", "profile"])
def test_a_missing_field_is_named_with_what_it_must_be(field: str) -> None:
    document = make_request()
    del document[field]
    with pytest.raises(InvalidRequest, match=rf"^{field} is required: it must be "):
        onboarding_request.canonical(document)


def test_every_wrong_field_is_named_at_once() -> None:
    assert refused({"user_name": 5, "email": "x", "surprise": 1}) == {"user_name", "email", "profile", "surprise"}


@pytest.mark.parametrize("field", [name for name in FIELDS if isinstance(SOUND[name], str)])
@pytest.mark.parametrize(
    "added", ["\n", "\r\nBcc: eve@example.com", "\x00", "<script>alert(1)</script>", "\u2028", "\u202e"]
)
def test_injections_are_refused_in_every_text_field(field: str, added: str) -> None:
    assert refused(make_request(**{field: f"{SOUND[field]}{added}"})) == {field}
    assert refused(make_request(**{field: f"{added}{SOUND[field]}"})) == {field}


@pytest.mark.parametrize("added", ["\n", "\r\nBcc: eve@example.com", "\x00", "<script>", "\u2028"])
def test_injections_are_refused_inside_lists_and_tags(added: str) -> None:
    assert refused(make_request(groups=[f"Admins{added}"])) == {"groups"}
    assert refused(make_request(policies=[f"{SOUND['policies'][0]}{added}"])) == {"policies"}
    assert refused(make_request(tags={f"key{added}": "value"})) == {"tags"}
    assert refused(make_request(tags={"key": f"value{added}"})) == {"tags"}


@pytest.mark.parametrize(
    "user_name",
    [
        "",
        "1alice",
        ".alice",
        "a" * 65,
        "alice smith",
        "alice/bob",
        "alice*",
        "álice",
        "alice#1",
        "${aws:username}",
        "a\n",
    ],
)
def test_a_name_that_iam_or_we_refuse_is_refused(user_name: str) -> None:
    assert refused(make_request(user_name=user_name)) == {"user_name"}


@pytest.mark.parametrize("user_name", ["a", "A" * 64, "a+=,.@_-9", "alice@example.com"])
def test_a_name_that_iam_takes_is_taken(user_name: str) -> None:
    assert refused(make_request(user_name=user_name)) == set()


@pytest.mark.parametrize(
    "email",
    [
        "alice",
        "@example.com",
        "alice@",
        "alice@example",
        "alice@@example.com",
        "a lice@example.com",
        "alice@example.com,eve@example.com",
        "alice@example.com; eve@example.com",
        "Alice <alice@example.com>",
        '"alice"@example.com',
        "alice@[127.0.0.1]",
        ".alice@example.com",
        "alice.@example.com",
        "al..ice@example.com",
        "alice@-example.com",
        "alice@exa_mple.com",
        "alice@exámple.com",
        "alice@example.com.",
        f"{'a' * 65}@example.com",
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example",
    ],
)
def test_what_is_not_one_plain_address_is_refused(email: str) -> None:
    assert refused(make_request(email=email)) == {"email"}


@pytest.mark.parametrize(
    "email", ["liam.o'brien@example.com", f"{'a' * 64}@example.com", "a_b%c+d=e-f@x-1.example.org"]
)
def test_an_address_as_people_have_them_is_taken(email: str) -> None:
    assert refused(make_request(email=email)) == set()


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "Aws:", "gatehouse:x", "GateHouse:id", "", "k" * 129, "a\tb"])
def test_a_tag_key_that_is_not_the_requester_s_is_refused(key: str) -> None:
    assert refused(make_request(tags={key: "x"})) == {"tags"}


def test_tags_that_iam_would_take_for_one_are_refused() -> None:
    assert refused(make_request(tags={"team": "a", "Team": "b"})) == {"tags"}


@pytest.mark.parametrize(("field", "most"), [("groups", 9), ("policies", 10), ("tags", 40)])
def test_there_is_a_limit_to_what_one_request_asks_for(field: str, most: int) -> None:
    def so_many(count: int) -> Any:
        if field == "tags":
            return {f"key-{number}": "x" for number in range(count)}
        pattern = "group-{}" if field == "groups" else "arn:aws:iam::aws:policy/policy-{}"
        return [pattern.format(number) for number in range(count)]

    assert refused(make_request(**{field: so_many(most)})) == set()
    assert refused(make_request(**{field: so_many(most + 1)})) == {field}


@pytest.mark.parametrize("field", ["access", "groups", "policies"])
def test_nothing_is_asked_for_twice_or_as_a_plain_text(field: str) -> None:
    value = SOUND[field][0]
    assert refused(make_request(**{field: [value, value]})) == {field}
    assert refused(make_request(**{field: value})) == {field}
    assert refused(make_request(**{field: None})) == {field}


@pytest.mark.parametrize(
    "expires_at",
    ["2026-12-31", "2026-12-31T23:59:59", "2026-12-31 23:59:59Z", "20261231T235959Z", 1_800_000_000, "tomorrow"],
)
def test_an_end_is_an_rfc_3339_time(expires_at: object) -> None:
    assert refused(make_request(expires_at=expires_at)) == {"expires_at"}


def test_a_field_given_twice_is_refused_and_named() -> None:
    body = b'{"user_name": "alice", "email": "a@example.com", "profile": "developer", "user_name": "bob"}'
    with pytest.raises(InvalidRequest) as error:
        onboarding_request.parse(body)
    assert [problem.field for problem in error.value.problems] == ["user_name"]


def test_a_name_given_twice_inside_a_field_is_refused_too() -> None:
    body = b'{"user_name": "alice", "email": "a@example.com", "profile": "developer", "tags": {"a": "1", "a": "2"}}'
    with pytest.raises(InvalidRequest) as error:
        onboarding_request.parse(body)
    assert [problem.field for problem in error.value.problems] == ["tags"]


@pytest.mark.parametrize("depth", [*range(100, 1100, 50), *range(900, 1000, 5), 5_000])
def test_however_deeply_it_is_nested_it_is_refused(depth: int) -> None:
    body = json.dumps(make_request())[:-1] + ', "tags": ' + "[" * depth + "]" * depth + "}"
    with pytest.raises(InvalidRequest):
        onboarding_request.parse(body.encode())
