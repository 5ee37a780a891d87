"""`make mutants`: bugs that somebody might bring in, and whether the tests that are named for them tell."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.wiring.template import ROOT

SOURCES = (
    "events", "functions", "local", "pyproject.toml", "requirements", "statemachine", "template.yaml", "tests",
)  # fmt: skip
LINKED = (".venv", "tests/policies/node_modules")
"""What is large and nobody changes."""

AT_ONCE = 2

CELL = "cell "
FAILED = 1
"""How pytest and the matrix end where a test fails; anything else is a broken run."""


class Moved(Exception):
    """The text that a mutant replaces does not stand exactly once where it should: bring the mutant up to date."""


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    replacements: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def mutants() -> list[Mutant]:
    return [_mutant(described) for described in yaml.safe_load((ROOT / "tests/faults/mutants.yaml").read_text())]


def _mutant(described: Mapping[str, Any]) -> Mutant:
    replacements = [described, *described.get("and", ())]
    pairs = tuple((one["find"], one["replace"]) for one in replacements)
    return Mutant(described["name"], described["file"], pairs, tuple(described["tests"]))


def apply(mutant: Mutant, root: Path) -> None:
    """Bring the bug into a copy; raises Moved."""
    path = root / mutant.file
    text = path.read_text()
    for find, replace in mutant.replacements:
        if text.count(find) != 1:
            raise Moved(f"{mutant.name}: {text.count(find)} times in {mutant.file}: {find!r}")
        text = text.replace(find, replace)
    path.write_text(text)


def copy(to: Path) -> None:
    """The sources without a bug."""
    to.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "__pycache__")
            shutil.copytree(source, to / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy(source, to / name)
    for name in LINKED:
        (to / name).symlink_to(ROOT / name)


def tell(test: str, root: Path) -> int:
    """The exit code of one named test in a copy."""
    if test.startswith(CELL):
        command = [sys.executable, "-m", "tests.faults", "--cell", test.removeprefix(CELL)]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "functions:.", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, FAILED):
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
    return done.returncode


def _green(chosen: list[Mutant], folder: Path, pool: ThreadPoolExecutor) -> bool:
    """Whether every named test passes without a bug; a test that is always red tells of nothing."""
    root = folder / "sound"
    copy(root)
    tests = sorted({test for one in chosen for test in one.tests})
    red = [test for test, code in zip(tests, pool.map(lambda test: tell(test, root), tests), strict=True) if code]
    for test in red:
        print(f"RED WITHOUT A MUTANT  {test}", flush=True)
    return not red


def _told(mutant: Mutant, folder: Path) -> dict[str, bool]:
    """Of each named test, whether it is red with the bug."""
    root = folder / mutant.name.replace(" ", "-")
    copy(root)
    apply(mutant, root)
    told = {test: tell(test, root) == FAILED for test in mutant.tests}
    shutil.rmtree(root)
    return told


def main() -> int:
    wanted = sys.argv[1:]
    chosen = [mutant for mutant in mutants() if not wanted or mutant.name in wanted]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="gatehouse-mutants-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        folder = Path(name)
        green = _green(chosen, folder, pool)
        for mutant, told in zip(chosen, pool.map(lambda mutant: _told(mutant, folder), chosen), strict=True):
            survived += not all(told.values())
            print(f"{'killed' if all(told.values()) else 'SURVIVED':8}  {mutant.name}", flush=True)
            for test, tells in told.items():
                print(f"{'':10}{'red  ' if tells else 'GREEN'} {test}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mutants killed")
    return 0 if green and not survived else 1


if __name__ == "__main__":
    sys.exit(main())
