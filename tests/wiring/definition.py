"""The state machine, and what its template gives it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.wiring.template import ROOT, of_type

State = dict[str, Any]


def machines() -> dict[str, dict[str, Any]]:
    """The state machines' properties by logical ID."""
    found = of_type("AWS::Serverless::StateMachine")
    return {name: resource["Properties"] for name, resource in found.items()}


@cache
def text(machine: str) -> str:
    return str((ROOT / machines()[machine]["DefinitionUri"]).read_text())


def definition(machine: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text(machine))
    return loaded


def placeholders(machine: str) -> set[str]:
    return set(re.findall(r"\$\{(\w+)\}", text(machine)))


def states(machine: str) -> dict[str, State]:
    """The states of a machine by name, those inside of a Map as well."""
    outer: dict[str, State] = definition(machine)["States"]
    inner = [state["ItemProcessor"]["States"] for state in outer.values() if state["Type"] == "Map"]
    return outer | {name: state for one in inner for name, state in one.items()}


def onboarding_machines() -> list[str]:
    """The machines that bring somebody in or back: what goes wrong there is rolled back."""
    return [machine for machine in machines() if "RollBack" in states(machine)]


def tasks(machine: str) -> dict[str, State]:
    return {name: state for name, state in states(machine).items() if state["Type"] == "Task"}


def every_task() -> list[tuple[str, str]]:
    """Machine and name of every Task state."""
    return [(machine, name) for machine in machines() for name in tasks(machine)]


def following(state: State) -> Iterator[str]:
    """Where a state may lead."""
    yield from (branch["Next"] for branch in [*state.get("Choices", ()), *state.get("Catch", ())])
    yield from (state[name] for name in ("Next", "Default") if name in state)


def named_errors() -> set[str]:
    """Every error name of a Retry or a Catch."""
    every = [tasks(machine)[name] for machine, name in every_task()]
    handlers = [one for state in every for one in (*state.get("Retry", ()), *state.get("Catch", ()))]
    return {name for handler in handlers for name in handler["ErrorEquals"]}
