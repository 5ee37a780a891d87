"""The state machine holds what a newcomer might forget."""

import json
import re
from typing import Any

import pytest

from gatehouse import errors, onboarding_request, outcomes
from gatehouse.model import Purpose
from tests.wiring import code
from tests.wiring.definition import (
    definition,
    every_task,
    following,
    machines,
    named_errors,
    onboarding_machines,
    placeholders,
    states,
    tasks,
    text,
)
from tests.wiring.template import ROOT

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and, of what a Lambda integration
# raises for a while, https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
PASSING_ON_AWS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    # A function that ran out of time or memory: by the type in Lambda's own error document, or Unknown without one.
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
}
# Where many are at once, all but a few wait: nobody may give up before their turn comes.
CROWDED = {"Throttled", "Lambda.TooManyRequestsException"}
RAISED_BY_AWS = PASSING_ON_AWS | {"States.ALL", "States.Timeout"}
PASSING = {error.__name__ for error in errors.TRANSIENT} | PASSING_ON_AWS

# What no state treats by name: it ends the onboarding, for the reason given. The record decides about the last two.
TERMINAL = {
    "InvalidRequest": "INVALID_REQUEST",
    "UserAlreadyExists": "USER_ALREADY_EXISTS",
    "UserGone": "USER_GONE",
    "UserLives": "USER_LIVES",
    "GroupDiffers": "GROUP_DIFFERS",
    "ApprovalTimeout": "APPROVAL_TIMEOUT",
    "MfaTimeout": "MFA_TIMEOUT",
    "RecordClosed": "RECORD_CLOSED",
    "AwsCallFailed": "AWS_CALL_FAILED",
    "Cancelled": "CANCELLED",
    "Rejected": "REJECTED",
}
# What ends a sweep: there is no record that would tell a reason.
ENDS_SWEEPS = {"MalformedReport"}

MACHINES = pytest.mark.parametrize("machine", machines())
ONBOARDINGS = pytest.mark.parametrize("machine", onboarding_machines())
TASKS = pytest.mark.parametrize(("machine", "name"), every_task())
OF_ONBOARDINGS = pytest.mark.parametrize(
    ("machine", "name"), [one for one in every_task() if one[0] in onboarding_machines()]
)
FORWARD = pytest.mark.parametrize(("machine", "name"), [one for one in every_task() if one[1] != "RollBack"])
ONBOARDING, MFA_RESET = "OnboardingStateMachine", "MfaResetStateMachine"


def classes() -> set[str]:
    return {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}


@MACHINES
def test_every_substitution_is_used_and_every_placeholder_is_given(machine: str) -> None:
    assert placeholders(machine) == set(machines()[machine]["DefinitionSubstitutions"])


@MACHINES
def test_the_machine_may_invoke_the_functions_it_calls_and_no_other(machine: str) -> None:
    given = machines()[machine]["DefinitionSubstitutions"].values()
    called = {value["Fn::GetAtt"][0] for value in given if "Fn::GetAtt" in value}
    statements = [one for policy in machines()[machine]["Policies"] for one in policy["Statement"]]
    (invoke,) = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    assert {resource["Fn::GetAtt"][0] for resource in invoke["Resource"]} == called


@MACHINES
def test_every_state_can_be_reached(machine: str) -> None:
    described = definition(machine)
    reached, next_ones = set(), {described["StartAt"]}
    while next_ones:
        reached |= next_ones
        next_ones = {name for one in next_ones for name in following(described["States"][one])} - reached
    assert reached == set(described["States"])


@TASKS
def test_every_task_catches_everything_in_the_end(machine: str, name: str) -> None:
    *_, last = tasks(machine)[name]["Catch"]
    assert last["ErrorEquals"] == ["States.ALL"]
    elsewhere = {"RollBack": "Ended", "ActOnUsers": "NotActedOn", "SweepAccount": "NotSwept"}
    assert last["Next"] == elsewhere.get(name, "RollBack" if machine in onboarding_machines() else "SweepFailed")


@FORWARD
def test_what_leads_to_roll_back_says_why(machine: str, name: str) -> None:
    to_roll_back = [catch for catch in tasks(machine)[name]["Catch"] if catch["Next"] == "RollBack"]
    assert all({"error", "cause"} <= set(catch["Assign"]) for catch in to_roll_back)


@ONBOARDINGS
def test_roll_back_ends_in_fail_whatever_happens(machine: str) -> None:
    assert set(following(tasks(machine)["RollBack"])) == {"Ended"}
    assert states(machine)["Ended"]["Type"] == "Fail"
    assert not [name for name, state in states(machine).items() if state["Type"] == "Succeed"]


@ONBOARDINGS
def test_there_is_one_good_end(machine: str) -> None:
    assert [name for name, state in states(machine).items() if state.get("End")] == ["CompleteOnboarding"]


