"""An approver says no."""

from typing import Any

from tests.workflow import evidence, people


def test_one_rejection_ends_it_and_nothing_was_made(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "rejected", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    assert people.decide(onboarding, "reject", "no such project").status == 200
    evidence.undone(onboarding, "REJECTED", "REJECTED")
    details = evidence.failed_with(onboarding, "Rejected", "REJECTED")
    assert details == "by approver@example.com: no such project"
    assert "CreateUser" not in evidence.states(onboarding)
    assert people.decide(onboarding, "approve", by="second_approver").status == 409


def test_somebody_who_approved_may_still_reject(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "changed-mind", "migration-admin")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    assert people.decide(onboarding, "reject", "on second thoughts").status == 200
    evidence.undone(onboarding, "REJECTED", "REJECTED")
    evidence.failed_with(onboarding, "Rejected", "REJECTED")
