"""`make janitor` prints what a dry run finds, and says by its exit code whether it found anything."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import janitor

FOUND = {
    "kind": "user",
    "name": "left.behind",
    "why": "its onboarding ended FAILED",
    "since": "2026-03-02T09:00:00.000000Z",
    "outcome": "would be removed",
}


def run(patch: pytest.MonkeyPatch, said: dict[str, Any], **failed: str) -> int:
    """The exit code of a dry run to which the function says that."""
    answer = {"Payload": io.BytesIO(json.dumps(said).encode()), **failed}

    def invoke(FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, json.loads(Payload)) == ("prod-Janitor", {"dry_run": True})
        return answer

    patch.setattr(janitor, "_functions", lambda stack: SimpleNamespace(invoke=invoke))
    patch.setattr("sys.argv", ["janitor", "prod"])
    with pytest.raises(SystemExit) as ended:
        janitor.main()
    return int(ended.value.code or 0)


def test_what_is_found_is_told_in_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, {"found": [FOUND, FOUND | {"name": "x"}], "not_looked_at": []}) == 1
    head, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert {line.index("would be removed") for line in lines} == {head.index("outcome")}


@pytest.mark.parametrize(
    ("said", "failed", "code"),
    [
        ({"found": [], "not_looked_at": []}, {}, 0),
        ({"found": [FOUND], "not_looked_at": ["secrets"]}, {}, 2),
        ({"errorType": "MissingSetting", "errorMessage": "TABLE_NAME is not set"}, {"FunctionError": "Unhandled"}, 2),
    ],
    ids=["nothing", "not everything looked at", "the function fails"],
)
def test_the_exit_code_says_how_it_went(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], failed: dict[str, str], code: int
) -> None:
    assert run(monkeypatch, said, **failed) == code


def test_without_a_stack_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(janitor.local_stack, "STATE_DIR", tmp_path)
    monkeypatch.setattr("sys.argv", ["janitor"])
    with pytest.raises(SystemExit, match="2"):
        janitor.main()
    assert "make up" in capsys.readouterr().err
