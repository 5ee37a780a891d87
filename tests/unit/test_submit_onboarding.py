"""SubmitOnboarding: a request is admitted whole or not at all, and its execution started."""

import io
import json
import uuid
from typing import Any

import pytest

from gatehouse import catalogue, claims, records, times
from gatehouse.admission import IDEMPOTENCY_SECONDS
from gatehouse.clients import client
from gatehouse.model import Requester, Status
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    MACHINE_ARN,
    OPERATOR,
    REQUESTER,
    USER,
    Account,
    Answer,
    arn_of,
    event,
    make_request,
)

ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer"
KEY = "3d5c6b52-alice"


def submit(
    aws: Account, body: Any = None, *, caller: str = REQUESTER, key: str | None = None, **request: Any
) -> Answer:
    """POST a sound request with some fields replaced, or any other body; without a key unless one is given."""
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
    body = make_request(**request) if body is None else body
    return aws.api("submit_onboarding", body, caller=caller, headers=headers)


def stored(aws: Account) -> list[str]:
    """The kinds of items in the table."""
    return sorted(item["pk"]["S"].split("#")[0] for item in aws.dynamodb.scan(TableName="gatehouse")["Items"])


def started(aws: Account) -> list[str]:
    return [call["name"] for call in aws.wire.made("StartExecution")]


def test_a_request_is_accepted_with_its_code_and_where_it_goes_on(aws: Account) -> None:
    answer = submit(aws)
    assert answer.status == 202
    onboarding_id = answer.json["onboarding_id"]
    assert str(uuid.UUID(onboarding_id)) == onboarding_id
    assert answer.json == {
        "onboarding_id": onboarding_id,
        "status": "REQUESTED",
        "claim_code": claims.code(client("kms"), "key", onboarding_id, 1),
        "links": {
            "self": f"/onboardings/{onboarding_id}",
            "decision": f"/onboardings/{onboarding_id}/decision",
            "resend": f"/onboardings/{onboarding_id}/resend",
            "cancel": f"/onboardings/{onboarding_id}/cancel",
        },
    }


def test_the_record_says_who_asked_for_what(aws: Account) -> None:
    answer = submit(aws, tags={"cost-center": "4711"}, profile="power-user")
    record = aws.record(answer.json["onboarding_id"])
    assert record.status is Status.REQUESTED
    assert record.requester == Requester(arn_of(REQUESTER), REQUESTER, verified=True)
    assert record.request["tags"] == {"cost-center": "4711"}
    assert record.request["expires_at"] == times.after(aws.clock.now(), 180 * 86_400)
    assert record.grants.managed_policies == ("arn:aws:iam::aws:policy/PowerUserAccess",)
    assert (record.approval.needed, record.approval.decisions) == (1, ())
    assert [(entry.event, entry.by) for entry in record.timeline] == [("requested", REQUESTER)]


def test_the_name_is_locked_without_regard_to_case(aws: Account) -> None:
    answer = submit(aws, user_name="Alice.Developer")
    assert records.holder(aws.table, "alice.DEVELOPER") == answer.json["onboarding_id"]


def test_the_execution_is_started_under_the_id_once_the_record_stands(aws: Account) -> None:
    seen: list[list[str]] = []
    aws.wire.first("StartExecution", lambda: seen.append(stored(aws)))
    onboarding_id = submit(aws).json["onboarding_id"]
    (call,) = aws.wire.made("StartExecution")
    assert (call["stateMachineArn"], call["name"]) == (MACHINE_ARN, onboarding_id)
    assert json.loads(call["input"]) == {"onboarding_id": onboarding_id}
    assert seen == [["onboarding", "user"]]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExecutionLimitExceeded", "ThrottlingException"])
