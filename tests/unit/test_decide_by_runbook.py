"""DecideByRunbook: believes what Systems Manager says of a run, and nothing that it was called with."""

import io
import json
from typing import Any

import pytest

from gatehouse import approvals
from gatehouse.edges.decide_by_runbook import OF_ANOTHER, DecisionRefused
from gatehouse.errors import AwsCallFailed
from gatehouse.model import Decision, Onboarding, Requester, Status
from tests.unit import resets
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    NOW,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    SECOND_APPROVER,
    SECURITY_APPROVER,
    TASK_TOKEN,
    USER,
    Account,
    arn_of,
    event,
)

RUN = event("decide_by_runbook")["automation_execution_id"]
WAKE_UPS = ("SendTaskSuccess", "SendTaskFailure")


def pending(aws: Account, profile: str = "power-user", **described: Any) -> Onboarding:
    """An onboarding whose machine waits for a decision; migration-admin needs two."""
    record = {"task_token": TASK_TOKEN, **described.pop("record", {})}
    return aws.seed(Status.PENDING_APPROVAL, profile=profile, justification="a migration", record=record, **described)


def run(aws: Account, by: str = APPROVER, run_id: str = RUN, **changes: Any) -> None:
    """What Systems Manager says of every run asked for, as it says it of a simple execution."""
    filled_in = {"OnboardingId": ONBOARDING_ID, "Decision": "approve", "Reason": ""} | changes.pop("filled_in", {})
    told = {
        "AutomationExecutionId": run_id,
        "DocumentName": "GatehouseDecide",
        "DocumentVersion": "1",
        "AutomationExecutionStatus": "InProgress",
        "Mode": "Auto",
        "Parameters": {name: [value] for name, value in filled_in.items()},
        "ExecutedBy": arn_of(by),
        "Targets": [],
        "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
    }
    aws.wire.answer("GetAutomationExecution", {"AutomationExecution": told | changes})


def decide(aws: Account, **payload: Any) -> Any:
    return aws.step("decide_by_runbook", **payload)


def refused(aws: Account, message: str, **payload: Any) -> None:
    """The run fails and says that; the record stays as it is, and nobody is woken or written to."""
    before = aws.record()
    with pytest.raises(DecisionRefused, match=message):
        decide(aws, **payload)
    assert aws.record() == before
    assert aws.wire.names(*WAKE_UPS, "SendEmail") == []


def test_an_approval_is_recorded_with_the_run_it_came_by_and_wakes_the_machine(aws: Account) -> None:
    before = pending(aws)
    run(aws, filled_in={"Reason": "fine"})
    assert decide(aws) == {
        "onboarding_id": ONBOARDING_ID,
        "status": "PROVISIONING",
        "message": "Approved: alice.developer is being created.",
    }
    decision = Decision(APPROVER, arn_of(APPROVER), "approve", "fine", before.digest, NOW, RUN)
    assert aws.record().approval.decisions == (decision,)
    assert [call["taskToken"] for call in aws.wire.made("SendTaskSuccess")] == [TASK_TOKEN]


def test_a_rejection_says_why(aws: Account) -> None:
    pending(aws)
    run(aws, filled_in={"Decision": "reject", "Reason": "no such project"})
    answer = decide(aws)
    assert (answer["status"], answer["message"]) == ("ROLLING_BACK", "Rejected: alice.developer is not created.")
    assert aws.record().approval.decisions[0].reason == "no such project"
    assert aws.wire.names(*WAKE_UPS) == ["SendTaskFailure"]


def test_half_a_quorum_says_how_many_agree(aws: Account) -> None:
    pending(aws, "migration-admin")
    run(aws)
    assert decide(aws)["message"] == "Recorded: 1 of 2 approvals for alice.developer."
    assert aws.wire.names(*WAKE_UPS, "SendEmail") == []


