"""ReadOnboardings: what stands where, for who may know it, page by page."""

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gatehouse import records, times
from gatehouse.edges.read_onboardings import DEFAULT_PAGE, LARGEST_PAGE
from gatehouse.model import Onboarding, Requester, Status
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    NOW,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    SECURITY_APPROVER,
    TASK_TOKEN,
    Account,
    Answer,
    arn_of,
)

SOMEBODY = "somebody@example.com"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer"


def add(
    aws: Account, number: int, *, by: str = REQUESTER, status: Status = Status.PENDING_MFA, **changes: Any
) -> Onboarding:
    """The onboarding `o<number>` of user `user-<number>`, requested at second <number>."""
    described = {"onboarding_id": f"o{number}", "user_name": f"user-{number}"} | changes
    requester = Requester(arn_of(by), None if ":assumed-role/" in by else by, verified=True)
    return aws.seed(status, requester=requester, record={"created_at": times.after(NOW, number)}, **described)


def read(aws: Account, caller: str = REQUESTER, onboarding_id: str = ONBOARDING_ID) -> Answer:
    return aws.api("read_onboardings", caller=caller, pathParameters={"id": onboarding_id})


def browse(aws: Account, caller: str = OPERATOR, **query: str) -> Answer:
    return aws.api(
        "read_onboardings",
        case="list",
        caller=caller,
        queryStringParameters=query or None,
        multiValueQueryStringParameters={name: [value] for name, value in query.items()} or None,
    )


def found(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [item["onboarding_id"] for item in answer.json["items"]]


def pages(aws: Account, caller: str = OPERATOR, **query: str) -> Iterator[list[str]]:
    """Every page of a list, one after the other."""
    answer = browse(aws, caller, **query)
    yield found(answer)
    while cursor := answer.json["next_cursor"]:
        answer = browse(aws, caller, **query, cursor=cursor)
        yield found(answer)


def encoded(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def test_a_record_is_shown_with_its_timeline_and_its_grants(aws: Account) -> None:
    aws.seed()
    aws.step("validate_request")
    answer = read(aws)
    assert answer.status == 200
    assert answer.json == json.loads(json.dumps(aws.record().public()))
    assert [entry["event"] for entry in answer.json["timeline"]] == ["validate_request"]
    assert "AssumeResourceCreatorRole" in answer.json["grants"]["inline_policies"]


def test_neither_token_nor_hash_is_shown(aws: Account) -> None:
    claims = {"password": "5e884898da28047151d0e56f8dc62927"}
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN, "claims": claims})
    for answer in (read(aws), browse(aws)):
        assert ONBOARDING_ID in answer.body
        assert TASK_TOKEN not in answer.body
        assert claims["password"] not in answer.body


@pytest.mark.parametrize("caller", [REQUESTER, REQUESTER.title(), OPERATOR, APPROVER, SECURITY_APPROVER])
def test_requester_operators_and_approvers_may_read(aws: Account, caller: str) -> None:
    aws.seed()
    assert read(aws, caller).status == 200


@pytest.mark.parametrize(
    "caller", [SOMEBODY, "alice.developer", f"arn:aws:iam::{ACCOUNT}:root", f"{ROLE}/{OPERATOR}", f"{ROLE}/{REQUESTER}"]
)
def test_nobody_else_may(aws: Account, caller: str) -> None:
    aws.seed()
    assert read(aws, caller).problem == (403, "not-yours")
    assert found(browse(aws, caller)) == []


@pytest.mark.parametrize("onboarding_id", ["nobody-s", "has.a.dot", "x" * 81, "../user", "ü"])
def test_an_id_that_is_none_is_not_found(aws: Account, onboarding_id: str) -> None:
    aws.seed()
    assert read(aws, OPERATOR, onboarding_id).problem == (404, "not-found")