@pytest.mark.parametrize(
    ("machine", "name", "following"),
    [
        (ONBOARDING, "RequestApproval", "CreateUser"),
        (ONBOARDING, "AwaitMfa", "CompleteOnboarding"),
        (MFA_RESET, "RequestApproval", "ResetMfa"),
        (MFA_RESET, "AwaitMfa", "CompleteOnboarding"),
    ],
)
def test_who_waits_for_a_token_waits_for_a_given_time_and_then_looks_at_the_record(
    machine: str, name: str, following: str
) -> None:
    state = tasks(machine)[name]
    assert re.fullmatch(r"\{% \$number\('\$\{\w+TimeoutSeconds\}'\) %\}", state["TimeoutSeconds"])
    assert state["Arguments"]["Payload"]["task_token"] == "{% $states.context.Task.Token %}"
    (timeout,) = [catch for catch in state["Catch"] if "States.Timeout" in catch["ErrorEquals"]]
    assert timeout["Next"] == state["Next"] == following


@ONBOARDINGS
def test_no_step_waits_but_those_two(machine: str) -> None:
    waiting = {name for name, state in tasks(machine).items() if state["Resource"].endswith(".waitForTaskToken")}
    assert waiting == {"RequestApproval", "AwaitMfa"}


@pytest.mark.parametrize("name", sorted(set(tasks(ONBOARDING)) & set(tasks(MFA_RESET))))
def test_what_both_machines_do_fails_and_is_retried_alike(name: str) -> None:
    """But for where a Catch leads to: each has a step of its own after the approval."""
    one, other = tasks(ONBOARDING)[name], tasks(MFA_RESET)[name]
    assert one["Retry"] == other["Retry"]
    caught = [[catch["ErrorEquals"] for catch in state["Catch"]] for state in (one, other)]
    assert caught[0] == caught[1]


def test_each_machine_says_what_it_is_for() -> None:
    said = {name: states(name)["ValidateRequest"]["Arguments"]["Payload"]["purpose"] for name in onboarding_machines()}
    assert said == {ONBOARDING: Purpose.ONBOARDING, MFA_RESET: Purpose.MFA_RESET}


def test_a_reset_changes_nothing_before_its_approval_and_gives_a_new_password_before_it_waits() -> None:
    assert way(MFA_RESET, "ValidateRequest") == [
        "ValidateRequest",
        "RequestApproval",
        "ResetMfa",
        "IssuePassword",
        "SendSignInInstructions",
        "AwaitMfa",
        "CompleteOnboarding",
    ]


def test_every_error_name_is_raised_by_somebody() -> None:
    called = {name for module in code.modules().values() for name in code.constructed(module)}
    assert named_errors() <= RAISED_BY_AWS | (classes() & called)


def test_every_error_is_raised_and_treated_by_name_or_known_to_end_it() -> None:
    called = {name for module in code.modules().values() for name in code.constructed(module)}
    assert classes() <= called
    assert classes() == (named_errors() & classes()) | set(TERMINAL) | ENDS_SWEEPS
    assert not named_errors() & set(TERMINAL)


@pytest.mark.parametrize(
    ("error", "reason"), [item for item in TERMINAL.items() if item[0] not in ("Cancelled", "Rejected")]
)
def test_what_ends_it_has_a_reason_that_programs_can_rely_on(error: str, reason: str) -> None:
    assert outcomes.outcome(None, error, "x").reason == reason


@TASKS
def test_every_task_retries_what_passes_by_itself(machine: str, name: str) -> None:
    retried = {error for retry in tasks(machine)[name]["Retry"] for error in retry["ErrorEquals"]}
    assert PASSING - retried <= ({"ResidueRemains"} if name != "RollBack" else set())


@TASKS
def test_every_retry_has_jitter_and_an_end(machine: str, name: str) -> None:
    for retry in tasks(machine)[name]["Retry"]:
        assert retry["JitterStrategy"] == "FULL"
        assert 1 <= retry["MaxAttempts"] <= (99 if set(retry["ErrorEquals"]) == CROWDED else 8)
        assert "States.ALL" not in retry["ErrorEquals"]


def longest(retry: dict[str, Any]) -> float:
    """Seconds that all waits of a Retry together may last."""
    interval, rate = float(retry["IntervalSeconds"]), float(retry["BackoffRate"])
    most = float(retry.get("MaxDelaySeconds", "inf"))
    return sum(min(interval * rate**attempt, most) for attempt in range(retry["MaxAttempts"]))


