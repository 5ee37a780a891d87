"""What happened in one onboarding, and when: its record and its execution's history, put together."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from local import people
from local.client import Person


@dataclass(frozen=True)
class Moment:
    """Something that happened, in words; `seconds` since the request."""

    seconds: float
    text: str


@dataclass(frozen=True)
class Step:
    """A state of the machine: when it was entered (not yet: infinity) and left, and what happened in between."""

    name: str
    entered: float = math.inf
    left: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """One look at an onboarding. `read` is the moment of the look, in seconds since the request."""

    record: Mapping[str, Any]
    steps: tuple[Step, ...]
    moments: tuple[Moment, ...]
    read: float
    running: bool


def observer(requester: Person, operator: Person, onboarding_id: str) -> Callable[[], Timeline]:
    """Looks at the record as its requester may see it, and at the execution as an operator may."""
    stepfunctions = operator.aws("stepfunctions")
    machine = operator.stack["state_machine_arn"]
    definition = json.loads(stepfunctions.describe_state_machine(stateMachineArn=machine)["definition"])
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{onboarding_id}"

    def look() -> Timeline:
        # Taken first: everything older than this will have been seen.
        now = datetime.now(UTC)
        record = people.record(requester, onboarding_id)
        return _timeline(record, _history(stepfunctions, execution), definition, now)

    return look


def _timeline(
    record: Mapping[str, Any], history: Sequence[Mapping[str, Any]], definition: Mapping[str, Any], now: datetime
) -> Timeline:
    began = datetime.fromisoformat(record["created_at"])
    visits = list(_visits(history, began))
    states = {_snake(name) for name in definition["States"]}
    told = [
        Moment((datetime.fromisoformat(entry["at"]) - began).total_seconds(), _in_words(entry))
        for entry in record["timeline"]
        if entry["event"] not in states
    ]
    return Timeline(
        record=record,
        steps=tuple(_steps(visits, told, _path(definition, bool(record["approval"]["needed"])))),
        moments=tuple(sorted([*told, *_moments(visits)], key=lambda moment: moment.seconds)),
        read=(now - began).total_seconds(),
        running=not any(event["type"] in _ENDS for event in history),
    )


_ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def _history(stepfunctions: Any, execution: str) -> list[dict[str, Any]]:
    try:
        answer = stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return []
    events: list[dict[str, Any]] = answer["events"]
    return events


def _visits(history: Sequence[Mapping[str, Any]], began: datetime) -> list[Step]:
    """Each state that was entered, in order."""
    visits: list[Step] = []
    for event in history:
        at = (event["timestamp"] - began).total_seconds()
        if "stateEnteredEventDetails" in event:
            visits.append(Step(event["stateEnteredEventDetails"]["name"], at, None))
        elif "stateExitedEventDetails" in event:
            visits[-1] = replace(visits[-1], left=at)
    return visits


def _steps(visits: Sequence[Step], told: Sequence[Moment], path: Sequence[str]) -> Iterator[Step]:
    for step, following in zip_longest(visits, visits[1:]):
        end = following.entered if following else math.inf
        yield replace(step, notes=tuple(moment.text for moment in told if step.entered <= moment.seconds < end))
    seen = {step.name for step in visits}
    if "RollBack" not in seen:
        yield from (Step(name) for name in path if name not in seen)


def _moments(visits: Sequence[Step]) -> Iterator[Moment]:
    for step in visits:
        yield Moment(step.entered, step.name)
        if step.left is not None:
            yield Moment(step.left, f"{step.name} done in {step.left - step.entered:.2f} s")


def _path(definition: Mapping[str, Any], approval_needed: bool) -> list[str]:
    """The states of an onboarding that goes well, as the deployed definition has them."""
    path = [definition["StartAt"]]
    while True:
        state = definition["States"][path[-1]]
        following = state.get("Next") or state.get("Default")
        if state["Type"] == "Choice" and approval_needed:
            following = state["Choices"][0]["Next"]
        if following is None:
            return path
        path.append(following)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _in_words(entry: Mapping[str, Any]) -> str:
    """An entry of the record's timeline: `approved by alice: agreed`, `mail sent: approval wanted`."""
    words = str(entry["event"]).replace("_", " ").replace("mfa", "MFA")
    if entry["by"] not in ("gatehouse", "claim"):
        words += f" by {entry['by'].rsplit('/', 1)[-1]}"
    if not entry["detail"]:
        return words
    if entry["event"] == "mail_sent":
        return f"{words}: {re.sub(r'_[0-9]+$', '', entry['detail']).replace('_', ' ')}"
    return f"{words} {entry['detail']}" if entry["detail"].startswith("from ") else f"{words}: {entry['detail']}"
