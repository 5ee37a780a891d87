"""Step Functions: how a task with a token ends, and what a repeated start is."""

import json
import random
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions

# Of the task that this thread runs.
_execution: ContextVar[Any] = ContextVar("gatehouse_execution", default=None)
_token: ContextVar[str] = ContextVar("gatehouse_token", default="")
_arguments: ContextVar[Any] = ContextVar("gatehouse_arguments", default=None)
# The seconds that the retry that is about to be made may wait at most, and whether it waits them all.
_retry_wait: ContextVar[tuple[float, bool] | None] = ContextVar("gatehouse_retry_wait", default=None)

_executions_by_token: dict[str, Any] = {}


def machine_of(token: str) -> str:
    """The state machine whose task waits, or waited, with that token."""
    execution = _executions_by_token.get(token)
    return str(execution["stateMachineArn"]) if execution else ""


def tokens_know_their_machine() -> None:
    """A task token belongs to an execution: once that has ended, the token is refused as timed out."""
    original_task, original_wait = stepfunctions._execute_task, stepfunctions._invoke_with_callback

    def execute(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        _execution.set(execution)
        return original_task(state, raw_input, execution, context)

    def wait(resource: Any, arguments: Any, token: str, state: Any) -> Any:
        _token.set(token)
        _executions_by_token[token] = _execution.get()
        return original_wait(resource, arguments, token, state)

    stepfunctions._execute_task = execute
    stepfunctions._invoke_with_callback = wait
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(stepfunctions, name, _refusing_the_ended(getattr(stepfunctions, name)))


def _refusing_the_ended(original: Any) -> Any:
    def send(data: dict[str, Any]) -> Any:
        execution = _executions_by_token.get(data.get("taskToken", ""))
        waits = stepfunctions._task_tokens.get(data.get("taskToken")) is not None
        if execution and (execution["status"] != "RUNNING" or not waits):
            return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
        return original(data)

    return send


def crowded_functions() -> None:
    """A function that may not run once more fails its task with Lambda.TooManyRequestsException."""
    original = stepfunctions._call_lambda

    def call(function: Any, event: Any) -> Any:
        try:
            return original(function, event)
        except stepfunctions._ExecutionError as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in error.cause:
                raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", error.cause) from None
            raise

    stepfunctions._call_lambda = call


def failure_before_the_callback() -> None:
    """A function that fails in a waitForTaskToken task fails the state at once, under the exception's name.

    The emulator swallows the error and waits for the task's time-out.
    """
    original = stepfunctions._call_lambda

    def call(function: Any, event: Any) -> Any:
        try:
            return original(function, event)
        except stepfunctions._ExecutionError as error:
            waiting = stepfunctions._task_tokens.get(_token.get())
            if waiting and not waiting["event"].is_set():
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    stepfunctions._call_lambda = call


def computed_timeout() -> None:
    """TimeoutSeconds may be a JSONata expression; the emulator takes its text for the number."""
    original = stepfunctions._execute_task

    def execute(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
            state = {**state, "TimeoutSeconds": seconds}
        return original(state, raw_input, execution, context)

    stepfunctions._execute_task = execute


def repeated_start() -> None:
    """StartExecution with the name and the input of a running execution answers with that execution."""
    original = stepfunctions._start_execution

    def start(data: dict[str, Any]) -> Any:
        machine = stepfunctions._state_machines.get(data.get("stateMachineArn")) or {}
        arn = f"{data.get('stateMachineArn', '').replace(':stateMachine:', ':execution:')}:{data.get('name')}"
        running = stepfunctions._executions.get(arn) if machine and data.get("name") else None
        if running and running["status"] == "RUNNING" and running["input"] == data.get("input", "{}"):
            return json_response({"executionArn": arn, "startDate": running["startDate"]})
        return original(data)

    stepfunctions._start_execution = start


def ended_stays_ended() -> None:
    """An aborted execution stays ABORTED; in the emulator the end of the task it waited in makes it FAILED."""
    original = stepfunctions._fail_execution

    def fail(execution: Any, error: Any, cause: Any) -> None:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    stepfunctions._fail_execution = fail


def waits_of_retries() -> None:
    """A retry waits MaxDelaySeconds at most and, with full jitter, anything between nothing and that."""
    original_find, original_sleep = stepfunctions._find_matching_retrier, stepfunctions._scaled_sleep

    def find(retriers: Any, error: str, counts: dict[int, int]) -> Any:
        retrier, index = original_find(retriers, error, counts)
        if retrier is not None:
            wait = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
            most = min(wait, retrier.get("MaxDelaySeconds", wait))
            _retry_wait.set((most, retrier.get("JitterStrategy") != "FULL"))
        return retrier, index

    def sleep(seconds: float) -> None:
        waiting = _retry_wait.get()
        _retry_wait.set(None)
        if waiting:
            most, whole = waiting
            seconds = most if whole else random.uniform(0, most)  # noqa: S311
        original_sleep(seconds)

    stepfunctions._find_matching_retrier = find
    stepfunctions._scaled_sleep = sleep


def parameters_in_the_history() -> None:
    """TaskScheduled events show the task's parameters, as they do on AWS for 90 days."""
    original_arguments, original_event = stepfunctions._apply_jsonata_arguments, stepfunctions._add_event

    def arguments(state: Any, raw_input: Any, context: Any = None) -> Any:
        found = original_arguments(state, raw_input, context)
        _arguments.set(found)
        return found

    def event(execution: Any, kind: str, details: Any = None) -> Any:
        if kind == "TaskScheduled" and details:
            details["taskScheduledEventDetails"]["parameters"] = json.dumps(_arguments.get())
        return original_event(execution, kind, details)

    stepfunctions._apply_jsonata_arguments = arguments
    stepfunctions._add_event = event


MENDS = [
    tokens_know_their_machine,
    crowded_functions,
    failure_before_the_callback,
    computed_timeout,
    repeated_start,
    ended_stays_ended,
    waits_of_retries,
    parameters_in_the_history,
]