def test_one_person_at_both_doors_counts_once(aws: Account) -> None:
    pending(aws, "migration-admin")
    assert aws.api("decide_onboarding", {"decision": "approve"}, caller=SECOND_APPROVER).status == 200
    run(aws, by=f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/{SECOND_APPROVER.upper()}")
    assert decide(aws)["status"] == Status.PENDING_APPROVAL
    assert [decision.via for decision in aws.record().approval.decisions] == [None]


def test_the_payload_names_a_run_and_decides_nothing_else(aws: Account) -> None:
    pending(aws)
    run(aws, filled_in={"Decision": "reject", "Reason": "no"})
    forged = {"onboarding_id": "another", "decision": "approve", "executed_by": arn_of(SECOND_APPROVER)}
    assert decide(aws, **forged)["status"] == Status.ROLLING_BACK
    assert [call["AutomationExecutionId"] for call in aws.wire.made("GetAutomationExecution")] == [RUN]


@pytest.mark.parametrize("given", [None, "", 5, ["x"], "x", RUN + "x", RUN.replace("-", "\n")])
def test_what_is_no_id_is_not_asked_for(aws: Account, given: Any) -> None:
    pending(aws)
    run(aws)
    refused(aws, "no id of a run", automation_execution_id=given)
    assert aws.wire.made("GetAutomationExecution") == []


def test_a_run_that_systems_manager_does_not_know_decides_nothing(aws: Account) -> None:
    pending(aws)
    aws.wire.refuse("GetAutomationExecution", "AutomationExecutionNotFoundException")
    refused(aws, "no such run")


@pytest.mark.parametrize(
    "document", ["AWS-RunShellScript", "gatehousedecide", f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/GatehouseDecide"]
)
def test_a_run_of_another_document_decides_nothing(aws: Account, document: str) -> None:
    pending(aws)
    run(aws, DocumentName=document)
    refused(aws, "not one of GatehouseDecide")


@pytest.mark.parametrize("status", ["Success", "Failed", "Cancelled", "TimedOut", "Pending", "Waiting", "Scheduled"])
def test_a_run_that_is_not_under_way_decides_nothing(aws: Account, status: str) -> None:
    pending(aws)
    run(aws, AutomationExecutionStatus=status)
    refused(aws, "is over")


@pytest.mark.parametrize("field", OF_ANOTHER)
def test_a_run_that_is_part_of_another_decides_nothing(aws: Account, field: str) -> None:
    pending(aws)
    lists = ("Runbooks", "TargetLocations", "TargetMaps", "Targets")
    run(aws, **{field: [{"a": ["b"]}] if field in lists else "something"})
    refused(aws, "as a simple execution")


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("mallory", "no approver"),
        (OPERATOR, "no approver"),
        (SECURITY_APPROVER, "no approver"),
        (REQUESTER, "own"),
        ("alice.developer", "themselves"),
        (f"arn:aws:iam::{ACCOUNT}:root", "Root"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/{APPROVER}", "roles that stand for nobody"),
        (f"arn:aws:iam::{int(ACCOUNT) + 1}:user/{APPROVER}", "roles that stand for nobody"),
    ],
)
@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_nobody_decides_who_must_not(aws: Account, by: str, message: str, choice: str) -> None:
    pending(aws)
    run(aws, by=by, filled_in={"Decision": choice, "Reason": "because"})
    refused(aws, message)


def test_a_run_without_an_executor_decides_nothing(aws: Account) -> None:
    pending(aws)
    run(aws, ExecutedBy="")
    refused(aws, "roles that stand for nobody")


def test_an_approver_does_not_decide_on_an_own_request(aws: Account) -> None:
    pending(aws, requester=Requester(arn_of(APPROVER), APPROVER, verified=True))
    run(aws)
    refused(aws, "Nobody decides on a request of their own")


@pytest.mark.parametrize(
    ("filled_in", "message"),
    [
        ({"Decision": "reject"}, "reason is required to reject"),
        ({"Decision": "reject", "Reason": "  "}, "reason is required to reject"),
        ({"Decision": "Approve"}, 'decision must be "approve" or "reject"'),
        ({"Reason": "one\ntwo"}, "reason must be one line"),
        ({"Reason": "<b>"}, "reason must be one line"),
        ({"Reason": "x" * 501}, "reason must be one line"),
        ({"OnboardingId": "another"}, "no onboarding of that id"),
        ({"OnboardingId": "{{ssm:parameter}}"}, "no onboarding of that id"),
    ],
)
def test_what_is_filled_in_keeps_the_rules_of_the_api(aws: Account, filled_in: dict[str, str], message: str) -> None:
    pending(aws)
    run(aws, filled_in=filled_in)
    refused(aws, message)


@pytest.mark.parametrize("values", [[], ["approve", "approve"]])
def test_a_parameter_is_one_value(aws: Account, values: list[str]) -> None:
    pending(aws)
    run(aws, Parameters={"OnboardingId": [ONBOARDING_ID], "Decision": values, "Reason": [""]})
    refused(aws, "decision must be")


def test_a_run_decides_once(aws: Account) -> None:
    pending(aws, "migration-admin")
    run(aws)
    decide(aws)
    before = len(aws.wire.names("SendEmail"))
    refused(aws, f"has decided already: approve by {APPROVER}")
    run(aws, filled_in={"Decision": "reject", "Reason": "now I may"})
    refused(aws, "has decided already")
    assert len(aws.wire.names("SendEmail")) == before


def test_a_run_decides_once_also_when_it_is_used_twice_at_the_same_time(aws: Account) -> None:
    pending(aws, "migration-admin")
    run(aws)

    def a_moment_later() -> None:
        aws.clock.advance(1)
        decide(aws)

    aws.wire.first("UpdateItem", a_moment_later)
    with pytest.raises(DecisionRefused, match="has decided already"):
        decide(aws)
    assert len(aws.record().approval.decisions) == 1


def test_an_own_write_whose_answer_was_lost_is_recognised(aws: Account) -> None:
    pending(aws)
    run(aws)
    aws.wire.send_twice("UpdateItem")
    assert decide(aws)["status"] == Status.PROVISIONING


def test_what_is_decided_or_expired_says_so(aws: Account) -> None:
    pending(aws, record={"approval_expires_at": NOW})
    run(aws)
    refused(aws, "time to decide is over")
    aws.change(status=Status.PROVISIONING)
    refused(aws, "The onboarding is PROVISIONING")


def test_a_fault_of_aws_is_not_taken_for_a_refusal(aws: Account) -> None:
    pending(aws)
    aws.wire.refuse("GetAutomationExecution", "ValidationException", message=f"the token is {TASK_TOKEN}")
    with pytest.raises(AwsCallFailed, match=r"^GetAutomationExecution: ValidationException$"):
        decide(aws)


def test_neither_message_nor_log_holds_a_token(aws: Account, log: io.StringIO) -> None:
    pending(aws)
    run(aws)
    aws.wire.refuse("SendTaskSuccess", "InvalidToken", message=TASK_TOKEN)
    assert TASK_TOKEN not in json.dumps(decide(aws))
    with pytest.raises(DecisionRefused) as refusal:
        decide(aws)
    assert TASK_TOKEN not in str(refusal.value)
    assert ONBOARDING_ID in log.getvalue()
    assert TASK_TOKEN not in log.getvalue()


@pytest.mark.parametrize(
    ("decision", "message"),
    [("approve", f"Approved: MFA of {USER} is being reset."), ("reject", f"Rejected: MFA of {USER} is not reset.")],
)
def test_a_reset_is_decided_by_the_runbook_too(aws: Account, decision: str, message: str) -> None:
    resets.member(aws)
    reset_id = resets.asked_for(aws)
    resets.step(aws, "validate_request", reset_id)
    resets.step(aws, "request_approval", reset_id)
    run(aws, filled_in={"OnboardingId": reset_id, "Decision": decision, "Reason": "called back"})
    assert decide(aws)["message"] == message
    assert approvals.is_approved(aws.record(reset_id)) == (decision == "approve")