@MACHINES
def test_the_comment_tells_the_true_budget_of_the_retries(machine: str) -> None:
    described = definition(machine)
    told = {float(seconds) for seconds in re.findall(r"(?:wait at most|is retried for) (\d+) s", described["Comment"])}
    retries = [retry for state in states(machine).values() for retry in state.get("Retry", ())]
    named = {"TransientFault", "Throttled", "AccessDenied", "ReportNotReady"}
    assert told == {longest(retry) for retry in retries if named & set(retry["ErrorEquals"])}


@TASKS
def test_whoever_comes_in_a_crowd_waits_long_and_looks_often(machine: str, name: str) -> None:
    """Long waits between two tries would leave IAM idle while the last ones sleep."""
    (crowded,) = [retry for retry in tasks(machine)[name]["Retry"] if CROWDED & set(retry["ErrorEquals"])]
    assert set(crowded["ErrorEquals"]) == CROWDED
    # Full jitter: half of the longest, on average. 1,000 onboardings of 13 IAM calls at 20 a second take 650 s.
    assert longest(crowded) / 2 > 650
    assert crowded["MaxDelaySeconds"] <= 20


PAYLOAD = {
    "onboarding_id": {"{% $onboarding_id %}", "{% $states.context.Execution.Name %}"},
    "task_token": {"{% $states.context.Task.Token %}"},
    "entered_at": {"{% $states.context.State.EnteredTime %}"},
    "execution_arn": {"{% $states.context.Execution.Id %}"},
}
BESIDES = {"ValidateRequest": {"input", "purpose"}, "RequestApproval": {"review"}, "RollBack": {"error", "cause"}}


@OF_ONBOARDINGS
def test_a_payload_carries_ids_only(machine: str, name: str) -> None:
    """Besides, who looks at the waiting execution reads what it waits for."""
    payload = dict(tasks(machine)[name]["Arguments"]["Payload"])
    for besides in BESIDES.get(name, ()):
        assert payload.pop(besides)
    assert set(payload) <= set(PAYLOAD)
    assert all(value in PAYLOAD[field] for field, value in payload.items())


@TASKS
def test_a_sample_event_is_what_its_state_hands_over(machine: str, name: str) -> None:
    stem = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    sample = json.loads((ROOT / "events" / f"{stem}.json").read_text())
    assert set(sample) == set(tasks(machine)[name]["Arguments"]["Payload"])


@TASKS
def test_no_task_hands_its_answer_on(machine: str, name: str) -> None:
    assert tasks(machine)[name].get("Output") == {} or tasks(machine)[name].get("End")


@ONBOARDINGS
def test_what_is_assigned_is_small_and_no_secret(machine: str) -> None:
    assigned = {name for state in states(machine).values() for name in state.get("Assign", {})}
    decided = {"approval_needed", "is_person"} if machine == ONBOARDING else set()
    assert assigned == {"onboarding_id", "review", "end"} | decided
    assert len(text(machine)) < 64 * 1024


def way(machine: str, first: str, *, is_person: bool = True) -> list[str]:
    """The steps that an execution passes from this one on when nothing fails."""
    passed = [first]
    while not (state := states(machine)[passed[-1]]).get("End"):
        if state["Type"] == "Choice":
            ((condition, then),) = [(branch["Condition"], branch["Next"]) for branch in state["Choices"]]
            assert condition == "{% $is_person %}"
            passed.append(then if is_person else state["Default"])
        else:
            passed.append(state["Next"])
    return [name for name in passed if states(machine)[name]["Type"] == "Task"]


def test_a_person_passes_every_step() -> None:
    first = ["CreateUser", "IssuePassword", "AttachPolicies"]
    assert way(ONBOARDING, "CreateUser", is_person=True) == [
        *first,
        "SendSignInInstructions",
        "AwaitMfa",
        "CompleteOnboarding",
    ]


def test_an_application_has_neither_password_nor_mfa() -> None:
    assert way(ONBOARDING, "CreateUser", is_person=False) == ["CreateUser", "AttachPolicies", "CompleteOnboarding"]


def test_who_is_no_person_is_told_by_the_request_s_kind() -> None:
    assigned = states(ONBOARDING)["ValidateRequest"]["Assign"]
    assert assigned["is_person"] == "{% $states.result.Payload.kind = 'person' %}"
    assert onboarding_request.schema()["properties"]["kind"]["enum"] == ["person", "application"]


@MACHINES
def test_the_machine_is_standard_jsonata_and_logs_no_data(machine: str) -> None:
    properties = machines()[machine]
    assert definition(machine)["QueryLanguage"] == "JSONata"
    assert properties["Type"] == "STANDARD"
    assert properties["Logging"]["IncludeExecutionData"] is False
    assert properties["Logging"]["Level"] == "ALL"
    assert properties["Tracing"] == {"Enabled": True}


@MACHINES
def test_every_state_says_what_it_is_for(machine: str) -> None:
    assert [name for name, state in states(machine).items() if not state.get("Comment")] == []
