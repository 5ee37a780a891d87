"""A burst of requests while IAM answers so many calls a second, seen through to the end, and what came of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from local import crowd, deploy, process
from local import stack as local_stack
from local.client import principal
from local.crowd import Asked, Ledger, Left

EARLY = 10
CALLERS, USERS = 12, 8
"""Requesters and users who act at a time: more would only wait for the emulator."""

_LINE_SECONDS = 10


@dataclass(frozen=True)
class Call:
    """One call of IAM: `at` in seconds since 1970."""

    at: float
    who: str
    throttled: bool


@dataclass(frozen=True)
class Result:
    """What a burst came to. Times in seconds; `completions` are moments, `took` what each onboarding took."""

    rate: float
    asked: Sequence[Asked]
    statuses: Counter[str]
    calls: Sequence[Call]
    began: float
    completions: Sequence[float]
    took: Sequence[float]
    retries: Counter[str]
    left: Left
    cpu: Mapping[str, float]

    @property
    def seconds(self) -> float:
        return max(self.completions, default=self.began) - self.began

    @property
    def answered(self) -> list[Call]:
        return [call for call in self.calls if not call.throttled]

    @property
    def used(self) -> float:
        """The part of the limit that was used between the first request and the last completion."""
        return len(self.answered) / self.seconds / self.rate if self.seconds else 0

    @property
    def felt(self) -> float:
        """The part of the seconds in which IAM refused somebody: in the others the machine was the limit."""
        refused = {int(call.at - self.began) for call in self.calls if call.throttled}
        return len(refused) / max(1, int(self.seconds))

    @property
    def accepted(self) -> int:
        return sum(one.onboarding_id is not None for one in self.asked)

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status in crowd.FINAL and status != "COMPLETE")

    @property
    def lost(self) -> int:
        """Accepted, and at the end of all patience neither complete nor undone."""
        return self.accepted - self.statuses["COMPLETE"] - self.failed

    @property
    def is_sound(self) -> bool:
        return self.accepted == len(self.asked) and not (self.failed or self.lost or self.left.sum)


def run(stack: Mapping[str, Any], state_dir: Path, count: int, rate: float, console: Console) -> Result:
    """Ask for so many onboardings as fast as the API answers, and see them through.

    A few come first: two cores would be busy with starting the functions' processes, which on AWS start side by side.
    """
    _see_through(stack, state_dir, [f"early.{number}" for number in range(EARLY)], rate, console)
    return _see_through(stack, state_dir, [f"crowd.{number}" for number in range(count)], rate, console)


def _see_through(
    stack: Mapping[str, Any], state_dir: Path, names: Sequence[str], rate: float, console: Console
) -> Result:
    ledger, root, count = Ledger(stack), deploy.client("iam", stack["endpoint_url"]), len(names)
    before = ledger.statuses()
    requester = principal(stack, "requester")
    # Twice what the limit needs, with as much again for a machine on which everything else is slower.
    patience = 120 + 4 * count * 15 / rate
    with ThreadPoolExecutor(CALLERS) as callers, ThreadPoolExecutor(USERS) as users, _progress(console) as show:
        began = time.time()
        asking = [callers.submit(crowd.ask, requester, name) for name in names]
        enrolling: dict[str, Any] = {}
        while True:
            known = {one.result().onboarding_id: one.result() for one in asking if one.done()}
            for waiting in ledger.ids("PENDING_MFA") & known.keys() - enrolling.keys():
                enrolling[waiting] = users.submit(crowd.sign_in_and_enrol, stack, root, known[waiting])
            statuses = ledger.statuses() - before
            calls = _calls(state_dir)
            show(_line(time.time() - began, count, len(known), statuses, calls, rate))
            over = all(one.done() for one in asking) and not any(statuses[status] for status in crowd.OPEN)
            if over or time.time() - began > patience:
                break
            time.sleep(1)
        asked = [one.result() for one in asking]
        problems = [one.exception() for one in enrolling.values() if one.done() and one.exception()]
    for problem in problems:
        console.print(f"somebody could not enrol: {problem}", style="red")
    return _result(stack, state_dir, rate, began, asked, ledger)


def _result(
    stack: Mapping[str, Any], state_dir: Path, rate: float, began: float, asked: Sequence[Asked], ledger: Ledger
) -> Result:
    own = {f"onboarding#{one.onboarding_id}" for one in asked}
    records = [item for item in ledger.items() if item["pk"]["S"] in own]
    completions, took = [], []
    for record in records:
        events = {entry["M"]["event"]["S"]: _seconds(entry["M"]["at"]["S"]) for entry in record["timeline"]["L"]}
        if "complete" in events:
            completions.append(events["complete"])
            took.append(events["complete"] - events["requested"])
    ended = max(completions, default=time.time())
    return Result(
        rate=rate,
        asked=asked,
        statuses=Counter(record["status"]["S"] for record in records),
        calls=[call for call in _calls(state_dir) if began <= call.at <= ended],
        began=began,
        completions=completions,
        took=took,
        retries=_retries(stack, [str(one.onboarding_id) for one in asked if one.onboarding_id]),
        left=crowd.left(stack, ledger),
        cpu=_cpu(state_dir),
    )


def _calls(state_dir: Path) -> list[Call]:
    record = state_dir / local_stack.IAM_CALLS
    lines = record.read_text().splitlines() if record.exists() else []
    return [Call(line["at"], line["who"], line["throttled"]) for line in map(json.loads, lines)]


def _retries(stack: Mapping[str, Any], onboarding_ids: Sequence[str]) -> Counter[str]:
    """What made states of the machine try again, by its error's name."""
    machines = deploy.client("stepfunctions", stack["endpoint_url"])
    executions = stack["state_machine_arn"].replace(":stateMachine:", ":execution:")
    failed: Counter[str] = Counter()
    for onboarding_id in onboarding_ids:
        pages = machines.get_paginator("get_execution_history").paginate(executionArn=f"{executions}:{onboarding_id}")
        events = [event for page in pages for event in page["events"]]
        failed.update(one["taskFailedEventDetails"]["error"] for one in events if one["type"] == "TaskFailed")
    return failed


def _cpu(state_dir: Path) -> dict[str, float]:
    """Seconds of processor time of the emulator, and of the functions' processes."""
    used = {"emulator": 0.0, "functions": 0.0}
    for found in process.belonging_to(state_dir):
        times = found.cpu_times()
        kind = "functions" if found.environ().get("AWS_LAMBDA_FUNCTION_NAME") else "emulator"
        used[kind] += times.user + times.system
    return used


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def _line(seconds: float, count: int, accepted: int, statuses: Counter[str], calls: Sequence[Call], rate: float) -> str:
    recent = [call for call in calls if call.at > time.time() - 10]
    throttled = sum(call.throttled for call in recent)
    working = sum(statuses[status] for status in ("REQUESTED", "PROVISIONING"))
    return (
        f"{seconds:5.0f} s   accepted {accepted}/{count}   at work {working}   enrolling {statuses['PENDING_MFA']}"
        f"   complete {statuses['COMPLETE']}   IAM {(len(recent) - throttled) / 10:.1f}/{rate:g} a second,"
        f" {throttled / 10:.0f} throttled"
    )


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Gives what shows a line: in its place on a terminal, every ten seconds elsewhere."""
    if console.is_terminal:
        with Live("", console=console) as live:
            yield lambda line: live.update(Text(line))
        return
    shown = [0.0]

    def show(line: str) -> None:
        if time.monotonic() - shown[0] >= _LINE_SECONDS:
            console.print(line, soft_wrap=True)
            shown[0] = time.monotonic()

    yield show
