"""The schedule mends what a fault left half done."""

from typing import Any

import pytest

from local.client import wait_for
from tests.workflow import evidence, faults, people


@pytest.mark.alone
def test_an_onboarding_that_was_recorded_but_never_started_is_started(stack: dict[str, Any]) -> None:
    with faults.denied(stack, "SubmitOnboarding", "states:StartExecution", "*"):
        onboarding = people.requested(stack, "never-started")
    machines = people.root(stack, "stepfunctions")
    with pytest.raises(machines.exceptions.ExecutionDoesNotExist):
        machines.describe_execution(executionArn=onboarding.execution_arn)
    faults.a_minute_passes(onboarding)
    faults.follow_up(stack)
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)


@pytest.mark.alone
def test_wake_ups_that_were_lost_are_repeated(stack: dict[str, Any]) -> None:
    approved, rejected, cancelled = (
        people.requested(stack, name, "power-user") for name in ("lost-approval", "lost-rejection", "lost-cancel")
    )
    for onboarding in (approved, rejected, cancelled):
        people.awaited(onboarding, "PENDING_APPROVAL")
    with (
        faults.denied(stack, "DecideOnboarding", "states:SendTask*", "*"),
        faults.denied(stack, "CancelOnboarding", "states:SendTask*", "*"),
    ):
        people.approve(approved)
        assert people.decide(rejected, "reject", "not now").status == 200
        assert people.cancel(cancelled).status == 202
    for onboarding in (approved, rejected, cancelled):
        assert evidence.states(onboarding)[-1] == "RequestApproval"
    faults.follow_up(stack)
    people.awaited(approved, "PENDING_MFA")
    people.enrol(approved)
    evidence.completed(approved)
    evidence.undone(rejected, "REJECTED", "REJECTED")
    evidence.failed_with(rejected, "Rejected", "REJECTED")
    evidence.undone(cancelled, "CANCELLED", "CANCELLED")
    evidence.failed_with(cancelled, "Cancelled", "CANCELLED")


@pytest.mark.alone
def test_an_end_that_the_watcher_missed_is_cleaned_up(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "missed")
    people.awaited(onboarding, "PENDING_MFA")
    events = people.root(stack, "events")
    events.disable_rule(Name="gatehouse-execution-ended")
    try:
        machines = people.root(stack, "stepfunctions")
        machines.stop_execution(executionArn=onboarding.execution_arn)
        wait_for(lambda: evidence.execution(onboarding)["status"] == "ABORTED", "the end")
    finally:
        events.enable_rule(Name="gatehouse-execution-ended")
    faults.a_minute_passes(onboarding)
    faults.follow_up(stack)
    evidence.undone(onboarding, "CANCELLED", "STOPPED")
