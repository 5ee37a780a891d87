"""The deployed template, on local stacks that the whole run shares."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import seed
from local import stack as local_stack

PIA = ("pia <Pia@example.com>", "pia@example.com")
"""An approver whom the parameter names twice: as an IAM user with a mail address, and by that address."""

# Modules beside the stories assert as well, and should say as much when an assertion fails.
pytest.register_assert_rewrite("tests.workflow.evidence", "tests.workflow.people")

MEMBERS = ("111122223333", "444455556666")
"""Other accounts of the local stack, by the ids that AWS's documentation uses."""

HASTY = {"ApprovalTimeoutSeconds": "15", "MfaTimeoutSeconds": "30", "ClaimTtlSeconds": "5"}
"""Time-outs for tests that wait for them, with time enough between them where both cores are busy."""


@pytest.fixture(scope="session")
def iam_decisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One JSON line for every call that a function's role was allowed or denied in this run."""
    return tmp_path_factory.mktemp("iam") / "decisions.jsonl"


@pytest.fixture(scope="session")
def stack_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the emulator of `stack` keeps its log."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(stack_dir: Path, iam_decisions: Path) -> Iterator[dict[str, Any]]:
    """What stack.json says of a stack with the template's own time-outs; it logs all that it ever would."""
    approvers = json.dumps({label: [*seed.APPROVERS, *PIA] for label in ("platform", "security")})
    members = ",".join(MEMBERS)
    parameters = {
        "LogLevel": "DEBUG",
        "Approvers": approvers,
        "MemberAccounts": members,
        # The rights to act, which test_restraints needs. No sweep uses them: nothing is due on a finding's first day.
        "ComplianceMode": "suspend",
        "ComplianceDryRun": "false",
        "ActOnOutsiders": "true",
    }
    yield from _up(stack_dir, iam_decisions, parameters)


@pytest.fixture(scope="session")
def hasty_stack(tmp_path_factory: pytest.TempPathFactory, iam_decisions: Path) -> Iterator[dict[str, Any]]:
    """What stack.json says of a stack whose waits end after seconds, and which enforces its password policy."""
    yield from _up(tmp_path_factory.mktemp("hasty"), iam_decisions, HASTY | {"PasswordPolicyMode": "enforce"})


def _up(state_dir: Path, iam_decisions: Path, parameters: dict[str, str]) -> Iterator[dict[str, Any]]:
    try:
        yield local_stack.up(parameters, state_dir, iam_decisions)
    finally:
        local_stack.down(state_dir)
