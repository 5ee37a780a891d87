"""FollowUp: what no event told is found, and what a fault left behind is mended."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import records, times
from gatehouse.edges import follow_up
from gatehouse.edges.follow_up import GRACE_SECONDS, FollowUpIncomplete
from gatehouse.model import FINAL, OPEN, Onboarding, Status
from tests.unit.account import EXECUTION_ARN, MACHINE_ARN, NOW, ONBOARDING_ID, TASK_TOKEN, USER, Account

WOKEN = ("SendTaskSuccess", "SendTaskFailure")
ACTED = (*WOKEN, "StartExecution", "Invoke")
WAITING: dict[str, Any] = {"task_token": TASK_TOKEN}
CANCELLED: dict[str, Any] = {"cancelled_by": "olga"}
NO_EXECUTION = {
    "Error": {"Code": "ExecutionDoesNotExist", "Message": "no"},
    "ResponseMetadata": {"HTTPStatusCode": 400},
}


def seed(aws: Account, status: Status, *, rests: bool = True, number: int = 0, **record: Any) -> Onboarding:
    """A record that has rested long enough to ask for its execution, or was written just now."""
    described = {"onboarding_id": f"onboarding-{number}", "user_name": f"user-{number}"} if number else {}
    updated_at = times.after(NOW, -GRACE_SECONDS if rests else 0)
    return aws.seed(status, **described, record={"updated_at": updated_at, **record})


def execution(aws: Account, status: str, **described: Any) -> None:
    aws.wire.answer("DescribeExecution", {"status": status, **described})


def wake_ups(aws: Account) -> list[str]:
    """How the machine was woken: OK, or the name of the failure."""
    assert all(call["taskToken"] == TASK_TOKEN for name in WOKEN for call in aws.wire.made(name))
    return [
        *("OK" for _ in aws.wire.made("SendTaskSuccess")),
        *(one["error"] for one in aws.wire.made("SendTaskFailure")),
    ]


def rolled_back(aws: Account) -> list[dict[str, Any]]:
    """What the roll-back function was asked for."""
    asked = aws.wire.made("Invoke")
    assert {(one["FunctionName"], one["InvocationType"]) for one in asked} <= {("gatehouse-RollBack", "Event")}
    return [json.loads(one["Payload"]) for one in asked]


def make_user(aws: Account, *, enrolled: bool) -> None:
    aws.iam.create_user(UserName=USER, Path="/gatehouse/")
    if enrolled:
        aws.enrol()


def test_every_open_onboarding_is_looked_after_the_most_urgent_first(aws: Account) -> None:
    execution(aws, "RUNNING")
    for number, status in enumerate(Status, start=1):
        seed(aws, status, number=number, execution_arn=f"{MACHINE_ARN.replace('stateMachine', 'execution')}:{status}")
    assert aws.call("follow_up", {}) == {"seen": len(OPEN)}
    asked = [call["executionArn"].rpartition(":")[2] for call in aws.wire.made("DescribeExecution")]
    assert asked == [
        "ROLLBACK_INCOMPLETE",
        "ROLLING_BACK",
        "REQUESTED",
        "PROVISIONING",
        "PENDING_APPROVAL",
        "PENDING_MFA",
    ]


def test_a_status_that_fills_several_pages_is_read_to_its_end(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_up, "PAGE", 3)
    for number in range(1, 9):
        seed(aws, Status.REQUESTED, rests=False, number=number)
    assert aws.call("follow_up", {}) == {"seen": 8}


def test_its_sample_event_is_the_schedule_s(aws: Account) -> None:
    assert aws.step("follow_up") == {"seen": 0}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_has_ended_is_left_alone(aws: Account, status: Status) -> None:
    seed(aws, status, **WAITING, **CANCELLED)
    aws.step("follow_up")
    assert aws.wire.names(*ACTED, "DescribeExecution") == []


def test_what_never_started_is_started_under_its_id(aws: Account) -> None:
    aws.wire.answer("DescribeExecution", NO_EXECUTION)
    seed(aws, Status.REQUESTED)
    aws.step("follow_up")
    assert [call["executionArn"] for call in aws.wire.made("DescribeExecution")] == [EXECUTION_ARN]
    (started,) = aws.wire.made("StartExecution")
    assert (started["stateMachineArn"], started["name"]) == (MACHINE_ARN, ONBOARDING_ID)
    assert json.loads(started["input"]) == {"onboarding_id": ONBOARDING_ID}
    assert rolled_back(aws) == []


def test_what_somebody_else_started_a_moment_ago_is_no_failure(aws: Account) -> None:
    aws.wire.answer("DescribeExecution", NO_EXECUTION)
    aws.wire.refuse("StartExecution", "ExecutionAlreadyExists")
    seed(aws, Status.REQUESTED)
    assert aws.step("follow_up") == {"seen": 1}


@pytest.mark.parametrize("status", sorted(OPEN))
def test_what_changed_a_moment_ago_is_left_to_its_execution(aws: Account, status: Status) -> None:
    seed(aws, status, rests=False)
    aws.clock.advance(GRACE_SECONDS - 1)
    aws.step("follow_up")
    assert aws.wire.names(*ACTED, "DescribeExecution") == []


@pytest.mark.parametrize("status", sorted(OPEN))
def test_what_a_running_execution_works_on_is_left_alone(aws: Account, status: Status) -> None:
    execution(aws, "RUNNING")
    seed(aws, status)
    aws.step("follow_up")
    assert aws.wire.names(*ACTED) == []


@pytest.mark.parametrize("status", sorted(OPEN - {Status.REQUESTED}))
def test_what_lost_its_execution_is_rolled_back(aws: Account, status: Status) -> None:
    aws.wire.answer("DescribeExecution", NO_EXECUTION)
    seed(aws, status)
    aws.step("follow_up")
    (asked,) = rolled_back(aws)
    assert (asked["onboarding_id"], asked["error"]) == (ONBOARDING_ID, "ExecutionFailed")
    # The function of its last step may still be running: roll-back has to wait for it.
    assert asked["may_still_run"] is True
    assert aws.wire.names("StartExecution") == []


@pytest.mark.parametrize("status", sorted(OPEN))
@pytest.mark.parametrize(
    ("ended", "error", "cause"),
    [
        ({"status": "ABORTED"}, "Stopped", "the execution was stopped by hand"),
        ({"status": "TIMED_OUT"}, "ExecutionTimeout", "the execution ran out of time"),
        ({"status": "FAILED", "error": "States.Runtime", "cause": "a bug"}, "States.Runtime", "a bug"),
    ],
    ids=["ABORTED", "TIMED_OUT", "FAILED"],
)
def test_what_its_execution_left_unfinished_is_rolled_back(
    aws: Account, status: Status, ended: dict[str, str], error: str, cause: str
) -> None:
    execution(aws, **ended)
    seed(aws, status)
    aws.step("follow_up")
    (asked,) = rolled_back(aws)
    assert (asked["error"], asked["cause"]) == (error, cause)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_a_record_that_is_behind_its_execution_costs_no_member_the_user(
    aws: Account, status: Status, log: io.StringIO
) -> None:
    """The table was restored from a backup: what completed since is open in it."""
    execution(aws, "SUCCEEDED")
    seed(aws, status)
    with pytest.raises(FollowUpIncomplete):
        aws.step("follow_up")
    assert rolled_back(aws) == []
    assert f"the execution succeeded, and the record is {status}: was the table restored?" in log.getvalue()


def test_a_record_that_completes_while_it_is_looked_after_is_not_behind(aws: Account) -> None:
    execution(aws, "SUCCEEDED")
    record = seed(aws, Status.PENDING_MFA)
    aws.wire.first("DescribeExecution", lambda: aws.write(replace(record, status=Status.COMPLETE)))
    assert aws.step("follow_up") == {"seen": 1}


def test_the_execution_that_the_record_names_is_asked_for(aws: Account) -> None:
    execution(aws, "RUNNING")
    seed(aws, Status.PROVISIONING, execution_arn=f"{EXECUTION_ARN}-by-hand")
    aws.step("follow_up")
    assert [call["executionArn"] for call in aws.wire.made("DescribeExecution")] == [f"{EXECUTION_ARN}-by-hand"]


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize(
    ("status", "record", "wake_up"),
    [
        (Status.PROVISIONING, {}, "OK"),
        (Status.ROLLING_BACK, {}, "Rejected"),
        (Status.PENDING_APPROVAL, CANCELLED, "Cancelled"),
        (Status.PROVISIONING, CANCELLED, "Cancelled"),
        (Status.PENDING_MFA, CANCELLED, "Cancelled"),
    ],
    ids=["approved", "rejected", "cancelled", "cancelled when approved", "cancelled while enrolling"],
)
def test_a_wake_up_that_did_not_reach_the_machine_is_repeated(
    aws: Account, status: Status, record: dict[str, Any], wake_up: str, rests: bool
) -> None:
    seed(aws, status, rests=rests, **WAITING, **record)
    aws.step("follow_up")
    assert wake_ups(aws) == [wake_up]
    assert aws.wire.names("DescribeExecution", "StartExecution", "Invoke") == []


def test_a_cancellation_counts_before_a_device(aws: Account) -> None:
    make_user(aws, enrolled=True)
    seed(aws, Status.PENDING_MFA, **WAITING, **CANCELLED)
    aws.step("follow_up")
    assert wake_ups(aws) == ["Cancelled"]
    assert aws.wire.made("SendTaskFailure")[0]["cause"] == "cancelled by olga"


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
@pytest.mark.parametrize(
    ("status", "operation"), [(Status.PROVISIONING, "SendTaskSuccess"), (Status.ROLLING_BACK, "SendTaskFailure")]
)
def test_where_nothing_waits_any_more_the_execution_is_asked_for(
    aws: Account, status: Status, operation: str, code: str
) -> None:
    aws.wire.refuse(operation, code)
    execution(aws, "ABORTED")
    seed(aws, status, **WAITING)
    aws.step("follow_up")
    assert [asked["error"] for asked in rolled_back(aws)] == ["Stopped"]


@pytest.mark.parametrize(("early", "expected"), [(0, ["ApprovalTimeout"]), (1, [])])
def test_nobody_waits_for_a_decision_longer_than_its_deadline(aws: Account, early: float, expected: list[str]) -> None:
    execution(aws, "RUNNING")
    record = seed(aws, Status.PENDING_APPROVAL, approval_expires_at=times.after(NOW, 600), **WAITING)
    aws.clock.moment = times.after(str(record.approval_expires_at), -early)
    aws.step("follow_up")
    assert wake_ups(aws) == expected


@pytest.mark.parametrize(("early", "expected"), [(0, ["MfaTimeout"]), (1, [])])
def test_nobody_waits_for_a_device_longer_than_its_deadline(aws: Account, early: float, expected: list[str]) -> None:
    execution(aws, "RUNNING")
    make_user(aws, enrolled=False)
    record = seed(aws, Status.PENDING_MFA, mfa_expires_at=times.after(NOW, 600), **WAITING)
    aws.clock.moment = times.after(str(record.mfa_expires_at), -early)
    aws.step("follow_up")
    assert wake_ups(aws) == expected


@pytest.mark.parametrize("status", sorted(OPEN - {Status.PENDING_MFA}))
def test_iam_is_asked_only_where_a_device_is_waited_for(aws: Account, status: Status) -> None:
    execution(aws, "RUNNING")
    seed(aws, status, mfa_expires_at=NOW)
    aws.step("follow_up")
    assert aws.wire.names("ListMFADevices", *ACTED) == []


@pytest.mark.parametrize("late", [-1, 1])
def test_a_device_that_no_event_told_of_wakes_the_machine_also_after_the_deadline(aws: Account, late: float) -> None:
    make_user(aws, enrolled=True)
    seed(aws, Status.PENDING_MFA, mfa_expires_at=times.after(NOW, -late), **WAITING)
    aws.step("follow_up")
    assert wake_ups(aws) == ["OK"]
    assert aws.wire.names("DescribeExecution") == []


def test_a_device_is_of_no_use_to_an_execution_that_was_stopped(aws: Account) -> None:
    make_user(aws, enrolled=True)
    aws.wire.refuse("SendTaskSuccess", "TaskTimedOut")
    execution(aws, "ABORTED")
    seed(aws, Status.PENDING_MFA, **WAITING)
    aws.step("follow_up")
    assert [asked["error"] for asked in rolled_back(aws)] == ["Stopped"]


@pytest.mark.parametrize("code", ["NoSuchEntity", "AccessDenied"])
def test_a_user_whom_somebody_deleted_by_hand_is_waited_for_until_the_deadline(aws: Account, code: str) -> None:
    execution(aws, "RUNNING")
    aws.wire.refuse("ListMFADevices", code, times=2)
    record = seed(aws, Status.PENDING_MFA, mfa_expires_at=times.after(NOW, 600), **WAITING)
    assert aws.step("follow_up") == {"seen": 1}
    assert wake_ups(aws) == []
    aws.clock.moment = str(record.mfa_expires_at)
    assert aws.step("follow_up") == {"seen": 1}
    assert wake_ups(aws) == ["MfaTimeout"]


def test_one_that_fails_stops_no_other_and_fails_the_run_in_the_end(aws: Account, log: io.StringIO) -> None:
    seed(aws, Status.ROLLING_BACK, number=1, **WAITING)
    seed(aws, Status.PROVISIONING, number=2, **WAITING)
    aws.wire.refuse("SendTaskFailure", "AccessDeniedException")
    with pytest.raises(FollowUpIncomplete, match="1 of 2"):
        aws.step("follow_up")
    assert len(aws.wire.made("SendTaskSuccess")) == 1
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "not followed up" in line]
    assert (line["onboarding_id"], line["level"]) == ("onboarding-1", "ERROR")
    assert TASK_TOKEN not in log.getvalue()


def test_what_failed_is_tried_again_by_the_next_run(aws: Account) -> None:
    seed(aws, Status.ROLLING_BACK, **WAITING)
    aws.wire.refuse("SendTaskFailure", "AccessDeniedException")
    with pytest.raises(FollowUpIncomplete):
        aws.step("follow_up")
    assert aws.step("follow_up") == {"seen": 1}
    assert wake_ups(aws) == ["Rejected", "Rejected"]


def open_claim(aws: Account, number: int, seconds: float) -> str:
    """A claim that is due in so many seconds; returns its hash."""
    record = seed(aws, Status.PENDING_MFA, rests=False, number=number)
    records.open_claim(aws.table, record, "password", f"hash-{number}", int(seconds), {})
    return f"hash-{number}"


def asked_to_expire(aws: Account) -> list[str]:
    asked = [one for one in aws.wire.made("Invoke") if one["FunctionName"] == "gatehouse-ExpireClaim"]
    assert {one["InvocationType"] for one in asked} <= {"Event"}
    payloads = [json.loads(one["Payload"]) for one in asked]
    assert all(payload.keys() == {"claim"} for payload in payloads)
    return [payload["claim"] for payload in payloads]


def test_a_claim_is_ended_when_it_is_due_the_oldest_first(aws: Account) -> None:
    later, now, _, first = (open_claim(aws, number, seconds) for number, seconds in enumerate((40, 30, 31, 10), 1))
    aws.clock.advance(30)
    assert aws.step("follow_up") == {"seen": 6}
    assert asked_to_expire(aws) == [first, now]
    aws.clock.advance(10)
    aws.step("follow_up")
    assert asked_to_expire(aws)[-1] == later


def test_claims_that_fill_several_pages_are_all_found_and_what_lies_behind_is_not_read(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_up, "PAGE", 3)
    for number in range(1, 6):
        open_claim(aws, number, 10)
    for number in range(6, 16):
        open_claim(aws, number, 60)
    aws.clock.advance(10)
    aws.step("follow_up")
    assert len(set(asked_to_expire(aws))) == 5
    queries = [one["ExpressionAttributeValues"] for one in aws.wire.made("Query")]
    assert queries.count({":hash": {"S": records.OPEN_CLAIM}}) == 2


def test_a_claim_that_cannot_be_ended_stops_nothing_else_and_fails_the_run(aws: Account, log: io.StringIO) -> None:
    claims = [open_claim(aws, number, 10) for number in (1, 2)]
    aws.clock.advance(10)
    aws.wire.refuse("Invoke", "TooManyRequestsException", status=429)
    with pytest.raises(FollowUpIncomplete, match="1 of 4"):
        aws.step("follow_up")
    assert asked_to_expire(aws)[-1] == claims[1]
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "not followed up" in line]
    assert line["claim"] == claims[0]