def test_a_start_that_fails_is_the_follow_up_s_to_repeat(aws: Account, log: io.StringIO, code: str) -> None:
    aws.wire.refuse("StartExecution", code)
    answer = submit(aws)
    assert answer.status == 202
    assert "not started yet" in log.getvalue()
    gone = {"Error": {"Code": "ExecutionDoesNotExist"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    aws.wire.answer("DescribeExecution", gone)
    aws.clock.advance(61)
    aws.step("follow_up")
    assert started(aws) == [answer.json["onboarding_id"]] * 2


def test_a_lost_answer_of_the_start_changes_nothing(aws: Account) -> None:
    aws.wire.lose_answer("StartExecution")
    assert submit(aws).status == 202


def test_a_replayed_key_gets_the_identical_answer_and_writes_nothing_more(aws: Account) -> None:
    first = submit(aws, key=KEY)
    before = stored(aws)
    assert before == ["idempotency", "onboarding", "user"]
    aws.clock.advance(IDEMPOTENCY_SECONDS - 1)
    assert submit(aws, key=KEY) == first
    assert stored(aws) == before


def test_a_replay_starts_what_never_started(aws: Account) -> None:
    aws.wire.refuse("StartExecution", "ThrottlingException")
    first = submit(aws, key=KEY)
    aws.wire.refuse("StartExecution", "ExecutionAlreadyExists")
    assert submit(aws, key=KEY) == first
    assert started(aws) == [first.json["onboarding_id"]] * 2


@pytest.mark.parametrize("status", sorted(Status))
def test_a_replay_says_what_was_said_whatever_became_of_it(aws: Account, status: Status) -> None:
    first = submit(aws, key=KEY)
    onboarding_id = first.json["onboarding_id"]
    aws.table.update(records.key(onboarding_id), sets={"status": status.value})
    aws.wire.refuse("StartExecution", "ExecutionAlreadyExists")
    assert submit(aws, key=KEY) == first


def test_a_replay_of_a_completed_onboarding_is_no_conflict(aws: Account) -> None:
    first = submit(aws, key=KEY)
    aws.iam.create_user(UserName=USER)
    assert submit(aws, key=KEY) == first


def test_the_same_request_written_otherwise_is_the_same(aws: Account) -> None:
    first = submit(aws, key=KEY)
    spelled = {"profile": "developer", "kind": "person", "tags": {}, "email": "alice@example.com", "user_name": USER}
    assert submit(aws, json.dumps(spelled, indent=4), key=KEY) == first


def test_a_key_used_with_another_request_is_refused(aws: Account) -> None:
    submit(aws, key=KEY)
    assert submit(aws, key=KEY, user_name="bea").problem == (422, "idempotency-key-reused")
    assert len(started(aws)) == 1
    assert records.holder(aws.table, "bea") is None


def test_a_key_is_its_caller_s_own(aws: Account) -> None:
    first = submit(aws, key=KEY)
    other = submit(aws, key=KEY, caller="somebody", user_name="bea")
    assert other.status == 202
    assert other.json["onboarding_id"] != first.json["onboarding_id"]


def test_a_key_is_free_again_after_24_hours(aws: Account) -> None:
    first = submit(aws, key=KEY)
    aws.clock.advance(IDEMPOTENCY_SECONDS)
    second = submit(aws, key=KEY, user_name="bea")
    assert second.status == 202
    assert submit(aws, key=KEY, user_name="bea") == second != first


def test_a_key_is_kept_as_a_hash_for_24_hours(aws: Account) -> None:
    submit(aws, key=KEY)
    (row,) = [
        item for item in aws.dynamodb.scan(TableName="gatehouse")["Items"] if item["pk"]["S"].startswith("idempotency#")
    ]
    assert KEY not in json.dumps(row)
    assert int(row["ttl"]["N"]) == int(times.parse(times.after(aws.clock.now(), IDEMPOTENCY_SECONDS)).timestamp())


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tbed", "é", "line\nbreak"])
def test_a_key_is_1_to_255_printable_ascii_characters(aws: Account, key: str) -> None:
    answer = submit(aws, key=key)
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"Idempotency-Key"})
    for sound, name in (("x", "alice"), ("x" * 255, "bea")):
        assert submit(aws, key=sound, user_name=name).status == 202


