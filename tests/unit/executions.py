"""Executions of the state machines, one state at a time: what comes next is the definition's to say.

Standing in for Step Functions within a test: expressions are evaluated, errors retried and caught, tokens awaited. Time
is the test's clock.
"""

import io
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonata

from gatehouse import times
from tests.unit.account import Account
from tests.wiring import definition

MACHINES = {"onboarding": "OnboardingStateMachine", "mfa-reset": "MfaResetStateMachine"}
"""Logical ID by what a machine's name ends with."""

Failure = tuple[str, str]
"""Error and cause."""


@dataclass
class Execution:
    """`status` is that of Step Functions; `token` is set while a state waits for it, `deadline` until when."""

    arn: str
    states: Mapping[str, Any]
    given: Any
    state: str
    entered_at: str
    status: str = "RUNNING"
    failure: Failure | None = None
    token: str | None = None
    deadline: str | None = None
    woken: Failure | bool = False
    """What came by the token: True, an error, or False as long as nothing did."""
    tries: int = 0
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def waits(self) -> bool:
        return self.token is not None and self.woken is False


@dataclass
class StepFunctions:
    """The executions by ARN, and what was invoked without waiting for an answer: (function, event)."""

    account: Account
    executions: dict[str, Execution] = field(default_factory=dict)
    invoked: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "SendTaskSuccess": lambda asked: self._wake(asked["taskToken"], True),
            "SendTaskFailure": lambda asked: self._wake(asked["taskToken"], (asked["error"], asked.get("cause", ""))),
            "Invoke": self._invoke,
        }
        for operation, answer in answers.items():
            self.account.wire.answer(operation, answer)

    def go_on(self, execution: Execution) -> None:
        """Run the current state once; nothing happens while it waits or once the execution has ended."""
        if execution.status != "RUNNING":
            return
        state = execution.states[execution.state]
        if execution.token is not None:
            self._resume(execution, state)
        elif state["Type"] == "Choice":
            met = (one["Next"] for one in state["Choices"] if self._value(execution, one["Condition"]))
            self._enter(execution, next(met, state["Default"]))
        elif state["Type"] == "Fail":
            failure = (self._value(execution, state["Error"]), self._value(execution, state["Cause"]))
            self._end(execution, "FAILED", failure)
        else:
            assert state["Type"] == "Task", state["Type"]
            self._run(execution, state)

    def stop(self, execution: Execution) -> None:
        """StopExecution: no Catch runs."""
        self._end(execution, "ABORTED", None)

    def _run(self, execution: Execution, state: Mapping[str, Any]) -> None:
        token = uuid.uuid4().hex if state["Resource"].endswith(".waitForTaskToken") else None
        arguments = self._value(execution, state["Arguments"], token=token)
        try:
            payload = self.account.call(function_of(state), arguments["Payload"])
        except Exception as error:
            self._failed(execution, state, (type(error).__name__, json.dumps({"errorMessage": str(error)})))
            return
        if execution.status != "RUNNING":
            # Stopped by what the function itself set off.
            return
        if token is None:
            self._succeeded(execution, state, {"Payload": payload})
            return
        seconds = self._value(execution, state["TimeoutSeconds"])
        execution.token, execution.woken = token, False
        execution.deadline = times.after(execution.entered_at, seconds)

    def _resume(self, execution: Execution, state: Mapping[str, Any]) -> None:
        woken = execution.woken
        if woken is False:
            if self.account.clock.now() < str(execution.deadline):
                return
            woken = ("States.Timeout", "")
        execution.token = execution.deadline = None
        if isinstance(woken, tuple):
            self._failed(execution, state, woken)
        else:
            self._succeeded(execution, state, {})

    def _succeeded(self, execution: Execution, state: Mapping[str, Any], result: Any) -> None:
        self._assign(execution, state, result=result)
        if state.get("End"):
            self._end(execution, "SUCCEEDED", None)
        else:
            self._enter(execution, state["Next"])

    def _failed(self, execution: Execution, state: Mapping[str, Any], failure: Failure) -> None:
        """Retried by the first retrier that names the error, then caught by the first catcher."""
        retrier = next((one for one in state.get("Retry", ()) if _names(one, failure[0])), None)
        if retrier and execution.tries < retrier["MaxAttempts"]:
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** execution.tries
            self.account.clock.advance(min(pause, retrier.get("MaxDelaySeconds", pause)))
            execution.tries += 1
            return
        catcher = next((one for one in state.get("Catch", ()) if _names(one, failure[0])), None)
        if catcher is None:
            self._end(execution, "FAILED", failure)
            return
        self._assign(execution, catcher, errorOutput={"Error": failure[0], "Cause": failure[1]})
        self._enter(execution, catcher["Next"])

    def _enter(self, execution: Execution, state: str) -> None:
        execution.state, execution.entered_at, execution.tries = state, self.account.clock.now(), 0

    def _end(self, execution: Execution, status: str, failure: Failure | None) -> None:
        if execution.status == "RUNNING":
            execution.status, execution.failure, execution.token = status, failure, None

    def _assign(self, execution: Execution, source: Mapping[str, Any], **about: Any) -> None:
        new = {name: self._value(execution, value, **about) for name, value in source.get("Assign", {}).items()}
        execution.variables |= new

    def _value(self, execution: Execution, value: Any, token: str | None = None, **about: Any) -> Any:
        """A value of the definition with its expressions evaluated; `about` is what `$states` holds besides."""
        if isinstance(value, dict):
            return {name: self._value(execution, item, token, **about) for name, item in value.items()}
        if not (isinstance(value, str) and value.startswith("{%")):
            return value
        expression = jsonata.Jsonata(value.removeprefix("{%").removesuffix("%}").strip())
        context: dict[str, Any] = {
            "Execution": {"Id": execution.arn, "Name": execution.name},
            "State": {"Name": execution.state, "EnteredTime": execution.entered_at},
            "Task": {"Token": token},
        }
        for name, known in execution.variables.items():
            expression.assign(name, known)
        expression.assign("states", {"input": execution.given, "context": context, **about})
        return expression.evaluate({})

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        machine = asked["stateMachineArn"]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{asked['name']}"
        if arn in self.executions:
            return _error("ExecutionAlreadyExists")
        text = definition.text(next(one for end, one in MACHINES.items() if machine.endswith(end)))
        for name in ("ApprovalTimeoutSeconds", "MfaTimeoutSeconds"):
            text = text.replace(f"${{{name}}}", str(self.account.values[name]))
        defined = json.loads(text)
        self.executions[arn] = Execution(
            arn, defined["States"], json.loads(asked["input"]), defined["StartAt"], self.account.clock.now()
        )
        return {"executionArn": arn}

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self.executions.get(asked["executionArn"])
        if execution is None:
            return _error("ExecutionDoesNotExist")
        error, cause = execution.failure or (None, None)
        described = {"executionArn": execution.arn, "status": execution.status, "error": error, "cause": cause}
        return {name: value for name, value in described.items() if value is not None}

    def _wake(self, token: str, woken: Failure | bool) -> dict[str, Any]:
        waiting = next((one for one in self.executions.values() if one.token == token and one.waits), None)
        if waiting is None or self.account.clock.now() >= str(waiting.deadline):
            return _error("TaskTimedOut")
        waiting.woken = woken
        return {}

    def _invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        stem, event = stem_of(asked["FunctionName"]), json.loads(asked["Payload"])
        if asked.get("InvocationType") == "Event":
            self.invoked.append((stem, event))
            return {"StatusCode": 202}
        try:
            answer = self.account.call(stem, event)
        except Exception as error:
            told = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(told.encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


def function_of(state: Mapping[str, Any]) -> str:
    """The stem of the function that a Task calls: `${CreateUserFunctionArn}` is create_user."""
    return stem_of(state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}"))


def stem_of(function: str) -> str:
    """The stem of a function's name: gatehouse-RollBack is roll_back."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", function.rpartition("-")[2]).lower()


def _names(handler: Mapping[str, Any], error: str) -> bool:
    return error in handler["ErrorEquals"] or "States.ALL" in handler["ErrorEquals"]


def _error(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 400}}
