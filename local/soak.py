"""Onboardings without end, a few at a time: whether anything grows that should not.

    python -m local.soak [MINUTES]      5 minutes

One in five is cancelled when it waits for MFA, so that what undoes runs as well. Brings up a stack of its own and stops
it at the end. Fails where an onboarding fails or leaves something behind, or a function's process grows.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local import crowd, deploy, process
from local import stack as local_stack
from local.client import principal, wait_for
from local.crowd import Ledger

AT_ONCE = 3
LOOK_SECONDS = 15
CANCELLED = 5
"""One in so many."""

ALLOWED = 3_000_000
"""Bytes by which the middle process of a function may differ between the two halves of the time: Python's own noise."""


@dataclass(frozen=True)
class Look:
    """What there was at a moment: resident memory in bytes by process, the table's items by kind, what is open."""

    seconds: float
    ended: int
    functions: Mapping[tuple[str, int], int]
    emulator: int
    items: Counter[str]
    secrets: int
    open_records: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=5)
    minutes = parser.parse_args().minutes
    console = Console(highlight=False)
    try:
        sys.exit(0 if _soak(console, minutes) else 1)
    except (deploy.DeployError, process.EmulatorError, TimeoutError) as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)


def _soak(console: Console, minutes: float) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        state_dir = Path(scratch) / "stack"
        try:
            stack = local_stack.up(state_dir=state_dir)
            looks, ended = _onboard(console, stack, state_dir, minutes * 60)
            left = crowd.left(stack, Ledger(stack))
        finally:
            local_stack.down(state_dir)
    grown = _grown(looks)
    _print_growth(console, looks, grown)
    console.print(f"ended: {', '.join(f'{count} {status}' for status, count in ended.most_common())}")
    console.print(
        f"left behind: {left.locks} locks, {left.open_claims} open claims, {left.secrets} secrets,"
        f" {left.unguarded} users without the member's boundary"
    )
    wrong = [status for status in ended if status not in ("COMPLETE", "CANCELLED")]
    return not (wrong or left.sum or any(growth > ALLOWED for growth in grown.values()))


def _onboard(
    console: Console, stack: Mapping[str, Any], state_dir: Path, seconds: float
) -> tuple[list[Look], Counter[str]]:
    ledger, root = Ledger(stack), deploy.client("iam", stack["endpoint_url"])
    began, looks, ended = time.monotonic(), list[Look](), Counter[str]()

    def one_after_the_other(who: int) -> None:
        number = 0
        while time.monotonic() < began + seconds:
            ended[_one(stack, root, f"soak.{who}.{number}")] += 1
            number += 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        working = [pool.submit(one_after_the_other, who) for who in range(AT_ONCE)]
        while not all(one.done() for one in working):
            time.sleep(LOOK_SECONDS)
            looks.append(_look(stack, state_dir, ledger, time.monotonic() - began, ended.total()))
            console.print(_line(looks[-1]), soft_wrap=True)
    for one in working:
        one.result()
    return looks, ended


def _one(stack: Mapping[str, Any], root: Any, user_name: str) -> str:
    """See one through to its end; its final status."""
    requester = principal(stack, "requester")
    asked = crowd.ask(requester, user_name)
    if asked.onboarding_id is None:
        return f"answered {asked.answers[-1]}"
    path = f"/onboardings/{asked.onboarding_id}"
    wait_for(lambda: requester.get(path).json["status"] == "PENDING_MFA", f"{user_name} PENDING_MFA", 300)
    if random.randrange(CANCELLED):  # noqa: S311
        crowd.sign_in_and_enrol(stack, root, asked)
    else:
        requester.post(f"{path}/cancel")

    def final() -> str | None:
        status: str = requester.get(path).json["status"]
        return status if status in crowd.FINAL else None

    return wait_for(final, f"the end of {user_name}", 300)


def _look(stack: Mapping[str, Any], state_dir: Path, ledger: Ledger, seconds: float, ended: int) -> Look:
    functions, emulator = {}, 0
    for found in process.belonging_to(state_dir):
        name = found.environ().get("AWS_LAMBDA_FUNCTION_NAME")
        if name:
            functions[name.rsplit("-", 1)[-1], found.pid] = int(found.memory_info().rss)
        else:
            emulator = int(found.memory_info().rss)
    secrets = deploy.client("secretsmanager", stack["endpoint_url"]).get_paginator("list_secrets").paginate()
    statuses = ledger.statuses()
    return Look(
        seconds=seconds,
        ended=ended,
        functions=functions,
        emulator=emulator,
        items=Counter(item["pk"]["S"].partition("#")[0] for item in ledger.items()),
        secrets=sum(secret["Name"].startswith("gatehouse/") for page in secrets for secret in page["SecretList"]),
        open_records=sum(statuses[status] for status in crowd.OPEN),
    )


def _line(look: Look) -> str:
    return (
        f"{look.seconds:5.0f} s   ended {look.ended}   open {look.open_records}   secrets {look.secrets}"
        f"   locks {look.items['user']}   {len(look.functions)} processes of functions with"
        f" {sum(look.functions.values()) / 1e6:.0f} MB   emulator {look.emulator / 1e6:.0f} MB"
    )


def _grown(looks: Sequence[Look]) -> dict[str, int]:
    """Bytes by which the middle process of each function grew from the second quarter of the time to the last.

    In the first quarter processes are born. Of those that live from the second quarter to the end only.
    """
    quarter = len(looks) // 4
    early, late = looks[quarter : 2 * quarter], looks[-quarter:]
    if not (early and late):
        return {}
    lasting = set.intersection(*(set(look.functions) for look in (*early, *late)))
    growth = defaultdict[str, list[float]](list)
    for name, pid in lasting:
        before, after = ([look.functions[name, pid] for look in part] for part in (early, late))
        growth[name].append(statistics.median(after) - statistics.median(before))
    return {name: int(statistics.median(grown)) for name, grown in growth.items()}


def _print_growth(console: Console, looks: Sequence[Look], grown: Mapping[str, int]) -> None:
    last = looks[-1]
    table = Table("function", "resident memory", "grown since the second quarter", "")
    for name, growth in sorted(grown.items()):
        sizes = [size for (function, _), size in last.functions.items() if function == name]
        mark = "[green]✓[/]" if growth <= ALLOWED else "[bold red]✗[/]"
        table.add_row(name, f"{statistics.median(sizes) / 1e6:.0f} MB", f"{growth / 1e6:+.1f} MB", mark)
    console.print(table)
    kept = ", ".join(f"{count / max(1, last.ended):.1f} {kind}" for kind, count in sorted(last.items.items()))
    console.print(f"items of the table for each onboarding that ended: {kept}")


if __name__ == "__main__":
    main()
