"""CancelOnboarding: a flag that every step looks at, and a wake-up for a machine that waits."""

import io
import json
from typing import Any

import pytest

from gatehouse.errors import Cancelled
from gatehouse.model import FINAL, UNDER_WAY, Requester, Status
from tests.unit.account import ACCOUNT, APPROVER, ONBOARDING_ID, OPERATOR, REQUESTER, TASK_TOKEN, Account, Answer

ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer"


def cancel(aws: Account, caller: str = REQUESTER) -> Answer:
    return aws.api("cancel_onboarding", caller=caller)


@pytest.mark.parametrize("status", sorted(UNDER_WAY))
def test_the_flag_is_set_and_the_record_answered(aws: Account, status: Status) -> None:
    aws.seed(status)
    answer = cancel(aws)
    assert answer.status == 202
    record = aws.record()
    assert (record.cancelled_by, record.status) == (REQUESTER, status)
    assert answer.json == json.loads(json.dumps(record.public()))
    assert (record.timeline[-1].event, record.timeline[-1].by) == ("cancel_requested", REQUESTER)


@pytest.mark.parametrize("status", [Status.PENDING_APPROVAL, Status.PENDING_MFA])
def test_a_machine_that_waits_is_woken_and_the_token_shown_to_nobody(aws: Account, status: Status) -> None:
    aws.seed(status, record={"task_token": TASK_TOKEN})
    answer = cancel(aws)
    (woken,) = aws.wire.made("SendTaskFailure")
    assert woken == {"taskToken": TASK_TOKEN, "error": Cancelled.__name__, "cause": f"cancelled by {REQUESTER}"}
    assert TASK_TOKEN not in answer.body


def test_the_flag_stands_before_anybody_is_woken(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    seen: list[Any] = []
    aws.wire.first("SendTaskFailure", lambda: seen.append(aws.record().cancelled_by))
    cancel(aws)
    assert seen == [REQUESTER]


def test_a_machine_that_works_is_not_woken_it_sees_the_flag(aws: Account) -> None:
    aws.seed(Status.PROVISIONING)
    assert cancel(aws).status == 202
    assert aws.wire.names("SendTaskFailure") == []
    with pytest.raises(Cancelled):
        aws.step("create_user")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken", "AccessDeniedException"])
def test_a_wake_up_that_fails_is_the_follow_up_s_to_repeat(aws: Account, log: io.StringIO, code: str) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    aws.wire.refuse("SendTaskFailure", code, message=TASK_TOKEN)
    assert cancel(aws).status == 202
    assert ("not woken yet" in log.getvalue()) == (code not in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"))
    assert TASK_TOKEN not in log.getvalue()
    aws.step("follow_up")
    assert [call["error"] for call in aws.wire.made("SendTaskFailure")] == ["Cancelled", "Cancelled"]


def test_a_second_call_wakes_again_and_names_who_was_first(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    cancel(aws)
    before = aws.record()
    answer = cancel(aws, OPERATOR)
    assert answer.status == 202
    assert aws.record() == before
    assert {call["cause"] for call in aws.wire.made("SendTaskFailure")} == {f"cancelled by {REQUESTER}"}
    assert len(aws.wire.made("SendTaskFailure")) == 2


@pytest.mark.parametrize("status", [Status.ROLLING_BACK, Status.ROLLBACK_INCOMPLETE])
def test_what_is_being_undone_already_goes_on_as_it_is(aws: Account, status: Status) -> None:
    before = aws.seed(status)
    assert cancel(aws).status == 202
    assert aws.record() == before


@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_has_ended_is_not_cancelled(aws: Account, status: Status) -> None:
    before = aws.seed(status)
    answer = cancel(aws)
    assert answer.problem == (409, "already-final")
    assert status in answer.json["detail"]
    assert aws.record() == before


def test_an_onboarding_that_ends_just_before_the_flag_is_told_to_have_ended(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    aws.wire.first("UpdateItem", lambda: aws.change(status=Status.COMPLETE))
    assert cancel(aws).problem == (409, "already-final")
    assert aws.record().cancelled_by is None
    assert aws.wire.names("SendTaskFailure") == []


def test_a_lost_answer_of_the_flag_leaves_it_set(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    aws.wire.lose_answer("UpdateItem")
    assert cancel(aws).problem == (503, "busy")
    assert cancel(aws).status == 202
    assert len(aws.wire.made("SendTaskFailure")) == 1


@pytest.mark.parametrize("caller", [REQUESTER, REQUESTER.upper(), OPERATOR, "otto@example.com"])
def test_requester_and_operators_may_cancel(aws: Account, caller: str) -> None:
    aws.seed(Status.PENDING_MFA)
    assert cancel(aws, caller).status == 202


@pytest.mark.parametrize(
    "caller", [APPROVER, "mallory", f"arn:aws:iam::{ACCOUNT}:root", f"{ROLE}/{OPERATOR}", f"{ROLE}/{REQUESTER}"]
)
def test_nobody_else_may(aws: Account, caller: str) -> None:
    before = aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    assert cancel(aws, caller).problem == (403, "not-yours")
    assert aws.record() == before
    assert aws.wire.names("SendTaskFailure") == []


def test_a_role_may_cancel_what_it_requested_in_another_session(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, requester=Requester(f"{ROLE}/monday", None, verified=True))
    assert cancel(aws, f"{ROLE}/tuesday").status == 202
    assert aws.record().cancelled_by == ROLE


def test_what_was_started_in_the_console_is_an_operator_s_to_cancel(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, requester=Requester(None, None, verified=False))
    assert cancel(aws).problem == (403, "not-yours")
    assert cancel(aws, OPERATOR).status == 202


@pytest.mark.parametrize("onboarding_id", ["nobody-s", "has.a.dot", "x" * 81, "ü", "user#alice.developer"])
def test_an_id_that_is_none_is_not_found(aws: Account, onboarding_id: str) -> None:
    aws.seed(Status.PENDING_MFA)
    assert aws.api("cancel_onboarding", pathParameters={"id": onboarding_id}).problem == (404, "not-found")
    assert aws.record(ONBOARDING_ID).cancelled_by is None
