"""The execution ends without its own roll-back: neither StopExecution nor a time-out of the machine runs a Catch."""

from typing import Any

import pytest

from tests.workflow import evidence, faults, people


@pytest.mark.parametrize(("profile", "status"), [("power-user", "PENDING_APPROVAL"), ("developer", "PENDING_MFA")])
def test_an_execution_that_is_stopped_by_hand_is_cleaned_up(stack: dict[str, Any], profile: str, status: str) -> None:
    onboarding = people.requested(stack, f"stopped-{profile}", profile)
    people.awaited(onboarding, status)
    operator = people.aws(people.person(stack, "operator"), "stepfunctions")
    operator.stop_execution(executionArn=onboarding.execution_arn)
    record = evidence.undone(onboarding, "CANCELLED", "STOPPED")
    assert record["status_detail"] == "the execution was stopped by hand"
    assert evidence.execution(onboarding)["status"] == "ABORTED"


def test_an_execution_that_runs_out_of_time_is_cleaned_up(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "out-of-time")
    people.awaited(onboarding, "PENDING_MFA")
    # The emulator lets every execution run for ever, so the event of its end is made here.
    detail = {
        "executionArn": onboarding.execution_arn,
        "stateMachineArn": stack["state_machine_arn"],
        "name": onboarding.id,
        "status": "TIMED_OUT",
    }
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    faults.invoke(stack, "ExecutionEnded", event)
    evidence.undone(onboarding, "FAILED", "EXECUTION_TIMEOUT")
    people.root(stack, "stepfunctions").stop_execution(executionArn=onboarding.execution_arn)
    assert evidence.record(onboarding)["status"] == "FAILED"
