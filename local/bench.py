"""Measures what one onboarding and one cold start cost, and prints it beside what they may cost.

    python -m local.bench

Brings up a stack of its own and stops it at the end. No figure makes it fail: on a busy machine every start is slow.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console

from local import cold_start, deploy, figures, measured, process
from local import stack as local_stack
from local.measured import Run

PRINTED_WIDTH = 130
"""Columns where no terminal says how many there are."""


def main() -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    try:
        _bench(console)
    except (deploy.DeployError, process.EmulatorError, TimeoutError) as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)


def _bench(console: Console) -> None:
    load = os.getloadavg()[0]
    console.print(f"{psutil.cpu_count()} processors, load {load:.1f}; the functions run on {_interpreter()}")
    if load > 1:
        console.print("Other programs are busy: CPU figures may be off by a tenth.", style="yellow")
    template = deploy.build()
    with tempfile.TemporaryDirectory() as scratch:
        cold, warm = _onboardings(Path(scratch))
        package = cold_start.package(template, Path(scratch))
        zipped = cold_start.zipped(package, Path(scratch))
        starts = cold_start.measure(cold_start.functions(template, package), package, _progress(console))
    figures.print_starts(console, starts, warm)
    figures.print_calls(console, cold, warm)
    figures.print_cost(console, cold)
    figures.print_summary(console, starts, cold, warm, zipped)


def _onboardings(scratch: Path) -> tuple[Run, Run]:
    """The first onboarding of a fresh stack, and a second one whose functions are warm."""
    state_dir, decisions = scratch / "stack", scratch / "decisions.jsonl"
    try:
        stack = local_stack.up(state_dir=state_dir, iam_decisions=decisions)
        cold = measured.onboard(stack, state_dir, decisions, "bench.cold")
        return cold, measured.onboard(stack, state_dir, decisions, "bench.warm")
    finally:
        local_stack.down(state_dir)


def _interpreter() -> str:
    asked = subprocess.run([cold_start.PYTHON, "--version"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def _progress(console: Console) -> Callable[[int], None]:
    """Tells of every round, on a terminal."""

    def told(number: int) -> None:
        if console.is_terminal:
            console.print(f"cold starts, round {number + 1} of {cold_start.RUNS}", end="\r")

    return told


if __name__ == "__main__":
    main()
