"""A burst of requests while IAM answers so many calls a second: what comes of it, and how near it comes to the limit.

    python -m local.load [COUNT [CALLS_PER_SECOND]]      100 requests at 20 calls a second

Brings up a stack of its own and stops it at the end. Fails where a request is refused, lost or undone, or something is
left behind. How fast it is depends on the machine too, and makes nothing fail.
"""

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import burst, deploy, process
from local import stack as local_stack
from local.burst import Result

AIM = 0.8
"""The part of the limit's rate that has to be used."""

PRINTED_WIDTH = 130
"""Columns where no terminal says how many there are."""

COLUMNS = 60
_BARS = " ▁▂▃▄▅▆▇█"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=100)
    parser.add_argument("calls_per_second", nargs="?", type=float, default=20)
    asked = parser.parse_args()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    try:
        result = _load(console, asked.count, asked.calls_per_second)
    except (deploy.DeployError, process.EmulatorError, TimeoutError) as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if result.is_sound else 1)


def _load(console: Console, count: int, rate: float) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        state_dir = Path(scratch) / "stack"
        try:
            stack = local_stack.up(state_dir=state_dir, iam_calls_per_second=rate)
            result = burst.run(stack, state_dir, count, rate, console)
        finally:
            local_stack.down(state_dir)
    _print_chart(console, result)
    _print_summary(console, result)
    return result


def _print_chart(console: Console, result: Result) -> None:
    """What happened when, each line of a height of its own."""
    lines = {
        "IAM answered": [call.at for call in result.answered],
        "IAM throttled": [call.at for call in result.calls if call.throttled],
        "completed": list(result.completions),
    }
    width = max(result.seconds, 1) / COLUMNS
    for name, moments in lines.items():
        counts = [0] * COLUMNS
        for moment in moments:
            counts[min(COLUMNS - 1, int((moment - result.began) / width))] += 1
        most = max(*counts, 1)
        bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)
        console.print(f"{name:>14} {bars} at most {most / width:.1f} a second", soft_wrap=True)
    console.print(f"{'':>14} 0 s{f'{result.seconds:.0f} s':>{COLUMNS - 3}}")


def _print_summary(console: Console, result: Result) -> None:
    table = Table("what", "measured", "aim", "")
    for what, measured, aim, is_met in _summary(result):
        mark = Text("") if is_met is None else Text("✓", "green") if is_met else Text("✗", "bold red")
        table.add_row(what, measured, aim, mark)
    console.print(table)
    console.print(
        f"{psutil.cpu_count()} processors, of whose time the emulator took {result.cpu['emulator']:.0f} s and the"
        f" functions {result.cpu['functions']:.0f} s. In {1 - result.felt:.0%} of the seconds IAM refused nobody: then"
        " the machine was the limit, or nobody was left to wait."
    )


def _summary(result: Result) -> list[tuple[str, str, str, bool | None]]:
    count, complete = len(result.asked), result.statuses["COMPLETE"]
    other = Counter(answer for one in result.asked for answer in one.answers if answer != 202)
    throttled = sum(call.throttled for call in result.calls)
    per_second = len(result.answered) / result.seconds if result.seconds else 0
    left = result.left
    return [
        ("requests accepted", f"{result.accepted} of {count}", "all", result.accepted == count),
        ("complete", str(complete), str(count), complete == count),
        ("failed", str(result.failed), "0", not result.failed),
        ("lost", str(result.lost), "0", not result.lost),
        (
            "left behind: locks, claims, secrets, unguarded",
            f"{left.locks}, {left.open_claims}, {left.secrets}, {left.unguarded}",
            "0",
            not left.sum,
        ),
        (
            f"IAM calls answered a second, of {result.rate:g}",
            f"{per_second:.1f} ({result.used:.0%})",
            f"≥ {AIM:.0%}",
            result.used >= AIM,
        ),
        ("from the first request to the last completion", f"{result.seconds:.0f} s", "", None),
        (
            "IAM calls for one onboarding, the user's two included",
            f"{len(result.answered) / max(1, complete):.1f}",
            "",
            None,
        ),
        ("IAM calls throttled", str(throttled), "", None),
        (
            "retries of the machine",
            _listed(result.retries),
            "",
            None,
        ),
        ("POST /onboardings, other answers than 202", _listed(other), "0", not other),
        ("POST /onboardings: middle, 95 %, longest", _spread([one.seconds for one in result.asked]), "", None),
        ("one onboarding: middle, 95 %, longest", _spread(result.took), "", None),
    ]


def _listed(counted: Counter[Any]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counted.most_common()) or "0"


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    return f"{statistics.median(ordered):.1f} s, {ordered[int(0.95 * (len(ordered) - 1))]:.1f} s, {ordered[-1]:.1f} s"


if __name__ == "__main__":
    main()