def test_a_header_s_name_has_no_case(aws: Account) -> None:
    headers = {"IDEMPOTENCY-KEY": KEY}
    first = aws.api("submit_onboarding", make_request(), headers=headers)
    assert submit(aws, key=KEY) == first


def test_two_equal_requests_at_once_are_one(aws: Account) -> None:
    other: list[Answer] = []
    aws.wire.first("TransactWriteItems", lambda: other.append(submit(aws, key=KEY)))
    assert submit(aws, key=KEY) == other[0]
    assert stored(aws) == ["idempotency", "onboarding", "user"]


def test_who_loses_the_name_to_another_request_is_told_so(aws: Account) -> None:
    other: list[Answer] = []
    aws.wire.first("TransactWriteItems", lambda: other.append(submit(aws, caller="somebody")))
    lost = submit(aws)
    assert lost.problem == (409, "user-being-onboarded")
    assert lost.fields == {"user_name"}
    assert started(aws) == [other[0].json["onboarding_id"]]


def test_of_a_key_s_two_requests_at_once_the_second_is_refused(aws: Account) -> None:
    aws.wire.first("TransactWriteItems", lambda: submit(aws, key=KEY, user_name="bea"))
    assert submit(aws, key=KEY).problem == (422, "idempotency-key-reused")
    assert records.holder(aws.table, USER) is None


def test_a_name_that_became_free_meanwhile_is_taken(aws: Account) -> None:
    """The transaction fails on the lock of an onboarding that ends before anybody looks whose it is."""
    held = aws.seed()

    def release() -> None:
        aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": records.lock_key(USER)}})

    aws.wire.turns["GetItem"] = [lambda _: release()]
    answer = submit(aws)
    assert answer.status == 202
    assert answer.json["onboarding_id"] != held.onboarding_id
    assert len(aws.wire.made("TransactWriteItems")) == 2


def test_an_own_write_whose_answer_the_sdk_lost_is_recognised(aws: Account) -> None:
    aws.wire.send_twice("TransactWriteItems")
    answer = submit(aws)
    assert answer.status == 202
    assert stored(aws) == ["onboarding", "user"]
    assert started(aws) == [answer.json["onboarding_id"]]


def test_a_lost_answer_with_a_key_is_made_good_by_the_same_request(aws: Account) -> None:
    aws.wire.lose_answer("TransactWriteItems")
    refused = submit(aws, key=KEY)
    assert refused.problem == (503, "busy")
    assert refused.headers["Retry-After"] == "2"
    answer = submit(aws, key=KEY)
    assert answer.status == 202
    assert stored(aws) == ["idempotency", "onboarding", "user"]
    assert started(aws)[-1] == answer.json["onboarding_id"]


def test_who_loses_every_race_is_told_to_try_again(aws: Account) -> None:
    aws.wire.answer(
        "TransactWriteItems", {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    )
    refused = submit(aws)
    assert refused.problem == (503, "busy")
    assert started(aws) == []


def test_a_user_who_exists_is_a_conflict(aws: Account) -> None:
    aws.iam.create_user(UserName=USER)
    answer = submit(aws)
    assert (answer.problem, answer.fields) == ((409, "user-exists"), {"user_name"})
    assert stored(aws) == []


def test_a_user_who_is_being_onboarded_is_a_conflict(aws: Account) -> None:
    submit(aws)
    answer = submit(aws)
    assert (answer.problem, answer.fields) == ((409, "user-being-onboarded"), {"user_name"})
    assert stored(aws) == ["onboarding", "user"]


@pytest.mark.parametrize("taken", ["by a user", "by an onboarding"])
def test_a_name_that_differs_only_in_case_is_wrong(aws: Account, taken: str) -> None:
    if taken == "by a user":
        aws.iam.create_user(UserName=USER)
    else:
        submit(aws)
    answer = submit(aws, user_name=USER.upper())
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"user_name"})
    assert USER in answer.json["detail"]


