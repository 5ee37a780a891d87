"""Somebody changes their mind."""

from typing import Any

import pytest

from local.client import wait_for
from tests.workflow import evidence, faults, people

WHO = {"requester": "requester@example.com", "operator": "operator@example.com"}


@pytest.mark.parametrize("by", WHO)
def test_cancelled_while_it_waits_for_an_approval(stack: dict[str, Any], by: str) -> None:
    onboarding = people.requested(stack, f"cancelled-{by}", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    assert people.cancel(onboarding, by).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")
    assert evidence.failed_with(onboarding, "Cancelled", "CANCELLED") == f"by {WHO[by]}"
    assert people.decide(onboarding, "approve").status == 409
    assert people.cancel(onboarding, by).status == 409


def test_cancelled_while_it_waits_for_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "cancelled-mfa", "auditor")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    assert people.cancel(onboarding).status == 202
    # Twice is once.
    assert people.cancel(onboarding).status == 202
    assert people.claim(onboarding, token).status == 410
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")
    assert evidence.failed_with(onboarding, "Cancelled", "CANCELLED") == "by requester@example.com"
    assert people.claim(onboarding, token).status == 410
    assert evidence.timeline(onboarding).count("cancel_requested") == 1


@pytest.mark.alone
@pytest.mark.parametrize(("status", "step"), [("REQUESTED", "ValidateRequest"), ("PROVISIONING", "AttachPolicies")])
def test_cancelled_while_no_wake_up_reaches_the_machine(stack: dict[str, Any], status: str, step: str) -> None:
    with faults.held_up(stack, step):
        onboarding = people.requested(stack, f"cancelled-{step}")
        wait_for(lambda: step in _begun(onboarding), step)
        people.awaited(onboarding, status)
        assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")
    assert evidence.failed_with(onboarding, "Cancelled", "CANCELLED") == "by requester@example.com"
    assert evidence.states(onboarding)[-3:] == [step, "RollBack", "Ended"]


def _begun(onboarding: people.Onboarding) -> list[str]:
    machines = people.root(onboarding.stack, "stepfunctions")
    try:
        return evidence.states(onboarding)
    except machines.exceptions.ExecutionDoesNotExist:
        return []
