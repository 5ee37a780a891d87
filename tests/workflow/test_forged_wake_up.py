"""Whoever can read an execution's history has the token of a waiting state, and with it can wake the machine."""

from typing import Any

import pytest

from local.client import wait_for
from tests.wiring import definition
from tests.workflow import evidence, people


def test_a_machine_that_is_woken_without_an_approval_grants_nothing_and_waits_on(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "forged-approval", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.wake(onboarding, evidence.task_token(onboarding, "RequestApproval"))
    wait_for(lambda: evidence.states(onboarding).count("RequestApproval") == 2, "the second wait")
    assert evidence.user(onboarding) is None
    assert people.awaited(onboarding, "PENDING_APPROVAL")["approval"]["decisions"] == []
    assert len(people.mails(onboarding, "Approval wanted", "approver@example.com")) == 1

    wait_for(lambda: _waits_anew(onboarding, "RequestApproval"), "the new token")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_a_machine_that_is_woken_without_a_device_grants_nothing_and_waits_on(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "forged-mfa", "power-user", access=["programmatic"])
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    people.wake(onboarding, evidence.task_token(onboarding, "AwaitMfa"))
    wait_for(lambda: evidence.states(onboarding).count("AwaitMfa") == 2, "the second wait")
    assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
    assert evidence.policies(onboarding) == {"GatehouseEnd"}
    assert evidence.access_keys(onboarding) == []

    wait_for(lambda: _waits_anew(onboarding, "AwaitMfa"), "the new token")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert evidence.policies(onboarding) == {"GatehouseEnd", "PowerUserAccess", "DenyBilling"}


def test_a_machine_that_is_told_of_failures_that_never_were_grants_nothing_and_waits_on(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "forged-failures", "power-user", access=["programmatic"])
    before = people.awaited(onboarding, "PENDING_APPROVAL")
    for error in _leading_on("RequestApproval", "AlreadyDecided", "States.Timeout"):
        _forge(onboarding, "RequestApproval", error)
        assert evidence.user(onboarding) is None
        after = evidence.record(onboarding)
        assert (after["status"], after["approval"]) == ("PENDING_APPROVAL", before["approval"])
        assert after["approval_expires_at"] == before["approval_expires_at"]
    people.approve(onboarding)

    before = people.awaited(onboarding, "PENDING_MFA")
    for error in _leading_on("AwaitMfa", "MfaAlreadyEnrolled", "States.Timeout"):
        _forge(onboarding, "AwaitMfa", error)
        assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
        assert (evidence.policies(onboarding), evidence.access_keys(onboarding)) == ({"GatehouseEnd"}, [])
        after = evidence.record(onboarding)
        assert (after["status"], after["mfa_expires_at"]) == ("PENDING_MFA", before["mfa_expires_at"])
    people.enrol(onboarding)
    evidence.completed(onboarding)


ENDING = [
    ("RequestApproval", {}),
    ("RequestApproval", {"error": "NotApproved", "cause": "[" * 30_000}),
    ("RequestApproval", {"error": "Rejected", "cause": '{"errorMessage": {"by": "approver@example.com"}}'}),
    ("RequestApproval", {"error": "MfaAlreadyEnrolled"}),
    ("AwaitMfa", {"error": "AlreadyDecided"}),
    ("AwaitMfa", {"error": "MfaNotEnrolled"}),
]


@pytest.mark.parametrize(("state", "failure"), ENDING, ids=lambda part: str(part)[:40])
def test_any_other_failure_that_never_was_ends_it_with_nothing_left(
    stack: dict[str, Any], state: str, failure: dict[str, str]
) -> None:
    """Whoever may answer tokens may as well stop executions: it ends undone, as if somebody had."""
    onboarding = people.requested(stack, "forged-end", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    if state == "AwaitMfa":
        people.approve(onboarding)
        people.awaited(onboarding, "PENDING_MFA")
    _fail(onboarding, evidence.task_token(onboarding, state), **failure)
    assert evidence.execution(onboarding)["error"] == "Failed"
    assert evidence.record(onboarding)["status"] == "FAILED"
    evidence.nothing_is_left(onboarding)
    assert evidence.states(onboarding)[-3:] == [state, "RollBack", "Ended"]


def _leading_on(state: str, *expected: str) -> list[str]:
    """The failures after which the machine does anything but roll back: it goes on, or it tries again."""
    handlers = definition.states("OnboardingStateMachine")[state]["Catch"]
    names = {name for handler in handlers if handler["Next"] != "RollBack" for name in handler["ErrorEquals"]}
    assert names == set(expected)
    return [*expected, "TransientFault"]


def _forge(onboarding: people.Onboarding, state: str, error: str) -> None:
    """Whoever has the token fails the waiting state, which then waits once more."""
    entry = {"RequestApproval": "request_approval", "AwaitMfa": "await_mfa"}[state]
    wait_for(lambda: _waits_anew(onboarding, state), f"the token of {state}")
    waits = evidence.timeline(onboarding).count(entry)
    _fail(onboarding, evidence.task_token(onboarding, state), error=error)
    wait_for(lambda: evidence.timeline(onboarding).count(entry) > waits, f"another wait after {error}")
    wait_for(lambda: _waits_anew(onboarding, state), f"the token after {error}")


def _fail(onboarding: people.Onboarding, token: str, **failure: str) -> None:
    """The administrator fails a task as the machine's own functions do."""
    admin = people.aws(people.person(onboarding.stack, "admin"), "stepfunctions")
    admin.send_task_failure(taskToken=token, **failure)


def _waits_anew(onboarding: people.Onboarding, state: str) -> bool:
    return bool(evidence.record(onboarding).get("task_token") == evidence.task_token(onboarding, state))
