"""`make faults`: live progress, then the matrix, then what is wrong and how to see it again."""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.faults import matrix
from tests.faults.kinds import KINDS, Call
from tests.faults.matrix import Cell, Recorded, Result
from tests.faults.scenarios import SCENARIOS
from tests.unit import account as accounts

JOBS = min(2, os.cpu_count() or 1)


def main() -> int:
    options = _options()
    began = time.monotonic()
    # As an exception, so that the processes of the cells end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ.update(accounts.LAMBDA)
    recorded = matrix.record(_stories(options))
    broken = [f"{name}, without a fault: {one}" for name, story in recorded.items() for one in story.wrong]
    if len(recorded) == len(SCENARIOS):
        broken += [f"no fault meets {stem}" for stem in matrix.unmet(recorded)]
    cells = _cells(options, recorded)
    print(f"{len(cells)} cells, {sum(len(story.calls) for story in recorded.values())} calls, seed {options.seed}")
    results = _run(cells, recorded, options.jobs)
    if not (options.cell or options.pairs):
        for name, story in recorded.items():
            _print_table(name, story, [result for result in results if result.cell.scenario == name])
    _print_totals(results, time.monotonic() - began)
    wrong = [result for result in results if result.wrong]
    for result in wrong:
        _print_wrong(result)
    for one in broken:
        print(one)
    return 1 if wrong or broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--cell", help="run this one cell, as it is named where it is wrong")
    parser.add_argument("--story", action="append", choices=sorted(SCENARIOS), help="only this story")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="only this kind")
    parser.add_argument("--pairs", type=int, default=0, help="instead of every single fault, so many random pairs")
    parser.add_argument("--share", type=int, default=1, help="only one cell in so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--log", action="store_true", help="print the functions' log of a cell that is wrong")
    return parser.parse_args()


def _stories(options: argparse.Namespace) -> Sequence[str]:
    """Those whose cells run, and those that tell what is there when one of them is completed after all."""
    chosen = [Cell.parse(options.cell).scenario] if options.cell else options.story or list(SCENARIOS)
    return [name for name in SCENARIOS if name in chosen or name in {SCENARIOS[one].complete_as for one in chosen}]


def _cells(options: argparse.Namespace, recorded: dict[str, Recorded]) -> list[Cell]:
    if options.cell:
        return [Cell.parse(options.cell)]
    if options.pairs:
        return matrix.pairs(recorded, options.pairs, options.seed)
    every = [cell for cell in matrix.singles(recorded) if _is_chosen(options, cell)]
    if options.share == 1:
        return every
    return sorted(random.Random(options.seed).sample(every, len(every) // options.share))


def _is_chosen(options: argparse.Namespace, cell: Cell) -> bool:
    [(_, kind)] = cell.faults
    return (not options.kind or kind in options.kind) and (not options.story or cell.scenario in options.story)


def _run(cells: Sequence[Cell], recorded: dict[str, Recorded], jobs: int) -> list[Result]:
    results, began = [], time.monotonic()
    for result in matrix.run(cells, recorded, jobs):
        results.append(result)
        if result.wrong or len(results) % 50 == 0 or len(results) == len(cells):
            wrong = sum(1 for one in results if one.wrong)
            seconds = time.monotonic() - began
            print(f"{len(results):5} of {len(cells)}, {wrong} wrong, {seconds:4.0f} s  {result.cell}", flush=True)
    return results


def _print_table(name: str, story: Recorded, results: Sequence[Result]) -> None:
    outcomes: dict[Call, dict[str, str]] = defaultdict(dict)
    for result in results:
        [(call, kind)] = result.cell.faults
        outcomes[call][kind] = result.outcome
    width = max((len(f"{call.operation} {call.number}") for call in outcomes), default=0) + 2
    print(f"\n{name}: {SCENARIOS[name].says}")
    print(" " * (width + 2) + "".join(f"{column:>15}" for column in KINDS))
    function = ""
    for call in story.calls:
        if call not in outcomes:
            continue
        if call.function != function:
            function = call.function
            print(function)
        row = "".join(f"{outcomes[call].get(kind, '·'):>15}" for kind in KINDS)
        print(f"  {f'{call.operation} {call.number}':{width}}{row}")


def _print_totals(results: Sequence[Result], seconds: float) -> None:
    totals = Counter(result.outcome for result in results)
    print()
    for outcome, says in matrix.OUTCOMES.items():
        if totals[outcome]:
            print(f"{totals[outcome]:6} {outcome:2} {says}")
    orphans = sum(1 for result in results if any("left behind" in one for one in result.wrong))
    unguarded = sum(1 for result in results if any(one.startswith("after ") for one in result.wrong))
    broken = f"{orphans} orphans, {unguarded} unguarded moments, {totals['!']} wrong"
    print(f"{len(results):6} cells in {seconds:.0f} s: {broken}")


def _print_wrong(result: Result) -> None:
    print(f"\nWRONG {result.cell}")
    for one in result.wrong:
        print(f"  {one}")
    print(f'  again: make faults CELL="{result.cell}"')
    if "--log" in sys.argv:
        print(result.log)


if __name__ == "__main__":
    sys.exit(main())
