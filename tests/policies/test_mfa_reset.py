"""A member whose MFA is being reset keeps what was granted, AdministratorAccess even, and is held all the same."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatehouse import granting
from tests.policies.documents import guard_documents
from tests.policies.evaluator import Request, decide, every_iam_and_sts_action
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, Mfa, user_context

REVIEWED = yaml.safe_load((Path(__file__).parent / "open_before_mfa.yaml").read_text())
RESET, BEFORE, SINCE = "2026-03-02T09:00:00.000000Z", "2026-03-02T08:59:59Z", "2026-03-02T09:00:00Z"
PLAINLY = ("s3:ListAllMyBuckets", "ec2:DescribeInstances", "iam:ListUsers", "iam:GetAccountPasswordPolicy")


class Noting:
    """Takes what would be put into IAM."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}

    def put_user_policy(self, PolicyDocument: str, **_: str) -> None:  # noqa: N803
        self.document = json.loads(PolicyDocument)


@cache
def documents() -> dict[str, Any]:
    iam = Noting()
    granting.ensure_end(iam, "alice", "2026-12-31T00:00:00.000000Z", sessions_since=RESET)
    return {**guard_documents(), "AdministratorAccess": ADMINISTRATOR_ACCESS, "GatehouseEnd": iam.document}


def opened(actions: list[str], mfa: Mfa, session_from: str | None) -> set[str]:
    """Which of these actions are open to alice, on herself or wherever they have no resource."""
    context = user_context(mfa) | {"aws:CurrentTime": "2026-03-02T10:00:00Z"}
    if session_from:
        context["aws:TokenIssueTime"] = session_from
    identity = ("AdministratorAccess", "SelfService", "GatehouseEnd")
    asked = [
        Request(ALICE, action, resource, context, identity, "BoundaryEnrolling", as_it_stands=True)
        for action in actions
        for resource in (ALICE, "*")
    ]
    answers = decide(documents(), asked)
    return {request.action for request, answer in zip(asked, answers, strict=True) if answer.allowed}


@pytest.mark.parametrize("mfa", ["false", "absent"])
def test_without_the_new_device_exactly_enrolling_is_open_whatever_is_attached(mfa: Mfa):
    every = [action.action for action in every_iam_and_sts_action()] + ["s3:ListAllMyBuckets", "ec2:RunInstances"]
    assert opened(every, mfa, SINCE) <= {*REVIEWED["enrolling"], *REVIEWED["never_asked"]}
    assert "iam:EnableMFADevice" in opened(["iam:EnableMFADevice"], mfa, SINCE)


@pytest.mark.parametrize("mfa", ["true", "false"])
def test_a_session_from_before_the_reset_can_do_nothing_and_not_even_enrol(mfa: Mfa):
    every = [action.action for action in every_iam_and_sts_action()]
    assert opened([*every, *PLAINLY], mfa, BEFORE) <= set(REVIEWED["never_asked"])


def test_without_that_policy_such_a_session_would_go_on_with_the_mfa_of_the_lost_device():
    assert opened(["ec2:RunInstances"], "true", SINCE) == {"ec2:RunInstances"}
