"""`make races`: all that may happen at every call of the stories, then seeded pairs and parts; or some ways again."""

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.races.branching import STORIES, Result, Way, pairs, run, singles, woven

PAIRS = WOVEN = 200
SEED = 20261122


def main() -> int:
    began = time.monotonic()
    ways = [Way.parse(text.replace(",", " ")) for text in sys.argv[1:]]
    chosen = random.Random(SEED)
    results = _run(ways or [*singles(), *pairs(chosen, PAIRS), *woven(chosen, WOVEN)])
    for name in STORIES:
        _print_ends(name, [result for result in results if result.way.story == name])
    wrong = [result for result in results if result.wrong]
    print(f"{len(results)} ways, {len(wrong)} wrong, {time.monotonic() - began:.0f} s, seed {SEED}")
    return 1 if wrong else 0


def _run(ways: Sequence[Way]) -> list[Result]:
    results = []
    for result in run(ways):
        results.append(result)
        if result.wrong:
            _print_wrong(result)
        if len(results) % 50 == 0:
            print(f"{len(results):5} of {len(ways)}", flush=True)
    return results


def _print_wrong(result: Result) -> None:
    print(f"WRONG {result.way} (at {result.call}), {result.status}")
    print("".join(f"  {one}\n" for one in result.wrong), end="")
    print(f'  again: make races WAYS="{str(result.way).replace(" ", ",")}"', flush=True)


def _print_ends(story: str, results: Sequence[Result]) -> None:
    """How often it ended in what, by what happened."""
    ends = sorted({result.status for result in results})
    print(f"\n{story:<44}" + "".join(f"{end:>12}" for end in ends))
    counted = Counter((_name(result.way), result.status) for result in results)
    for name in dict.fromkeys(_name(result.way) for result in sorted(results, key=lambda one: one.way.names.__len__())):
        print(f"  {name:<42}" + "".join(f"{counted[name, end] or '·':>12}" for end in ends))


def _name(way: Way) -> str:
    if len(way.happens) > 1:
        return "two of them"
    return "one of them, in two parts" if "~" in way.happens[0][1] else way.happens[0][1]


if __name__ == "__main__":
    sys.exit(main())
