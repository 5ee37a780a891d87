"""An approver decides in the Systems Manager console, and nobody else does."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import Person, wait_for
from tests.workflow import evidence, faults, people
from tests.workflow.people import Onboarding

DOCUMENT = "GatehouseDecide"


def run(ssm: Any, onboarding: Onboarding, decision: str = "approve", reason: str | None = None, **more: Any) -> str:
    """Somebody fills the form in and executes it; returns the run's id."""
    filled_in = {"OnboardingId": [onboarding.id], "Decision": [decision]} | ({"Reason": [reason]} if reason else {})
    started = ssm.start_automation_execution(DocumentName=DOCUMENT, Parameters=filled_in, **more)
    run_id: str = started["AutomationExecutionId"]
    return run_id


def decide(onboarding: Onboarding, decision: str = "approve", reason: str | None = None, by: str = "approver") -> str:
    return run(people.aws(people.person(onboarding.stack, by), "ssm"), onboarding, decision, reason)


def ended(stack: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = people.root(stack, "ssm").get_automation_execution(AutomationExecutionId=run_id)["AutomationExecution"]
        return None if found["AutomationExecutionStatus"] == "InProgress" else found

    return wait_for(look, f"the end of run {run_id}")


def failure(stack: Mapping[str, Any], run_id: str) -> str:
    """What the operator reads of a run that failed."""
    found = ended(stack, run_id)
    assert found["AutomationExecutionStatus"] == "Failed"
    message: str = found["FailureMessage"]
    return message


def undecided(stack: Mapping[str, Any], stem: str, profile: str = "power-user") -> Onboarding:
    onboarding = people.requested(stack, stem, profile)
    people.awaited(onboarding, "PENDING_APPROVAL")
    return onboarding


def decisions(onboarding: Onboarding) -> list[tuple[str, str, str | None]]:
    made = evidence.record(onboarding)["approval"]["decisions"]
    return [(decision["person"], decision["decision"], decision["via"]) for decision in made]


@contextmanager
def approver_policy_for(stack: Mapping[str, Any], user_name: str) -> Iterator[None]:
    """Somebody is handed the policy of approvers: the right to run the document alone makes no approver."""
    iam = people.root(stack, "iam")
    arn = f"arn:aws:iam::{stack['account_id']}:policy/gatehouse/gatehouse-approver"
    iam.attach_user_policy(UserName=user_name, PolicyArn=arn)
    try:
        yield
    finally:
        iam.detach_user_policy(UserName=user_name, PolicyArn=arn)


@contextmanager
def somebody(stack: Mapping[str, Any]) -> Iterator[tuple[Person, str]]:
    """A user of the account of whom Gatehouse knows nothing, with the approvers' policy."""
    iam, name = people.root(stack, "iam"), f"stranger-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        with approver_policy_for(stack, name):
            yield Person(stack, key["AccessKeyId"], key["SecretAccessKey"]), name
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


def test_an_approver_decides_in_the_console_and_everybody_concerned_is_told(stack: dict[str, Any]) -> None:
    onboarding = undecided(stack, "by-runbook")
    run_id = decide(onboarding, reason="known to us")
    found = ended(stack, run_id)
    assert found["AutomationExecutionStatus"] == "Success", found
    told = json.loads(found["Outputs"]["Decide.Payload"][0])
    assert (told["onboarding_id"], told["status"]) == (onboarding.id, "PROVISIONING")
    assert decisions(onboarding) == [("approver@example.com", "approve", run_id)]

    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.user(onboarding)
    for address in ("requester@example.com", "second-approver@example.com"):
        [mail] = wait_for(lambda to=address: people.mails(onboarding, "Decided", to), f"mail to {address}")  # type: ignore[misc]
        for said in ("approved by approver@example.com", "known to us", run_id, "nothing more to do for you"):
            assert said in mail["text"]
    assert people.mails(onboarding, "Decided", "approver@example.com") == []
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_two_approvers_may_come_through_two_doors(stack: dict[str, Any]) -> None:
    onboarding = undecided(stack, "two-doors", "migration-admin")
    people.approve(onboarding)
    first = ended(stack, decide(onboarding))
    assert "1 of 2" in first["Outputs"]["Decide.Payload"][0]
    assert people.mails(onboarding, "Decided") == []
    run_id = decide(onboarding, by="second_approver")
    assert ended(stack, run_id)["AutomationExecutionStatus"] == "Success"
    people.awaited(onboarding, "PENDING_MFA")
    assert [(person, via) for person, _, via in decisions(onboarding)] == [
        ("approver@example.com", None),
        ("second-approver@example.com", run_id),
    ]


def test_a_rejection_says_why_or_is_refused(stack: dict[str, Any]) -> None:
    onboarding = undecided(stack, "rejected-by-runbook")
    assert "reason is required to reject" in failure(stack, decide(onboarding, "reject"))
    assert decisions(onboarding) == []
    ssm = people.aws(people.person(stack, "approver"), "ssm")
    for decision, reason in (("maybe", "x"), ("reject", "<b>"), ("reject", "x" * 501)):
        with pytest.raises(ClientError, match="InvalidAutomationExecutionParameters"):
            run(ssm, onboarding, decision, reason)
    assert ended(stack, decide(onboarding, "reject", "no such project"))["AutomationExecutionStatus"] == "Success"
    evidence.undone(onboarding, "REJECTED", "REJECTED")
    [mail] = people.mails(onboarding, "Decided", "second-approver@example.com")
    assert "no such project" in mail["text"]
    assert "The onboarding is REJECTED" in failure(stack, decide(onboarding, by="second_approver"))
    assert len(decisions(onboarding)) == 1


@pytest.mark.parametrize("by", ["requester", "operator"])
def test_who_has_no_right_cannot_start_it(stack: dict[str, Any], by: str) -> None:
    onboarding = undecided(stack, f"{by}-starts")
    with pytest.raises(ClientError, match="AccessDenied"):
        decide(onboarding, by=by)
    assert decisions(onboarding) == []


@pytest.mark.alone
def test_the_right_to_start_it_makes_no_approver(stack: dict[str, Any]) -> None:
    onboarding = undecided(stack, "right-alone")
    for by, why in (("requester", "Nobody decides on a request of their own"), ("operator", "is no approver")):
        with approver_policy_for(stack, f"{by}@example.com"):
            assert why in failure(stack, decide(onboarding, by=by))
    assert "is no approver" in failure(stack, decide(onboarding, by="admin"))
    assert "Root and roles" in failure(stack, run(people.root(stack, "ssm"), onboarding))
    with somebody(stack) as (stranger, name):
        assert f"{name} is no approver" in failure(stack, run(people.aws(stranger, "ssm"), onboarding))
        about = undecided(stack, "about-stranger")
        _rename(about, name)
        assert "about themselves" in failure(stack, run(people.aws(stranger, "ssm"), about))
        _rename(about, about.user_name)
    assert decisions(onboarding) == decisions(about) == []
    assert evidence.user(onboarding) is None


def _rename(onboarding: Onboarding, name: str) -> None:
    """The onboarding is about somebody who is in the account already, as a session name may be."""
    people.root(onboarding.stack, "dynamodb").update_item(
        TableName=onboarding.stack["table_name"],
        Key={"pk": {"S": f"onboarding#{onboarding.id}"}},
        UpdateExpression="SET #request.#user_name = :name",
        ExpressionAttributeNames={"#request": "request", "#user_name": "user_name"},
        ExpressionAttributeValues={":name": {"S": name}},
    )


def test_a_forged_payload_decides_nothing(stack: dict[str, Any]) -> None:
    """Whoever may call the function, which nobody who was onboarded may, can name a run and nothing else."""
    decided, onboarding = undecided(stack, "forged-from"), undecided(stack, "forged")
    finished = decide(decided)
    ended(stack, finished)
    refused = decide(onboarding, "reject")
    failure(stack, refused)
    before = evidence.record(onboarding)
    payloads: list[tuple[dict[str, Any], str]] = [
        ({"automation_execution_id": finished}, "is over"),
        ({"automation_execution_id": refused}, "is over"),
        ({"automation_execution_id": str(uuid.uuid4())}, "no such run"),
        ({"automation_execution_id": "x"}, "no id of a run"),
        ({}, "no id of a run"),
    ]
    for payload, why in payloads:
        more = {"onboarding_id": onboarding.id, "decision": "approve", "executed_by": "approver@example.com"}
        with pytest.raises(RuntimeError, match=f"DecisionRefused.*{why}|{why}.*DecisionRefused"):
            faults.invoke(stack, "DecideByRunbook", payload | more)
    assert evidence.record(onboarding) == before
    assert decisions(decided) == [("approver@example.com", "approve", finished)]


def test_a_run_of_another_document_decides_nothing(stack: dict[str, Any]) -> None:
    """Of somebody's own document under a name like ours, with a role that may call our function."""
    onboarding = undecided(stack, "another-document")
    region, account = stack["region"], stack["account_id"]
    function = f"arn:aws:lambda:{region}:{account}:function:gatehouse-DecideByRunbook"
    name = f"GatehouseDecide-{uuid.uuid4().hex[:8]}"
    with another_document(stack, name, function):
        filled_in = {"OnboardingId": [onboarding.id], "Decision": ["approve"]}
        ssm = people.root(stack, "ssm")
        started = ssm.start_automation_execution(DocumentName=name, Parameters=filled_in)
        assert "not one of GatehouseDecide" in failure(stack, started["AutomationExecutionId"])
    assert decisions(onboarding) == []


@contextmanager
def another_document(stack: Mapping[str, Any], name: str, function: str) -> Iterator[None]:
    """A document like ours under another name, in a stack of its own, with the rights that ours has."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    right = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [right]}}],
    }
    step = {
        "name": "Decide",
        "action": "aws:invokeLambdaFunction",
        "inputs": {
            "FunctionName": function,
            "InputPayload": {"automation_execution_id": "{{ automation:EXECUTION_ID }}"},
        },
    }
    content = {
        "schemaVersion": "0.3",
        "assumeRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "parameters": {"OnboardingId": {"type": "String"}, "Decision": {"type": "String"}},
        "mainSteps": [step],
        "outputs": ["Decide.Payload"],
    }
    document = {"Name": name, "DocumentType": "Automation", "Content": content}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Document": {"Type": "AWS::SSM::Document", "Properties": document},
    }
    cloudformation = people.root(stack, "cloudformation")
    template = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2})
    try:
        yield
    finally:
        cloudformation.delete_stack(StackName=name)


def test_a_run_with_targets_decides_nothing(stack: dict[str, Any]) -> None:
    onboarding = undecided(stack, "with-targets")
    ssm = people.aws(people.person(stack, "approver"), "ssm")
    targets = [{"Key": "ParameterValues", "Values": [onboarding.id]}]
    run_id = run(ssm, onboarding, TargetParameterName="OnboardingId", Targets=targets)
    assert "as a simple execution" in failure(stack, run_id)
    assert decisions(onboarding) == []
