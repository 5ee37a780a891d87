"""Least privilege, judged by what the whole run called."""

from pathlib import Path
from typing import Any

import pytest

from local import iam_coverage
from tests.workflow import faults, people

pytestmark = pytest.mark.last


def test_every_right_of_every_function_was_needed_or_is_listed_with_the_reason(
    stack: dict[str, Any],
    iam_decisions: Path,
    stories_without_a_pass: set[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not stories_without_a_pass, "the coverage needs the whole suite, and every story to pass"
    rights, unseen = iam_coverage.granted(people.root(stack, "iam")), iam_coverage.reviewed()
    used = iam_coverage.needed(iam_coverage.read(iam_decisions))
    table = iam_coverage.table(rights, used, unseen)
    iam_coverage.REPORT.parent.mkdir(exist_ok=True)
    iam_coverage.REPORT.write_text(table)
    with capsys.disabled():
        print(f"\nIAM coverage: {table.splitlines()[-1]} (make coverage-iam)")
    assert list(iam_coverage.findings(rights, used, unseen)) == []


def test_no_function_was_denied_anything_but_by_a_story(iam_decisions: Path, stories_without_a_pass: set[str]) -> None:
    assert not stories_without_a_pass, "the denials are judged once every story has passed"
    assert iam_coverage.denied(iam_coverage.read(iam_decisions), faults.PROVOKED) == []
