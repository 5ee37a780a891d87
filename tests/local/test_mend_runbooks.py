"""A runbook that calls a function runs, as the role that its document names, for who has the rights to start it."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import wait_for

CODE = 'def handler(event, context):\n    return {"got": event}\n'
SSM = {"Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
OURS = {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}
OTHERS = {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}
NOTHING: list[Any] = []


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deployed(aws: Any, function: Any, code: str = CODE, trust: Any = OURS, may: str = "lambda:InvokeFunction") -> str:
    """The name of a document with one step, a role of its own and one parameter."""
    name = f"Runbook-{uuid.uuid4().hex[:8]}"
    called = function(aws.url, code).name
    role = aws.role(f"{name}-role", SSM | trust, allow(may, f"arn:aws:lambda:*:*:function:{called}"))
    step = {
        "name": "Call",
        "action": "aws:invokeLambdaFunction",
        "inputs": {"FunctionName": called, "InputPayload": {"run": "{{ automation:EXECUTION_ID }}"}},
    }
    parameters = {
        "Choice": {"type": "String", "allowedValues": ["yes", "no"]},
        "Why": {"type": "String", "default": "", "allowedPattern": "^[a-z]{0,9}$"},
    }
    content = {
        "schemaVersion": "0.3",
        "assumeRole": role,
        "parameters": parameters,
        "mainSteps": [step],
        "outputs": ["Call.Payload"],
    }
    properties = {"Name": name, "DocumentType": "Automation", "Content": content}
    template = json.dumps({"Resources": {"Runbook": {"Type": "AWS::SSM::Document", "Properties": properties}}})
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    return name


def start(ssm: Any, name: str, **parameters: list[str]) -> str:
    started = ssm.start_automation_execution(DocumentName=name, Parameters={"Choice": ["yes"]} | parameters)
    run_id: str = started["AutomationExecutionId"]
    return run_id


def ended(aws: Any, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run = aws.client("ssm").get_automation_execution(AutomationExecutionId=run_id)["AutomationExecution"]
        return None if run["AutomationExecutionStatus"] == "InProgress" else run

    return wait_for(look, "the end of the run", 30)


def test_a_run_calls_the_function_and_tells_who_started_it_with_what(aws: Any, function: Callable[..., Any]) -> None:
    name = deployed(aws, function)
    ssm = aws.client("ssm", **aws.user(f"starter-{name}", allow("ssm:*", "*"), allow("iam:PassRole", "*")))
    run_id = start(ssm, name, Why=["because"])
    run = ended(aws, run_id)
    assert (run["AutomationExecutionStatus"], run["DocumentName"]) == ("Success", name)
    assert json.loads(run["Outputs"]["Call.Payload"][0]) == {"got": {"run": run_id}}
    assert run["ExecutedBy"] == f"arn:aws:iam::123456789012:user/starter-{name}"
    assert run["Parameters"] == {"Choice": ["yes"], "Why": ["because"]}
    listed = ssm.describe_automation_executions()["AutomationExecutionMetadataList"]
    assert run_id in {one["AutomationExecutionId"] for one in listed}


def test_a_run_is_under_way_while_its_function_runs(aws: Any, function: Callable[..., Any]) -> None:
    looking = f"""
import boto3
def handler(event, context):
    ssm = boto3.client("ssm", endpoint_url={aws.url!r}, region_name="us-east-1",
                       aws_access_key_id="test", aws_secret_access_key="test", aws_session_token=None)
    run = ssm.get_automation_execution(AutomationExecutionId=event["run"])["AutomationExecution"]
    return run["AutomationExecutionStatus"]
"""
    run = ended(aws, start(aws.client("ssm"), deployed(aws, function, looking)))
    assert run["Outputs"] == {"Call.Payload": ['"InProgress"']}


def test_a_run_whose_function_fails_says_why(aws: Any, function: Callable[..., Any]) -> None:
    failing = 'def handler(event, context):\n    raise ValueError("not today")\n'
    run = ended(aws, start(aws.client("ssm"), deployed(aws, function, failing)))
    assert run["AutomationExecutionStatus"] == "Failed"
    assert "not today" in run["FailureMessage"]
    assert "ValueError" in run["FailureMessage"]


@pytest.mark.parametrize("without", [{"trust": OTHERS}, {"may": "lambda:GetFunction"}], ids=["trust", "right"])
def test_a_run_acts_as_its_role_and_no_more(aws: Any, function: Callable[..., Any], without: Any) -> None:
    run = ended(aws, start(aws.client("ssm"), deployed(aws, function, **without)))
    assert run["AutomationExecutionStatus"] == "Failed"
    assert "may not assume" in run["FailureMessage"] or "AccessDenied" in run["FailureMessage"]


@pytest.mark.parametrize(
    "parameters",
    [{"Choice": ["maybe"]}, {"Choice": NOTHING}, {"Choice": ["yes", "no"]}, {"Why": ["BECAUSE"]}, {"Other": ["x"]}],
    ids=str,
)
def test_a_form_keeps_the_rules_of_its_document(aws: Any, function: Callable[..., Any], parameters: Any) -> None:
    ssm = aws.client("ssm")
    name = deployed(aws, function)
    with pytest.raises(ssm.exceptions.InvalidAutomationExecutionParametersException):
        start(ssm, name, **parameters)


def test_what_is_not_there_is_not_found(aws: Any) -> None:
    ssm = aws.client("ssm")
    with pytest.raises(ssm.exceptions.AutomationDefinitionNotFoundException):
        start(ssm, "None")
    with pytest.raises(ssm.exceptions.AutomationExecutionNotFoundException):
        ssm.get_automation_execution(AutomationExecutionId=str(uuid.uuid4()))


NEEDED = {
    "the document": allow("ssm:StartAutomationExecution", "arn:aws:ssm:*:*:document/{name}"),
    "the definition": allow("ssm:StartAutomationExecution", "arn:aws:ssm:*:*:automation-definition/{name}:*"),
    "the run": allow("ssm:StartAutomationExecution", "arn:aws:ssm:*:*:automation-execution/*"),
    "the role": allow("iam:PassRole", "arn:aws:iam::*:role/{name}-role")
    | {"Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}},
}


@pytest.mark.parametrize("missing", NEEDED)
def test_a_start_takes_every_right_that_aws_asks_for(aws: Any, function: Callable[..., Any], missing: str) -> None:
    name = deployed(aws, function)
    rights = {what: json.loads(json.dumps(right).replace("{name}", name)) for what, right in NEEDED.items()}
    start(aws.client("ssm", **aws.user(f"all-{name}", *rights.values())), name)
    del rights[missing]
    lacking = aws.client("ssm", **aws.user(f"lacking-{name}", *rights.values()))
    with pytest.raises(ClientError, match="AccessDenied"):
        start(lacking, name)


def test_a_run_is_shown_to_who_may_see_it(aws: Any, function: Callable[..., Any]) -> None:
    run_id = start(aws.client("ssm"), deployed(aws, function))
    right = allow("ssm:GetAutomationExecution", f"arn:aws:ssm:*:*:automation-execution/{run_id}")
    seeing = aws.client("ssm", **aws.user(f"seeing-{run_id}", right))
    seeing.get_automation_execution(AutomationExecutionId=run_id)
    with pytest.raises(ClientError, match="AccessDenied"):
        seeing.get_automation_execution(AutomationExecutionId=str(uuid.uuid4()))
