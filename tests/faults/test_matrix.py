"""A seeded part of what `make faults` runs: a fault at some of the calls, of some kind each."""

import subprocess
import sys

import pytest

from tests.wiring.template import ROOT

SHARE = 5
"""One cell in so many."""


@pytest.mark.timeout(900)
def test_whatever_fails_at_whichever_call_nothing_is_left_and_nobody_is_unguarded() -> None:
    command = [sys.executable, "-m", "tests.faults", "--share", str(SHARE)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "functions:."}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
