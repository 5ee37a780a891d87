"""Who can write to the table can hinder an onboarding, and make it grant nothing that was not approved."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.workflow import evidence, faults, people


def test_a_record_changed_after_its_approval_is_not_executed_whatever_was_changed(stack: dict[str, Any]) -> None:
    unchanged = _approved_but_waiting(stack)
    record = evidence.record(unchanged)
    changes = [f"{part}.{name}" for part in ("request", "grants") for name in record[part]]
    assert len(changes) > 20
    # Few at a time: each roll-back keeps a function busy, and other stories need some as well.
    people.at_once(lambda path: _not_executed(_changed(_approved_but_waiting(stack), path)), changes, threads=6)
    _wake(unchanged)
    people.awaited(unchanged, "PENDING_MFA")
    people.enrol(unchanged)
    evidence.completed(unchanged)


def _approved_but_waiting(stack: dict[str, Any]) -> people.Onboarding:
    """The decision stands and did not wake the machine, since the record had no token to wake it by."""
    onboarding = people.requested(stack, "changed", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    faults.rewrite(onboarding, task_token=None)
    people.approve(onboarding)
    assert evidence.record(onboarding)["status"] == "PROVISIONING"
    return onboarding


def _wake(onboarding: people.Onboarding) -> None:
    people.wake(onboarding, evidence.task_token(onboarding, "RequestApproval"))


def _changed(onboarding: people.Onboarding, path: str) -> people.Onboarding:
    part, name = path.split(".")
    faults.rewrite(onboarding, **{path: _other(evidence.record(onboarding)[part][name])})
    _wake(onboarding)
    return onboarding


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value, "x"]
    return value | {"x": "x"} if isinstance(value, dict) else f"{value or ''}x"


FORGERIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "the status alone": lambda record: {},
    "nobody needed": lambda record: {"approval.needed": 0},
    "one needed of two": lambda record: {"approval.needed": 1, "approval.decisions": [_forged(record, "approver")]},
    "one approver twice": lambda record: {"approval.decisions": [_forged(record, "approver")] * 2},
    "the requester": lambda record: {"approval.decisions": [_forged(record, "approver"), _forged(record, "requester")]},
    "the new user": lambda record: {
        "approval.decisions": [_forged(record, "approver"), _forged(record, record["user_key"], at="")]
    },
    "the new user's address": lambda record: {
        "approval.decisions": [_forged(record, "approver"), _forged(record, record["request"]["email"], at="")]
    },
    "of another request": lambda record: {
        "approval.decisions": [_forged(record, who) | {"digest": "0" * 64} for who in ("approver", "second-approver")]
    },
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_approval_that_nobody_gave_is_not_executed(stack: dict[str, Any], forgery: str) -> None:
    """Who can write to the table and wake the machine says that a migration-admin was approved."""
    onboarding = people.requested(stack, "forged-decision", "migration-admin")
    record = people.awaited(onboarding, "PENDING_APPROVAL")
    faults.rewrite(onboarding, status="PROVISIONING", **FORGERIES[forgery](record))
    _wake(onboarding)
    _not_executed(onboarding)


def _forged(record: Mapping[str, Any], person: str, at: str = "@example.com") -> dict[str, Any]:
    given = {"arn": "arn:aws:iam::123456789012:user/forged", "decision": "approve", "reason": None, "at": people.now()}
    return {"person": f"{person}{at}", "digest": record["digest"], **given}


def test_a_record_changed_while_it_waits_for_mfa_is_not_completed(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "changed-late", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    faults.rewrite(onboarding, **{"grants.managed_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]})
    people.enrol(onboarding)
    evidence.undone(onboarding, "FAILED", "RECORD_CLOSED")
    evidence.failed_with(onboarding, "Failed", "RECORD_CLOSED")


def _not_executed(onboarding: people.Onboarding) -> None:
    evidence.failed_with(onboarding, "Failed", "RECORD_CLOSED")
    record = evidence.record(onboarding)
    assert (record["status"], record["status_reason"]) == ("FAILED", "RECORD_CLOSED")
    assert evidence.states(onboarding)[-3:] == ["CreateUser", "RollBack", "Ended"]
    # Neither whom it was about when it was approved, nor whom it is about now.
    assert evidence.user(onboarding) is None
    assert evidence.user(people.Onboarding(onboarding.stack, onboarding.id, record["request"]["user_name"], "")) is None
    assert evidence.secrets(onboarding) == []
    assert people.mails(onboarding, "Your AWS account access") == []
