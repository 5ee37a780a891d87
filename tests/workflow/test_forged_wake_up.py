"""Whoever can read an execution's history has the token of a waiting state, and with it can wake the machine."""

from typing import Any

from local.client import wait_for
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


def _waits_anew(onboarding: people.Onboarding, state: str) -> bool:
    return bool(evidence.record(onboarding).get("task_token") == evidence.task_token(onboarding, state))
