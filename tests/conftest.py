"""The deployed template, on local stacks that the whole run shares."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import deploy
from local import stack as local_stack

IAM_DECISIONS = local_stack.STATE_DIR / "iam-decisions.jsonl"
"""Every call that a function's role was allowed or denied while the tests ran."""

HASTY = {"ApprovalTimeoutSeconds": "4", "MfaTimeoutSeconds": "8", "ClaimTtlSeconds": "3"}
"""Time-outs for tests that wait for them."""


@pytest.fixture(scope="session")
def built() -> None:
    """The template and the package, built once."""
    deploy.build()


@pytest.fixture(scope="session")
def stack(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What stack.json says of a stack with the template's own time-outs."""
    yield from _up(tmp_path_factory.mktemp("stack"), {})


@pytest.fixture(scope="session")
def hasty_stack(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What stack.json says of a stack whose waits end after seconds."""
    yield from _up(tmp_path_factory.mktemp("hasty"), HASTY)


def _up(state_dir: Path, parameters: dict[str, str]) -> Iterator[dict[str, Any]]:
    IAM_DECISIONS.parent.mkdir(exist_ok=True)
    try:
        yield local_stack.up(parameters, state_dir, iam_decisions=IAM_DECISIONS)
    finally:
        local_stack.down(state_dir)