def test_a_list_is_newest_first_and_has_no_timelines(aws: Account) -> None:
    for number in (2, 3, 1):
        add(aws, number)
    answer = browse(aws)
    assert found(answer) == ["o3", "o2", "o1"]
    assert answer.json["next_cursor"] is None
    shown = json.loads(json.dumps(aws.record("o3").public()))
    del shown["timeline"]
    assert answer.json["items"][0] == shown


def test_without_onboardings_the_list_is_empty(aws: Account) -> None:
    assert browse(aws).json == {"items": [], "next_cursor": None}


def test_requesters_see_what_they_requested_and_readers_everything(aws: Account) -> None:
    add(aws, 1)
    add(aws, 2, by=SOMEBODY)
    assert found(browse(aws, REQUESTER)) == ["o1"]
    assert found(browse(aws, SOMEBODY)) == ["o2"]
    for reader in (OPERATOR, APPROVER, SECURITY_APPROVER):
        assert found(browse(aws, reader)) == ["o2", "o1"]


def test_a_role_sees_what_it_requested_in_any_session(aws: Account) -> None:
    add(aws, 1, by=f"{ROLE}/monday")
    assert found(browse(aws, f"{ROLE}/tuesday")) == ["o1"]
    assert found(browse(aws, f"{ROLE}-other/monday")) == []


def test_what_was_started_in_the_console_is_listed_for_readers_only(aws: Account) -> None:
    aws.seed(requester=Requester(None, None, verified=False))
    assert found(browse(aws, OPERATOR)) == [ONBOARDING_ID]
    assert found(browse(aws, REQUESTER)) == []


@pytest.mark.parametrize("caller", [OPERATOR, REQUESTER])
def test_a_list_can_be_narrowed(aws: Account, caller: str) -> None:
    add(aws, 1, status=Status.COMPLETE, user_name="alice")
    add(aws, 2, status=Status.FAILED, user_name="bea")
    add(aws, 3, status=Status.FAILED, user_name="Alice")
    assert found(browse(aws, caller, status="FAILED")) == ["o3", "o2"]
    assert found(browse(aws, caller, user_name="ALICE")) == ["o3", "o1"]
    assert found(browse(aws, caller, user_name="alice", status="COMPLETE")) == ["o1"]
    assert found(browse(aws, caller, user_name="nobody")) == []
    assert found(browse(aws, caller, status="EXPIRED")) == []


def test_narrowing_shows_nobody_more(aws: Account) -> None:
    add(aws, 1, by=SOMEBODY)
    assert found(browse(aws, REQUESTER, user_name="user-1")) == []
    assert found(browse(aws, REQUESTER, status="PENDING_MFA")) == []


LISTS: list[tuple[str, dict[str, str]]] = [
    (OPERATOR, {}),
    (OPERATOR, {"status": "PENDING_MFA"}),
    (OPERATOR, {"user_name": "alice"}),
    (REQUESTER, {}),
    (REQUESTER, {"status": "PENDING_MFA"}),
    (REQUESTER, {"user_name": "alice", "status": "PENDING_MFA"}),
]


