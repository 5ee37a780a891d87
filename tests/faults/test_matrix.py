"""A seeded part of what `make faults` runs: a fault at some of the calls, of some kind each."""

import subprocess
import sys

from tests.wiring.template import ROOT

SHARE = 30
"""One cell in so many. A fifth would take three minutes of a core: those are `make faults`'s to spend."""


def test_whatever_fails_at_whichever_call_nothing_is_left_and_nobody_is_unguarded() -> None:
    command = [sys.executable, "-m", "tests.faults", "--share", str(SHARE)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "functions:."}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
