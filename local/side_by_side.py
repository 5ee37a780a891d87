"""Runs every test in two groups at a time: those that mostly wait for a deployed stack, and beside them all others.

    python -m local.side_by_side

The first group is shown as it runs, the second when both have ended. Exits with 0 if all tests of both passed.
"""

import shutil
import subprocess
import sys
import tempfile

DEPLOYED = ("tests/e2e", "tests/browser", "tests/workflow")
OTHERS = ("tests", *(f"--ignore={path}" for path in DEPLOYED))
SLOWEST = ("--durations=12", "--durations-min=1")


def main() -> None:
    with tempfile.TemporaryFile() as kept:
        # They would compute all the time, and a test that waits for a function has time-outs.
        others = subprocess.Popen(["nice", "-n", "5", *_pytest(OTHERS)], stdout=kept, stderr=subprocess.STDOUT)
        deployed = subprocess.Popen(_pytest(DEPLOYED))
        statuses = [_status(deployed), _status(others)]
        kept.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(kept, sys.stdout.buffer)
    for paths, status in zip((DEPLOYED, OTHERS), statuses, strict=True):
        print(f"{'FAILED' if status else 'passed'}: pytest {' '.join(paths)}")
    sys.exit(any(statuses))


def _pytest(paths: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "pytest", *SLOWEST, *paths]


def _status(group: subprocess.Popen[bytes]) -> int:
    """As which it ended. Ctrl-C reaches it as well, and it has a stack to stop before it ends."""
    while True:
        try:
            return group.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    main()
