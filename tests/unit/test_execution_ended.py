"""ExecutionEnded: what an execution left unfinished is rolled back, whatever ended it."""

import json
from typing import Any

import pytest

from gatehouse.errors import AwsCallFailed
from gatehouse.model import FINAL, OPEN, Status
from tests.unit.account import EXECUTION_ARN, ONBOARDING_ID, Account, event


def end(aws: Account, case: str = "") -> list[dict[str, Any]]:
    """What the roll-back function is asked for once the event of that case came."""
    aws.call("execution_ended", event("execution_ended", case))
    asked = aws.wire.made("Invoke")
    assert {(one["FunctionName"], one["InvocationType"]) for one in asked} <= {("gatehouse-RollBack", "Event")}
    return [json.loads(one["Payload"]) for one in asked]


@pytest.mark.parametrize("status", sorted(OPEN))
def test_what_is_open_is_rolled_back(aws: Account, status: Status) -> None:
    aws.seed(status, record={"execution_arn": EXECUTION_ARN})
    (asked,) = end(aws)
    # Stopping an execution does not stop the function of its current step: roll-back has to wait for it.
    assert asked == {
        "onboarding_id": ONBOARDING_ID,
        "error": "Stopped",
        "cause": "the execution was stopped by hand",
        "may_still_run": True,
    }


@pytest.mark.parametrize(
    ("case", "error", "cause"),
    [
        ("timed_out", "ExecutionTimeout", "the execution ran out of time"),
        ("failed", "States.Runtime", "An error occurred while executing the state 'CreateUser'"),
    ],
)
def test_roll_back_hears_how_the_execution_ended(aws: Account, case: str, error: str, cause: str) -> None:
    aws.seed(Status.PROVISIONING, record={"execution_arn": EXECUTION_ARN})
    (asked,) = end(aws, case)
    assert (asked["error"], asked["cause"]) == (error, cause)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_has_ended_is_left_alone(aws: Account, status: Status) -> None:
    aws.seed(status, record={"execution_arn": EXECUTION_ARN})
    assert end(aws) == []


def test_an_execution_stopped_before_its_first_step_noted_it_is_known_by_its_name(aws: Account) -> None:
    aws.seed(Status.REQUESTED)
    (asked,) = end(aws)
    assert asked["onboarding_id"] == ONBOARDING_ID


def test_the_execution_of_another_machine_that_has_the_same_name_undoes_nothing(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"execution_arn": EXECUTION_ARN.replace("-onboarding:", "-another:")})
    assert end(aws) == []


def test_an_execution_that_nobody_recorded_is_none_of_our_business(aws: Account) -> None:
    assert end(aws) == []


@pytest.mark.parametrize("name", ["has.a.dot", "x" * 81, "ü"])
def test_an_execution_whose_name_can_be_no_id_is_none_of_our_business(aws: Account, name: str) -> None:
    sample = event("execution_ended")
    sample["detail"]["name"] = name
    aws.call("execution_ended", sample)
    assert aws.wire.names("Invoke") == []


def test_a_roll_back_that_could_not_be_asked_for_fails_so_that_the_event_comes_again(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"execution_arn": EXECUTION_ARN})
    aws.wire.refuse("Invoke", "ResourceNotFoundException", status=404)
    with pytest.raises(AwsCallFailed):
        end(aws)
    assert len(end(aws)) == 2


def test_it_changes_nothing_itself(aws: Account) -> None:
    before = aws.seed(Status.PENDING_MFA, record={"execution_arn": EXECUTION_ARN})
    end(aws)
    assert aws.record() == before
