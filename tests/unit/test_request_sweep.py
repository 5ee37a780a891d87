"""POST /compliance/sweeps: an operator has the account looked at now."""

from typing import Any

import pytest

from tests.unit.account import ACCOUNT, OPERATOR, REGION, REQUESTER, STACK, Account

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}-mfa-compliance"


@pytest.fixture
def started(aws: Account) -> list[dict[str, Any]]:
    """What was started, where nothing runs."""
    aws.wire.answer("ListExecutions", {"executions": []})
    aws.wire.answer("StartExecution", {"executionArn": "arn", "startDate": "2026-03-02T09:00:00Z"})
    return aws.wire.made("StartExecution")


def test_an_operator_starts_a_sweep_whose_id_is_the_execution_s_name(aws: Account, started: Any) -> None:
    answer = aws.api("request_sweep", caller=OPERATOR)
    sweep_id = answer.json["sweep_id"]
    assert (answer.status, answer.json["status"]) == (202, "RUNNING")
    assert answer.json["links"] == {"self": f"/compliance/sweeps/{sweep_id}"}
    assert aws.wire.made("StartExecution") == [{"stateMachineArn": MACHINE, "name": sweep_id, "input": "{}"}]


def test_two_who_ask_at_once_start_one_sweep(aws: Account, started: Any) -> None:
    """Step Functions answers as before to the same name and input, for as long as that execution runs."""
    first, second = (aws.api("request_sweep", caller=OPERATOR) for _ in range(2))
    assert first.json == second.json
    assert aws.wire.made("StartExecution")[0] == aws.wire.made("StartExecution")[1]


def test_a_sweep_that_is_over_within_its_minute_is_no_obstacle(aws: Account, started: Any) -> None:
    aws.wire.refuse("StartExecution", "ExecutionAlreadyExists")
    answer = aws.api("request_sweep", caller=OPERATOR)
    refused, made = (call["name"] for call in aws.wire.made("StartExecution"))
    assert (answer.status, answer.json["sweep_id"]) == (202, made)
    assert made.startswith(f"{refused}-")


def test_nobody_else_does(aws: Account, started: Any) -> None:
    assert aws.api("request_sweep", caller=REQUESTER).problem == (403, "not-an-operator")
    assert aws.wire.names() == []


def test_one_sweep_runs_at_a_time_and_the_other_is_named(aws: Account, started: Any) -> None:
    running = {
        "executionArn": "arn", "stateMachineArn": MACHINE, "name": "by-the-schedule", "status": "RUNNING",
        "startDate": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    aws.wire.answer("ListExecutions", {"executions": [running]})
    answer = aws.api("request_sweep", caller=OPERATOR)
    assert answer.problem == (409, "sweep-under-way")
    assert answer.json["sweep_id"] == "by-the-schedule"
    assert aws.wire.made("StartExecution") == []
    assert aws.wire.made("ListExecutions") == [{"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1}]
