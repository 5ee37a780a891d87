"""A task token wakes the machine, and nothing else."""

import json

import pytest
from botocore.exceptions import ClientError

from gatehouse import waking
from gatehouse.clients import client
from gatehouse.model import Status
from tests.unit.account import TASK_TOKEN, Account, make_record

WAITING = make_record(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})


def test_a_machine_that_waits_is_woken_and_told_nothing(aws: Account) -> None:
    assert waking.succeed(client("stepfunctions"), WAITING)
    (sent,) = aws.wire.made("SendTaskSuccess")
    assert sent["taskToken"] == TASK_TOKEN
    assert json.loads(sent["output"]) == {}


def test_a_machine_that_waits_is_failed_by_name_with_a_cause_that_fits(aws: Account) -> None:
    assert waking.fail(client("stepfunctions"), WAITING, "Cancelled", "x" * 40_000)
    (sent,) = aws.wire.made("SendTaskFailure")
    assert (sent["taskToken"], sent["error"], sent["cause"]) == (TASK_TOKEN, "Cancelled", "x" * 256)


def test_where_nothing_waits_nobody_is_woken(aws: Account) -> None:
    assert not waking.succeed(client("stepfunctions"), make_record())
    assert not waking.fail(client("stepfunctions"), make_record(), "Cancelled", "x")
    assert aws.wire.names() == []


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_whose_wait_is_over_is_no_fault(aws: Account, code: str) -> None:
    aws.wire.refuse("SendTaskSuccess", code)
    aws.wire.refuse("SendTaskFailure", code)
    assert not waking.succeed(client("stepfunctions"), WAITING)
    assert not waking.fail(client("stepfunctions"), WAITING, "Cancelled", "x")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_any_other_refusal_is_one(aws: Account, code: str) -> None:
    aws.wire.refuse("SendTaskSuccess", code)
    with pytest.raises(ClientError, match=code):
        waking.succeed(client("stepfunctions"), WAITING)
