"""A step that no retry can help."""

from typing import Any

import pytest

from gatehouse import times
from local.client import wait_for
from tests.workflow import evidence, faults, people

# What IAM denies, to which function; each leaves something else behind.
DENIED = {
    "CreateUser": "iam:CreateUser",
    "IssuePassword": "iam:CreateLoginProfile",
    "AttachPolicies": "iam:PutUserPolicy",
    "AwaitMfa": "iam:ListMFADevices",
}


@pytest.mark.parametrize("step", DENIED)
def test_a_step_that_is_denied_what_it_needs_is_rolled_back(stack: dict[str, Any], step: str) -> None:
    request = people.wanted(f"denied-{step}", "developer")
    user = faults.user_arn(stack, request["user_name"])
    with faults.denied(stack, step, DENIED[step], user):
        onboarding = people.submit(stack, request)
        evidence.undone(onboarding, "FAILED", "ACCESS_DENIED")
    details = evidence.failed_with(onboarding, "Failed", "ACCESS_DENIED")
    assert details.startswith(f"{DENIED[step].removeprefix('iam:')}: AccessDenied")
    assert evidence.states(onboarding)[-3:] == [step, "RollBack", "Ended"]


def test_a_completion_that_fails_takes_everything_with_it(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "half-complete", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    user = faults.user_arn(stack, onboarding.user_name)
    # The key is made and its secret stored by then.
    with faults.denied(stack, "CompleteOnboarding", "iam:TagUser", user):
        people.enrol(onboarding)
        evidence.undone(onboarding, "FAILED", "ACCESS_DENIED")
    evidence.failed_with(onboarding, "Failed", "ACCESS_DENIED")


def test_what_a_roll_back_cannot_remove_is_reported_kept_locked_and_removed_later(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "stubborn")
    people.awaited(onboarding, "PENDING_MFA")
    with faults.denied(stack, "RollBack", "iam:DeleteUser", faults.user_arn(stack, onboarding.user_name)):
        assert people.cancel(onboarding).status == 202
        people.awaited(onboarding, "ROLLBACK_INCOMPLETE")
        assert "AccessDenied" in evidence.failed_with(onboarding, "RollbackIncomplete", "ROLLBACK_INCOMPLETE")
        assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
        assert evidence.is_locked(onboarding)
        assert f"left: user {onboarding.user_name}" in evidence.record(onboarding)["status_detail"]
        # Until it is clean the watcher has its try as well, and must not find the way free by chance.
        stopped = times.text(evidence.execution(onboarding)["stopDate"])
        wait_for(lambda: _tried_after(onboarding, stopped), "the watcher's try")
        assert evidence.timeline(onboarding).count("rollback_incomplete") == 1
    faults.a_minute_passes(onboarding)
    faults.follow_up(stack)
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")


def _tried_after(onboarding: people.Onboarding, moment: str) -> bool:
    record = evidence.record(onboarding)
    return record["status"] == "ROLLBACK_INCOMPLETE" and record["updated_at"] > moment
