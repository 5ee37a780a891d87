"""Profiles that need an approval."""

from typing import Any

import pytest

from local.client import wait_for
from tests.workflow import evidence, faults, people


def test_a_power_user_waits_for_one_approver_and_gets_its_rights_after_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "power", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    assert evidence.user(onboarding) is None
    assert evidence.secrets(onboarding) == []
    for approver in ("approver@example.com", "second-approver@example.com"):
        wait_for(lambda to=approver: people.mails(onboarding, "Approval wanted", to), f"mail to {approver}")  # type: ignore[misc]

    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
    assert evidence.policies(onboarding) == {"GatehouseEnd"}

    people.enrol(onboarding)
    record = evidence.completed(onboarding)
    assert evidence.policies(onboarding) == {"GatehouseEnd", "PowerUserAccess", "DenyBilling"}
    [decision] = record["approval"]["decisions"]
    assert (decision["person"], decision["digest"]) == ("approver@example.com", record["digest"])


def test_a_migration_admin_needs_two_different_approvers(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "migration", "migration-admin")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.approve(onboarding)
    record = people.awaited(onboarding, "PENDING_APPROVAL")
    assert len(record["approval"]["decisions"]) == 1
    assert evidence.user(onboarding) is None

    people.approve(onboarding, by="second_approver")
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    record = evidence.completed(onboarding)
    assert evidence.policies(onboarding) == {"GatehouseEnd", "AdministratorAccess"}
    assert len({decision["person"] for decision in record["approval"]["decisions"]}) == 2


@pytest.mark.alone
def test_a_machine_that_asks_again_after_the_decision_does_not_wait(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "asked-again", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    payload = {"onboarding_id": onboarding.id, "task_token": "another", "entered_at": people.now()}
    with faults.held_up(stack, "CreateUser"):
        people.approve(onboarding)
        people.awaited(onboarding, "PROVISIONING")
        # As in a retry, when the decision comes between the failure and the next try.
        with pytest.raises(RuntimeError, match="AlreadyDecided"):
            faults.invoke(stack, "RequestApproval", payload)
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert len(people.mails(onboarding, "Approval wanted", "approver@example.com")) == 1


def test_an_auditor_gets_policies_that_are_no_privilege_before_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "auditor", "auditor")
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.policies(onboarding) == {"GatehouseEnd", "SecurityAudit", "ViewOnlyAccess"}
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert evidence.policies(onboarding) == {"GatehouseEnd", "SecurityAudit", "ViewOnlyAccess"}