@pytest.mark.parametrize(("caller", "query"), LISTS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_page_by_page_everything_is_seen_once(aws: Account, caller: str, query: dict[str, str], limit: int) -> None:
    wanted: list[str] = []
    for number in range(1, 6):
        # What does not match lies between what does.
        add(aws, number + 10, by=SOMEBODY, status=Status.FAILED)
        wanted.insert(0, add(aws, number, user_name="alice").onboarding_id)
    if (caller, query) == LISTS[0]:
        wanted = [f"o{number}" for number in (*range(15, 10, -1), *range(5, 0, -1))]
    seen = list(pages(aws, caller, **query, limit=str(limit)))
    assert [onboarding for page in seen for onboarding in page] == wanted
    assert {len(page) for page in seen[:-1]} <= {limit}


def test_a_full_last_page_has_no_cursor(aws: Account) -> None:
    for number in range(1, 5):
        add(aws, number)
    assert [len(page) for page in pages(aws, limit="2")] == [2, 2]


def test_a_new_onboarding_moves_no_page(aws: Account) -> None:
    for number in range(1, 4):
        add(aws, number)
    first = browse(aws, limit="2")
    add(aws, 4)
    assert found(browse(aws, limit="2", cursor=first.json["next_cursor"])) == ["o1"]


def test_a_match_that_lies_behind_a_hundred_others_is_found(aws: Account) -> None:
    add(aws, 1, status=Status.FAILED)
    for number in range(2, LARGEST_PAGE + 3):
        add(aws, number)
    assert found(browse(aws, REQUESTER, status="FAILED")) == ["o1"]
    assert len(found(browse(aws, REQUESTER))) == DEFAULT_PAGE
    assert len(found(browse(aws, REQUESTER, limit=str(LARGEST_PAGE)))) == LARGEST_PAGE


def test_a_page_costs_two_calls(aws: Account) -> None:
    for number in range(1, 4):
        add(aws, number)
    before = len(aws.wire.calls)
    browse(aws)
    assert [name for name, _ in aws.wire.calls[before:]] == ["Query", "BatchGetItem"]


def test_records_are_shown_as_they_stand_whatever_the_index_says(aws: Account) -> None:
    """An index follows its table a moment later."""
    add(aws, 1)
    add(aws, 2)
    add(aws, 3)

    def meanwhile() -> None:
        add(aws, 2, status=Status.COMPLETE)
        aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": records.key("o3")}})

    aws.wire.first("BatchGetItem", meanwhile)
    assert found(browse(aws, status="PENDING_MFA")) == ["o1"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "+1", " 1", "1.0", "ten", "", "\uff11", "9" * 5000])
def test_a_limit_is_a_number_from_1_to_100(aws: Account, limit: str) -> None:
    answer = browse(aws, limit=limit)
    assert answer.problem == (400, "invalid-request")
    assert answer.fields == {"limit"}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"status": "pending_mfa"}, {"status"}),
        ({"status": ""}, {"status"}),
        ({"user_name": ""}, {"user_name"}),
        ({"user_name": "no spaces"}, {"user_name"}),
        ({"user_name": "x" * 65}, {"user_name"}),
        ({"username": "alice"}, {"username"}),
        ({"status": "x", "limit": "x", "page": "2", "cursor": "x"}, {"status", "limit", "page", "cursor"}),
    ],
)
def test_every_wrong_filter_is_named(aws: Account, query: dict[str, str], fields: set[str]) -> None:
    answer = browse(aws, **query)
    assert answer.problem == (400, "invalid-request")
    assert answer.fields == fields
    assert aws.wire.names("Query") == []


def test_a_filter_given_twice_is_refused(aws: Account) -> None:
    answer = aws.api(
        "read_onboardings",
        case="list",
        queryStringParameters={"status": "FAILED"},
        multiValueQueryStringParameters={"status": ["COMPLETE", "FAILED"]},
    )
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"status"})


NO_POSITIONS: list[Any] = [[], {}, None, 5, "text"]
SOUND = {"index": "by_time", "id": "o1", "at": NOW, "of": "onboarding"}


def test_a_cursor_made_by_hand_is_as_good_as_its_content(aws: Account) -> None:
    """Otherwise the wrong ones below could be refused for another reason."""
    assert browse(aws, cursor=encoded(SOUND)).status == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "é",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        *[encoded(document) for document in NO_POSITIONS],
        *[encoded({name: value for name, value in SOUND.items() if name != gone}) for gone in SOUND],
        *[encoded(SOUND | {"id": value}) for value in (5, None, "has.a.dot", ["o1"], {"S": "o1"})],
        *[
            encoded(SOUND | {"at": value})
            for value in (5, None, "yesterday", "2026-03-02", "0001-01-01T00:00:00+23:59")
        ],
        encoded(SOUND | {"index": "by_status"}),
        encoded(SOUND | {"of": "claim"}),
        base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("="),
    ],
    ids=lambda cursor: cursor[:24] or "empty",
)
def test_a_cursor_that_is_none_is_refused(aws: Account, cursor: str) -> None:
    answer = browse(aws, cursor=cursor)
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"cursor"})


