"""GET /onboardings and GET /onboardings/{id}."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from local.client import Person
from tests.e2e import asking

REQUEST = {
    "kind",
    "user_name",
    "email",
    "profile",
    "access",
    "groups",
    "policies",
    "copy_from",
    "permissions_boundary",
    "password_secret_arn",
    "require_password_reset",
    "tags",
    "justification",
    "expires_at",
}


@pytest.fixture(scope="module")
def newcomer(stack: dict[str, Any]) -> Person:
    """A requester of whom the stack has heard nothing yet."""
    return asking.person_with(stack, "requester")


@pytest.fixture(scope="module")
def five(newcomer: Person) -> list[str]:
    """The ids of what the newcomer requested, newest first, all waiting for an approver."""
    submitted = [asking.submit(newcomer, profile="power-user") for _ in range(5)]
    for onboarding in submitted:
        asking.awaited(newcomer.stack, onboarding.id, "PENDING_APPROVAL")
    return [onboarding.id for onboarding in reversed(submitted)]


def ids(page: dict[str, Any]) -> list[str]:
    return [item["onboarding_id"] for item in page["items"]]


def pages(person: Person, query: str) -> Iterator[list[str]]:
    cursor = None
    while True:
        answer = person.get(f"/onboardings?{query}" + (f"&cursor={quote(cursor, safe='')}" if cursor else ""))
        assert answer.status == 200, answer.body
        assert set(answer.json) == {"items", "next_cursor"}
        yield ids(answer.json)
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return


def test_a_record_shows_the_whole_request_what_it_amounts_to_and_what_happened(
    requester: Person, stack: dict[str, Any]
) -> None:
    onboarding = asking.needing_approval(requester, tags={"team": "blue"})
    answer = requester.get(onboarding.path)
    assert answer.status == 200
    assert asking.header(answer, "Content-Type") == "application/json"
    assert asking.header(answer, "Cache-Control") == "no-store"
    record = answer.json
    assert set(record) > REQUEST
    assert record["onboarding_id"] == onboarding.id
    assert record["status"] == "PENDING_APPROVAL"
    assert record["status_reason"] is None
    assert (record["kind"], record["access"], record["require_password_reset"]) == ("person", ["console"], True)
    assert record["tags"] == {"team": "blue"}
    assert record["grants"]["managed_policies"] == ["arn:aws:iam::aws:policy/PowerUserAccess"]
    assert [entry["event"] for entry in record["timeline"]][:1] == ["requested"]
    assert all(set(entry) == {"at", "event", "by", "detail"} for entry in record["timeline"])
    assert record["timeline"][0]["by"] == "requester@example.com"
    assert record["links"]["self"] == onboarding.path
    found = list(asking.times(record))
    assert len(found) > 5
    assert all(asking.TIME.fullmatch(time) for time in found), found
    # No end was asked for: it ends when the profile says.
    days = datetime.fromisoformat(record["expires_at"]) - datetime.fromisoformat(record["created_at"])
    assert round(days / timedelta(days=1)) == 180


def test_an_expiry_in_another_time_zone_is_shown_in_utc(requester: Person) -> None:
    soon = asking.submit(requester, profile="power-user")
    year = int(requester.get(soon.path).json["created_at"][:4]) + 1
    onboarding = asking.submit(requester, profile="developer", expires_at=f"{year}-01-01T05:30:00.5+05:30")
    assert requester.get(onboarding.path).json["expires_at"] == f"{year}-01-01T00:00:00.500000Z"


def test_no_answer_about_an_onboarding_holds_what_opens_it(requester: Person, stack: dict[str, Any]) -> None:
    onboarding = asking.submit(requester)
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    secrets = [onboarding.claim_code, asking.token(stack, onboarding)]
    row = asking.root(stack, "dynamodb").get_item(
        TableName=stack["table_name"], Key={"pk": {"S": f"onboarding#{onboarding.id}"}}
    )["Item"]
    secrets += [row["task_token"]["S"], *[claim["S"] for claim in row["claims"]["M"].values()]]
    assert len(secrets) == 4
    shown = requester.get(onboarding.path).body + requester.get(f"/onboardings?user_name={onboarding.user_name}").body
    assert onboarding.id.encode() in shown
    assert not [secret for secret in secrets if secret.encode() in shown]


@pytest.mark.parametrize("name", ["nothing", "00000000-0000-0000-0000-000000000000", "..", "%2e%2e", "a" * 3000])
@pytest.mark.parametrize("route", ["read", "resend", "cancel"])
def test_an_unknown_id_is_not_found(operator: Person, route: str, name: str) -> None:
    method, path = asking.ROUTES[route]
    asking.problem(operator.call(method, path.format(id=name)), 404, "not-found")


@pytest.mark.parametrize("name", ["nothing", "%23", "user%23admin", "a" * 3000])
def test_an_unknown_id_is_not_decided(approver: Person, name: str) -> None:
    asking.problem(approver.post(f"/onboardings/{name}/decision", {"decision": "approve"}), 404, "not-found")


@pytest.mark.parametrize("name", ["%23", "onboarding%23x", "%00", "%F0%9F%98%80", "%3Cb%3E", "a%0a", "a%20b", "%252e"])
def test_an_id_that_cannot_be_one_is_not_found(operator: Person, name: str) -> None:
    asking.problem(operator.get(f"/onboardings/{name}"), 404, "not-found")


def test_the_list_shows_the_newest_first_without_timelines(newcomer: Person, five: list[str]) -> None:
    answer = newcomer.get("/onboardings")
    assert answer.status == 200
    assert ids(answer.json) == five
    assert answer.json["next_cursor"] is None
    assert all("timeline" not in item and item["status"] == "PENDING_APPROVAL" for item in answer.json["items"])


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (100, [5])])
def test_pages_follow_each_other_without_a_gap_or_a_repeat(
    newcomer: Person, five: list[str], limit: int, sizes: list[int]
) -> None:
    found = list(pages(newcomer, f"limit={limit}"))
    assert [len(page) for page in found] == sizes
    assert [onboarding for page in found for onboarding in page] == five


def test_twenty_are_shown_if_no_limit_is_given(operator: Person, requester: Person, stack: dict[str, Any]) -> None:
    shown = 21 - len(operator.get("/onboardings?limit=21").json["items"])
    for _ in range(shown):
        asking.submit(requester, profile="power-user")
    page = operator.get("/onboardings").json
    assert len(page["items"]) == 20
    assert page["next_cursor"]


def test_a_requester_sees_the_own_onboardings_and_operators_and_approvers_all(
    newcomer: Person, five: list[str], operator: Person, approver: Person, requester: Person
) -> None:
    others = asking.submit(requester, profile="power-user")
    assert others.id not in ids(newcomer.get("/onboardings?limit=100").json)
    assert not {*five} & {*ids(requester.get("/onboardings?limit=100").json)}
    for reader in (operator, approver):
        assert {*five, others.id} <= {*ids(reader.get("/onboardings?limit=100").json)}
    user_name = requester.get(others.path).json["user_name"]
    assert ids(newcomer.get(f"/onboardings?user_name={user_name}").json) == []
    assert ids(requester.get(f"/onboardings?user_name={user_name}").json) == [others.id]


def test_the_list_can_be_narrowed_by_status_and_by_name(newcomer: Person, five: list[str], operator: Person) -> None:
    assert ids(newcomer.get("/onboardings?status=PENDING_APPROVAL").json) == five
    assert ids(newcomer.get("/onboardings?status=COMPLETE").json) == []
    one = newcomer.get(f"/onboardings/{five[2]}").json["user_name"]
    for name in (one, one.upper()):
        assert ids(operator.get(f"/onboardings?user_name={name}").json) == [five[2]]
    assert ids(operator.get(f"/onboardings?user_name={one}&status=PENDING_APPROVAL").json) == [five[2]]
    assert ids(operator.get(f"/onboardings?user_name={one}&status=FAILED").json) == []
    assert ids(operator.get("/onboardings?user_name=nobody-of-this-name").json) == []
    page = operator.get("/onboardings?status=PENDING_APPROVAL&limit=100").json
    assert {*five} <= {*ids(page)}
    assert {item["status"] for item in page["items"]} == {"PENDING_APPROVAL"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *[(f"limit={limit}", "limit") for limit in ("0", "101", "-1", "ten", "1.5", "", "%D9%A3", "9" * 40)],
        *[(f"status={status}", "status") for status in ("complete", "DONE", "", "COMPLETE%20")],
        *[(f"user_name={name}", "user_name") for name in ("", "a%20b", "%00", "a" * 3000, "%F0%9F%98%80")],
        ("limit=1&limit=2", "limit"),
        ("status=COMPLETE&status=FAILED", "status"),
        ("page=2", "page"),
    ],
)
def test_a_wrong_parameter_is_named(operator: Person, query: str, field: str) -> None:
    assert asking.wrong_fields(operator.get(f"/onboardings?{query}")) == {field}


def position(**changed: Any) -> str:
    """A cursor that somebody made up."""
    made_up = {"index": "by_time", "id": "a", "at": "2026-01-01T00:00:00Z", "of": "onboarding", **changed}
    return base64.urlsafe_b64encode(json.dumps(made_up).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%E2%82%AC",
        quote("[" * 3000, safe=""),
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
        position(id=""),
        position(id="user#admin"),
        position(id=7),
        position(at=""),
        position(at=7),
        position(at="0001-01-01T00:00:00+23:00"),
        position(index="by_user"),
        position(of="somebody"),
    ],
    ids=lambda cursor: cursor[:20],
)
def test_a_cursor_that_the_list_did_not_give_is_refused(operator: Person, cursor: str) -> None:
    assert asking.wrong_fields(operator.get(f"/onboardings?cursor={cursor}")) == {"cursor"}


def test_a_cursor_is_of_its_own_list_only(newcomer: Person, five: list[str], operator: Person) -> None:
    own = newcomer.get("/onboardings?limit=1").json["next_cursor"]
    all_of_them = operator.get("/onboardings?limit=1").json["next_cursor"]
    assert asking.wrong_fields(operator.get(f"/onboardings?cursor={own}")) == {"cursor"}
    assert asking.wrong_fields(newcomer.get(f"/onboardings?cursor={all_of_them}")) == {"cursor"}
    assert asking.wrong_fields(operator.get(f"/onboardings?status=FAILED&cursor={all_of_them}")) == {"cursor"}
