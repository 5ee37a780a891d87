"""State machines end their tasks as on AWS."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

WAITS = "arn:aws:states:::lambda:invoke.waitForTaskToken"
ENDS = ("Failed", "Scheduled")


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """Where the function notes its token."""
    return tmp_path / "token"


@pytest.fixture
def machine(aws: Any, noted: Path, function: Any) -> Callable[..., str]:
    """Make a JSONata machine of one task that waits for a token; returns its ARN."""
    note = f"def handler(event, context): open({str(noted)!r}, 'w').write(event['token'])"

    def make(code: str = note, **task: Any) -> str:
        states = aws.client("stepfunctions")
        arguments = {
            "FunctionName": function(aws.url, code).name,
            "Payload": {"token": "{% $states.context.Task.Token %}"},
        }
        task = {"Type": "Task", "Resource": WAITS, "Arguments": arguments, "End": True, **task}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Wait", "States": {"Wait": task}}
        arn: str = states.create_state_machine(
            name=f"m-{uuid.uuid4().hex}", definition=json.dumps(definition), roleArn=role(aws)
        )["stateMachineArn"]
        return arn

    return make


def role(aws: Any) -> str:
    trust = {
        "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    return aws.role(f"r-{uuid.uuid4().hex}", trust)


def ended(states: Any, execution: str, patience: float = 6) -> dict[str, Any]:
    deadline = time.monotonic() + patience
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "still running"
        time.sleep(0.1)
    return dict(found)


def token(noted: Path) -> str:
    deadline = time.monotonic() + 6
    while not (noted.exists() and noted.read_text()):
        assert time.monotonic() < deadline, "the function was not called"
        time.sleep(0.05)
    return noted.read_text()


def test_a_function_that_fails_before_the_callback_fails_the_task_under_its_own_name(aws: Any, machine: Any) -> None:
    states = aws.client("stepfunctions")
    code = "class UserAlreadyExists(Exception): pass\ndef handler(event, context): raise UserAlreadyExists('ann')"
    execution = states.start_execution(stateMachineArn=machine(code, TimeoutSeconds=30))["executionArn"]
    assert ended(states, execution)["error"] == "UserAlreadyExists"


def test_a_time_out_may_be_computed(aws: Any, machine: Any) -> None:
    states = aws.client("stepfunctions")
    arn = machine(TimeoutSeconds="{% $number('1') %}")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(states, execution)["error"] == "States.Timeout"


def test_the_same_start_again_answers_with_the_running_execution(aws: Any, machine: Any) -> None:
    states = aws.client("stepfunctions")
    start = {"stateMachineArn": machine(TimeoutSeconds=20), "name": "once", "input": '{"id": 1}'}
    first = states.start_execution(**start)
    assert states.start_execution(**start)["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**{**start, "input": '{"id": 2}'})
    states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**start)


def test_an_aborted_execution_has_a_void_token(aws: Any, machine: Any, noted: Path) -> None:
    states = aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine(TimeoutSeconds=2))["executionArn"]
    void = token(noted)
    states.stop_execution(executionArn=execution)
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_success(taskToken=void, output="{}")


def test_an_aborted_execution_stays_aborted(aws: Any, machine: Any, noted: Path) -> None:
    states = aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine(TimeoutSeconds=2))["executionArn"]
    token(noted)
    states.stop_execution(executionArn=execution)
    time.sleep(2.5)
    assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_the_history_shows_what_a_task_was_called_with(aws: Any, machine: Any, noted: Path) -> None:
    states = aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine(TimeoutSeconds=2))["executionArn"]
    given = token(noted)
    events = states.get_execution_history(executionArn=execution)["events"]
    (scheduled,) = (event["taskScheduledEventDetails"] for event in events if event["type"] == "TaskScheduled")
    assert json.loads(scheduled["parameters"])["Payload"] == {"token": given}


def test_a_token_is_answered_by_whom_may_answer_for_its_machine(aws: Any, machine: Any, noted: Path) -> None:
    states, arn = aws.client("stepfunctions"), machine(TimeoutSeconds=20)
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    given = token(noted)
    answer = {"Effect": "Allow", "Action": "states:SendTaskSuccess"}
    other = aws.client("stepfunctions", **aws.user("of-another-machine", {**answer, "Resource": f"{arn}-other"}))
    with pytest.raises(ClientError, match="AccessDenied"):
        other.send_task_success(taskToken=given, output="{}")
    own = aws.client("stepfunctions", **aws.user("of-this-machine", {**answer, "Resource": arn}))
    own.send_task_success(taskToken=given, output='{"ok": true}')
    assert ended(states, execution)["status"] == "SUCCEEDED"


def test_a_retry_waits_no_longer_than_it_may_and_with_full_jitter_less(aws: Any, machine: Any) -> None:
    """Four retries: 15 s of waiting without the limit, 2 s with it, less with jitter."""
    states = aws.client("stepfunctions")
    fails = "def handler(event, context): raise ValueError('again')"
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 4, "MaxDelaySeconds": 0.5}
    task = {"TimeoutSeconds": 60, "Retry": [{**retry, "JitterStrategy": "FULL"}]}
    execution = states.start_execution(stateMachineArn=machine(fails, **task))["executionArn"]
    assert ended(states, execution, patience=12)["error"] == "ValueError"
    history = states.get_execution_history(executionArn=execution)["events"]
    failed, tried = ([one["timestamp"] for one in history if one["type"] == f"Task{kind}"] for kind in ENDS)
    waits = [round((then - before).total_seconds(), 1) for before, then in zip(failed, tried[1:], strict=False)]
    assert len(waits) == 4
    assert len(set(waits)) > 1, waits


def test_a_function_that_may_not_run_once_more_fails_its_task_by_the_name_of_that(aws: Any, function: Any) -> None:
    states, name = aws.client("stepfunctions"), function(aws.url, "def handler(event, context): pass").name
    aws.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    task = {"Type": "Task", "Resource": WAITS.removesuffix(".waitForTaskToken"), "Arguments": {"FunctionName": name}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": {**task, "End": True}}}
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role(aws))
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    assert ended(states, execution)["error"] == "Lambda.TooManyRequestsException"