def test_a_cursor_is_of_its_own_list_only(aws: Account) -> None:
    for number in range(1, 4):
        add(aws, number, user_name="alice")
    mine = browse(aws, REQUESTER, limit="1").json["next_cursor"]
    everything = browse(aws, OPERATOR, limit="1").json["next_cursor"]
    for caller, query, cursor in (
        (SOMEBODY, {}, mine),
        (OPERATOR, {}, mine),
        (REQUESTER, {}, everything),
        (OPERATOR, {"status": "PENDING_MFA"}, everything),
        (OPERATOR, {"user_name": "alice"}, everything),
    ):
        answer = browse(aws, caller, **query, cursor=cursor)
        assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"cursor"})


def test_reading_changes_nothing_and_logs_no_content(aws: Account, log: io.StringIO) -> None:
    before = aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    read(aws)
    browse(aws)
    assert aws.record() == before
    assert "answered" in log.getvalue()
    assert TASK_TOKEN not in log.getvalue()
    assert before.user_name not in log.getvalue()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_table_that_does_not_answer_makes_the_answer_busy(aws: Account, code: str) -> None:
    aws.wire.refuse("GetItem", code)
    refused = read(aws)
    assert refused.problem == (503, "busy")
    assert refused.headers["Retry-After"] == "2"


def sheet(aws: Account, accept: str = "text/csv", caller: str = OPERATOR, **query: str) -> Answer:
    """The list, asked for with an Accept header."""
    return aws.api(
        "read_onboardings",
        case="list",
        caller=caller,
        headers={"accept": accept},
        multiValueHeaders={"accept": [accept]},
        queryStringParameters=query or None,
        multiValueQueryStringParameters={name: [value] for name, value in query.items()} or None,
    )


def users(answer: Answer) -> list[str]:
    """The user names of a .csv."""
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return [line["User name"] for line in csv.DictReader(io.StringIO(answer.body, newline=""))]


def test_who_asks_for_a_csv_gets_one_to_keep(aws: Account) -> None:
    add(aws, 1)
    add(aws, 2)
    answer = sheet(aws)
    assert users(answer) == ["user-2", "user-1"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="gatehouse-onboardings.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Link" not in answer.headers


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/csv", "image/png"])
def test_everybody_else_gets_json(aws: Account, accept: str) -> None:
    add(aws, 1)
    answer = sheet(aws, accept)
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json", "Accept")
    assert found(answer) == ["o1"]


def test_several_accept_headers_are_one(aws: Account) -> None:
    several = {"Accept": ["text/csv", "application/json;q=0.5"]}
    answer = aws.api(
        "read_onboardings", case="list", caller=OPERATOR, headers={"Accept": several["Accept"][1]},
        multiValueHeaders=several,
    )  # fmt: skip
    assert users(answer) == []


def test_the_pages_of_a_csv_follow_the_link(aws: Account) -> None:
    for number in range(1, 6):
        add(aws, number)
    seen, query = [], {"limit": "2", "status": "PENDING_MFA"}
    while True:
        answer = sheet(aws, **query)
        seen.append(users(answer))
        if "Link" not in answer.headers:
            break
        link = re.fullmatch(r'<\?(.*)>; rel="next"', answer.headers["Link"])
        assert link
        query = dict(parse_qsl(link[1]))
        assert query.keys() == {"limit", "status", "cursor"}
    assert seen == [["user-5", "user-4"], ["user-3", "user-2"], ["user-1"]]


def test_a_csv_shows_nobody_more_than_the_list(aws: Account) -> None:
    add(aws, 1, by=SOMEBODY)
    assert users(sheet(aws, caller=REQUESTER)) == []
    assert users(sheet(aws, caller=SOMEBODY)) == ["user-1"]


def test_what_is_wrong_with_a_csv_s_request_is_a_problem_document(aws: Account) -> None:
    assert sheet(aws, limit="0").problem == (400, "invalid-request")
