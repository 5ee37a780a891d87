"""The emulator's Step Functions interpreter within this process: in one thread, and on a clock of its own.

It is the very interpreter that the local stack runs its machines on, with the same mends. What surrounds it is
replaced: a function is a call, a wait is a call to whoever acts meanwhile, and time passes without waiting for it.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any

from gatehouse import times
from tests.unit.account import ACCOUNT, REGION, Clock
from tests.wiring.template import ROOT

JITTER = 0.5
"""What full jitter leaves of a pause on average: it is the same in every run."""


class FromTheEmulatorsOwnEnvironment:
    """Finds the package `ministack` and nothing else there: it pins botocore otherwise than the tests do."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "ministack":
            return None
        return PathFinder.find_spec(name, [str(one) for one in ROOT.glob(".venv/emulator/lib/python*/site-packages")])


@dataclass
class Surroundings:
    """What is around the interpreter.

    `invoke` gets a function's name and its event, and raises `module()._ExecutionError`; `wait` is called while a task
    waits for its token, with the seconds until its time-out, and tells whether it was woken; `start` gets every
    execution that begins, to be run when it likes; `ended` gets each that ended.
    """

    clock: Clock
    invoke: Callable[[str, Any], Any]
    wait: Callable[["Wake", float], bool]
    start: Callable[[Callable[[], None]], None]
    ended: Callable[[dict[str, Any]], None]


class Wake:
    """What a task with a token waits for, in place of threading.Event."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def wait(self, timeout: float) -> bool:
        return _around.wait(self, timeout)


_around: Surroundings


def surround(around: Surroundings) -> Any:
    """The interpreter's module, without machines and executions, from now on in these surroundings."""
    global _around
    _around = around
    module().reset()
    return module()


@cache
def module() -> Any:
    sys.meta_path.append(FromTheEmulatorsOwnEnvironment)
    # The interpreter asks the emulator's server whether IAM is enforced; there is no server here.
    server = ModuleType("ministack.app")
    vars(server)["AUTH"] = False
    sys.modules["ministack.app"] = server
    from ministack.core import responses
    from ministack.services import stepfunctions

    responses.set_request_account_id(ACCOUNT)
    responses.set_request_region(REGION)

    def thread(target: Any, args: Any, daemon: bool) -> Any:
        return SimpleNamespace(start=lambda: _around.start(lambda: target(*args)))

    stepfunctions.threading = SimpleNamespace(Event=Wake, Thread=thread)
    stepfunctions.time = SimpleNamespace(sleep=lambda seconds: _around.clock.advance(seconds))
    stepfunctions.now_iso = lambda: _around.clock.now()
    stepfunctions._call_lambda = lambda function, event: _around.invoke(function.rpartition(":")[2], event)
    stepfunctions._emit_execution_status_event = lambda execution: _around.ended(execution)
    for mend in _mends():
        mend()
    return stepfunctions


def _mends() -> list[Callable[[], None]]:
    """Those of the machines; by the file, since the package would load every service of the emulator."""
    spec = importlib.util.spec_from_file_location("machines", ROOT / "local/mends/machines.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.random = SimpleNamespace(uniform=lambda least, most: least + (most - least) * JITTER)  # type: ignore[attr-defined]
    found: list[Callable[[], None]] = module.MENDS
    return found


def answer(response: tuple[int, Any, Any]) -> dict[str, Any]:
    """What the SDK makes of an answer of the interpreter's API."""
    status, _, body = response
    document: dict[str, Any] = json.loads(body) if body else {}
    if status < 400:
        return document
    error = {"Code": document["__type"].rpartition("#")[2], "Message": document.get("message", "")}
    return {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}


def event_of(execution: dict[str, Any]) -> dict[str, Any]:
    """The detail of the status-change event, as EventBridge hands it on."""
    wanted = ("executionArn", "stateMachineArn", "name", "status", "input", "error", "cause")
    return {name: execution.get(name) for name in wanted} | {"startDate": _epoch(execution["startDate"])}


def _epoch(moment: str) -> int:
    return int(times.parse(moment).timestamp() * 1000)
