"""The runbook's document, its function, its role and the policy of those who run it fit together."""

import re
from typing import Any

from gatehouse import approvals, deciding, records
from gatehouse.edges import decide_by_runbook
from tests.wiring.template import functions, of_type, template

SSM = {"Service": "ssm.amazonaws.com"}


def resource(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = template()["Resources"][logical_id]["Properties"]
    return found


def document() -> dict[str, Any]:
    (found,) = of_type("AWS::SSM::Document").values()
    content: dict[str, Any] = found["Properties"]["Content"]
    return content


def statements(logical_id: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in resource(logical_id)["PolicyDocument"]["Statement"]}


def test_the_function_takes_runs_of_this_document_only() -> None:
    assert resource("GatehouseDecide")["Name"] == decide_by_runbook.DOCUMENT


def test_its_one_step_hands_the_run_s_id_to_the_function_and_nothing_else() -> None:
    (step,) = document()["mainSteps"]
    function = functions()["decide_by_runbook"].logical_id
    assert step["action"] == "aws:invokeLambdaFunction"
    assert step["inputs"]["FunctionName"] == {"Fn::GetAtt": [function, "Arn"]}
    assert step["inputs"]["InputPayload"] == {"automation_execution_id": "{{ automation:EXECUTION_ID }}"}
    assert "Payload" not in step["inputs"]
    assert document()["outputs"] == [f"{step['name']}.Payload"]


def test_its_form_takes_what_the_function_takes() -> None:
    parameters = document()["parameters"]
    assert list(parameters) == ["OnboardingId", "Decision", "Reason"]
    assert parameters["Decision"]["allowedValues"] == [approvals.APPROVE, approvals.REJECT]
    for text in ("a", "0b6f2c1e-7d43-4a53-9c1f-2f8f4d1e9a70", "alice_joins", "-x", "x" * 80, "x" * 81, "a b", ""):
        assert bool(re.search(parameters["OnboardingId"]["allowedPattern"], text)) == records.is_id(text)
    for text in (
        "",
        "für die Übernahme",
        "x" * deciding.LONGEST_REASON,
        "x" * (deciding.LONGEST_REASON + 1),
        "<b>",
        "a\nb",
    ):
        right = not deciding.wrong(approvals.APPROVE, text)
        assert bool(re.search(parameters["Reason"]["allowedPattern"], text)) == right
    assert all(parameter["description"] for parameter in parameters.values())


def test_it_acts_as_a_role_that_may_call_that_function_and_nothing_else() -> None:
    assert document()["assumeRole"] == {"Fn::GetAtt": ["GatehouseDecideRole", "Arn"]}
    role = resource("GatehouseDecideRole")
    assert role["Path"] == "/gatehouse/"
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Effect"]) == ("lambda:InvokeFunction", "Allow")
    assert statement["Resource"] == {"Fn::GetAtt": [functions()["decide_by_runbook"].logical_id, "Arn"]}


def test_systems_manager_alone_takes_that_role_and_no_other() -> None:
    """The guard lets people pass the stack's roles to Systems Manager, because only this one trusts it."""
    trusting = {
        name: statement
        for name, role in of_type("AWS::IAM::Role").items()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "ssm" in str(statement["Principal"])
    }
    assert list(trusting) == ["GatehouseDecideRole"]
    (statement,) = resource("GatehouseDecideRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == SSM
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_an_approver_may_start_this_document_and_pass_this_role_only() -> None:
    granted = statements("ApproverPolicy")
    started = [one["Fn::Sub"].rpartition(":${AWS::AccountId}:")[2] for one in granted["RunTheRunbook"]["Resource"]]
    assert started == [
        "document/${GatehouseDecide}",
        "automation-definition/${GatehouseDecide}:*",
        "automation-execution/*",
    ]
    passed = granted["LetTheRunbookActAsItsRole"]
    assert passed["Resource"] == {"Fn::GetAtt": ["GatehouseDecideRole", "Arn"]}
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": SSM["Service"]}}
    actions = {action for one in granted.values() for action in _listed(one["Action"])}
    reading = re.compile(r"ssm:(Describe|Get|List)\w+")
    assert {action for action in actions if not reading.fullmatch(action)} == {
        "execute-api:Invoke",
        "iam:PassRole",
        "ssm:StartAutomationExecution",
    }


def test_nobody_else_is_given_the_runbook() -> None:
    policies = [name for name in of_type("AWS::IAM::ManagedPolicy") if "StartAutomation" in str(_allows(name))]
    assert policies == ["ApproverPolicy"]


def _allows(policy: str) -> list[Any]:
    return [one["Action"] for one in resource(policy)["PolicyDocument"]["Statement"] if "Action" in one]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