@pytest.mark.parametrize("name", [APPROVER, "bob@example.com", "carol@example.com", OPERATOR, APPROVER.upper()])
def test_nobody_is_given_the_name_of_an_approver_or_operator(aws: Account, name: str) -> None:
    answer = submit(aws, user_name=name)
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"user_name"})
    assert stored(aws) == []


def test_behind_a_role_may_be_an_approver_so_one_more_has_to_agree(aws: Account) -> None:
    answer = submit(aws, profile="power-user", caller=f"{ROLE}/monday")
    record = aws.record(answer.json["onboarding_id"])
    assert (record.requester.person, record.requester.key) == (None, ROLE)
    assert record.approval.needed == 2


def test_a_role_s_key_holds_in_its_next_session(aws: Account) -> None:
    first = submit(aws, caller=f"{ROLE}/monday", key=KEY)
    assert submit(aws, caller=f"{ROLE}/tuesday", key=KEY) == first


def test_a_profile_that_is_not_for_everybody_is_refused_to_the_others(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved = {**catalogue.profiles(), "developer": catalogue.profiles()["developer"] | {"requesters": ["olga"]}}
    monkeypatch.setattr(catalogue, "profiles", lambda: reserved)
    assert submit(aws).problem == (403, "profile-not-allowed")
    assert stored(aws) == []
    assert submit(aws, caller=OPERATOR).status == 202


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        ({"user_name": "alice smith"}, {"user_name"}),
        ({"user_name": 5, "email": "nobody", "surprise": 1}, {"user_name", "email", "surprise"}),
        ({"email": "alice@example.com\nBcc: eve@example.com"}, {"email"}),
        ({"profile": "root"}, {"profile"}),
        ({"policies": [f"arn:aws:iam::{int(ACCOUNT) + 1}:policy/foreign"]}, {"policies"}),
        ({"policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]}, {"policies"}),
        ({"profile": "migration-admin"}, {"justification"}),
        ({"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at"}),
        ({"tags": {"gatehouse:profile": "admin"}}, {"tags"}),
    ],
)
def test_every_wrong_field_is_named_and_nothing_comes_of_it(
    aws: Account, request_: dict[str, Any], fields: set[str]
) -> None:
    answer = submit(aws, **request_)
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), fields)
    assert (stored(aws), started(aws)) == ([], [])


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', "\ufffd"])
def test_a_body_that_is_no_request_is_refused(aws: Account, body: str) -> None:
    answer = submit(aws, body)
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"body"})


def test_a_body_above_32_kb_is_too_large(aws: Account) -> None:
    assert submit(aws, justification="x" * 32 * 1024).problem == (413, "payload-too-large")


def test_wrong_fields_are_told_before_a_name_that_is_taken(aws: Account) -> None:
    aws.iam.create_user(UserName=USER)
    assert submit(aws, email="nobody").problem == (400, "invalid-request")


def test_the_whole_sample_is_accepted(aws: Account) -> None:
    answer = aws.api("submit_onboarding", case="whole")
    assert answer.status == 202
    body = json.loads(event("submit_onboarding", "whole")["body"])
    request = aws.record(answer.json["onboarding_id"]).request
    assert {name: request[name] for name in body if name != "expires_at"} == {
        name: value for name, value in body.items() if name != "expires_at"
    }


def test_no_code_is_stored_or_logged(aws: Account, log: io.StringIO) -> None:
    code = submit(aws, key=KEY).json["claim_code"]
    assert "answered" in log.getvalue()
    assert code not in log.getvalue()
    assert code not in json.dumps(aws.dynamodb.scan(TableName="gatehouse")["Items"])
