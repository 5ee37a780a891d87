"""Of two groups of tests that run at a time, neither is left out and neither hides how the other ended."""

import sys

import pytest

from local import side_by_side
from local.process import ROOT


@pytest.mark.parametrize("statuses", [(0, 0), (1, 0), (0, 1), (2, 5)])
def test_a_group_that_fails_fails_the_whole_and_both_are_shown(
    statuses: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ends = dict(zip((side_by_side.DEPLOYED, side_by_side.OTHERS), statuses, strict=True))

    def group(paths: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-c", f"print('ended with {ends[paths]}'); raise SystemExit({ends[paths]})"]

    monkeypatch.setattr(side_by_side, "_pytest", group)
    with pytest.raises(SystemExit) as end:
        side_by_side.main()
    assert bool(end.value.code) is any(statuses)
    told = capfd.readouterr().out
    assert [told.count(f"ended with {status}") for status in statuses] == [statuses.count(one) for one in statuses]
    assert told.count("FAILED") == sum(map(bool, statuses))


def test_the_second_group_leaves_out_what_is_in_the_first_and_nothing_else() -> None:
    assert [f"--ignore={path}" for path in side_by_side.DEPLOYED] == list(side_by_side.OTHERS[1:])
    assert all(any((ROOT / path).glob("test_*.py")) for path in side_by_side.DEPLOYED)
