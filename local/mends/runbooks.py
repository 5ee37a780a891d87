"""Systems Manager Automation: the emulator knows no documents and runs no runbooks."""

import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from ministack.core import iam_actions, iam_evaluator
from ministack.core.concurrency import spawn_background
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import iam, ssm, sts
from ministack.services.cloudformation import provisioners

from local.mends import rights

Data = dict[str, Any]

_documents: dict[str, Data] = {}
_runs: dict[str, Data] = {}


def documents() -> None:
    """AWS::SSM::Document, kept by name; CloudFormation rejects a template with a type that it does not know."""

    def create(logical_id: str, properties: Data, stack: str) -> tuple[str, Data]:
        name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=128)
        _documents[name] = properties["Content"]
        return name, {}

    def update(name: str, old: Data, new: Data, stack: str) -> tuple[str, Data]:
        _documents[name] = new["Content"]
        return name, {}

    def delete(name: str, properties: Data) -> None:
        _documents.pop(name, None)

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::SSM::Document"] = handlers


def automations() -> None:
    """StartAutomationExecution, GetAutomationExecution and DescribeAutomationExecutions.

    Documents come from CloudFormation only, and of their steps one that calls a function is run.
    """
    original = ssm.handle_request
    actions = {
        "StartAutomationExecution": _start,
        "GetAutomationExecution": _get,
        "DescribeAutomationExecutions": _describe,
    }

    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        action = actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
        return action(json.loads(body)) if action else await original(method, path, headers, body, query_params)

    ssm.handle_request = handle


def automation_rights() -> None:
    """Starting a runbook takes document, definition and run, and the right to pass the role that the document names.

    The emulator has no resource for any of it.
    """
    original_arn = iam_actions.extract_resource_arn

    def extract(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        prefix = f"arn:aws:ssm:{region}:{account}:"
        if service == "ssm" and action == "StartAutomationExecution":
            return f"{prefix}document/{json.loads(body).get('DocumentName')}"
        if service == "ssm" and action == "GetAutomationExecution":
            return f"{prefix}automation-execution/{json.loads(body).get('AutomationExecutionId')}"
        found: str = original_arn(service, method, path, headers, body, params, region, account)
        return found

    def starting(action: str, resource: str, context: Any) -> Iterator[rights.Further]:
        if action != "ssm:StartAutomationExecution":
            return
        base, _, name = resource.partition(":document/")
        for also in (f"{base}:automation-definition/{name}:1", f"{base}:automation-execution/{uuid.uuid4()}"):
            yield action, "ssm", also, context
        if role := _documents.get(name, {}).get("assumeRole"):
            yield "iam:PassRole", "iam", role, {"iam:PassedToService": "ssm.amazonaws.com"}

    iam_actions.extract_resource_arn = extract
    rights.also(starting)


def _start(data: Data) -> Any:
    content = _documents.get(data.get("DocumentName", ""))
    if content is None:
        return error_response_json("AutomationDefinitionNotFoundException", "No such document.", 400)
    parameters: Data = {
        name: data.get("Parameters", {}).get(name, [declared["default"]] if "default" in declared else [])
        for name, declared in content["parameters"].items()
    }
    if wrong := _wrong(content["parameters"], parameters, data.get("Parameters", {})):
        return error_response_json("InvalidAutomationExecutionParametersException", wrong, 400)
    run: Data = {
        "AutomationExecutionId": str(uuid.uuid4()),
        "AutomationExecutionStatus": "InProgress",
        "DocumentName": data["DocumentName"],
        "DocumentVersion": "1",
        "ExecutedBy": iam_evaluator.caller_arn(),
        "ExecutionStartTime": time.time(),
        "Mode": data.get("Mode", "Auto"),
        "Parameters": parameters,
        "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
        "Targets": data.get("Targets", []),
        **{name: data[name] for name in ("TargetParameterName", "TargetMaps", "TargetLocations") if name in data},
    }
    _runs[run["AutomationExecutionId"]] = run
    spawn_background(_run, run, content, thread_name="gatehouse-runbook")
    return json_response({"AutomationExecutionId": run["AutomationExecutionId"]})


def _wrong(declared: Data, parameters: Data, given: Data) -> str:
    """Why a form is not taken: a name unknown or missing, or a value that its rule does not allow."""
    if unknown := given.keys() - declared.keys():
        return f"Unknown parameters: {sorted(unknown)}"
    for name, rule in declared.items():
        values = parameters[name]
        if len(values) != 1:
            return f"{name} must be one value"
        if values[0] not in rule.get("allowedValues", values):
            return f"{name} must be one of {rule['allowedValues']}"
        if not re.search(rule.get("allowedPattern", ""), values[0]):
            return f"{name} must match {rule['allowedPattern']}"
    return ""


def _get(data: Data) -> Any:
    run = _runs.get(data.get("AutomationExecutionId", ""))
    if run is None:
        return error_response_json("AutomationExecutionNotFoundException", "No such execution.", 400)
    return json_response({"AutomationExecution": run})


def _describe(data: Data) -> Any:
    """The newest first, all on one page and without filters."""
    shown = ("AutomationExecutionId", "AutomationExecutionStatus", "DocumentName", "ExecutedBy", "ExecutionStartTime")
    listed = [{name: run[name] for name in shown} for run in reversed(_runs.values())]
    return json_response({"AutomationExecutionMetadataList": listed})


def _run(run: Data, content: Data) -> None:
    try:
        end = {"AutomationExecutionStatus": "Success", "Outputs": _outputs(run, content)}
    except Exception as error:
        end = {"AutomationExecutionStatus": "Failed", "FailureMessage": str(error)}
    run |= end | {"ExecutionEndTime": time.time()}


def _outputs(run: Data, content: Data) -> dict[str, list[str]]:
    """What the only step answers; raises what it fails with."""
    (step,) = content["mainSteps"]
    if step["action"] != "aws:invokeLambdaFunction":
        raise ValueError(f"only aws:invokeLambdaFunction is run here, not {step['action']}")
    payload = json.dumps(step["inputs"]["InputPayload"])
    payload = payload.replace("{{ automation:EXECUTION_ID }}", run["AutomationExecutionId"])
    function = _as_role(content["assumeRole"], run["AutomationExecutionId"])
    answer = function.invoke(FunctionName=step["inputs"]["FunctionName"], Payload=payload)
    said = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise RuntimeError(f"Step fails when it is Execute/Invoking action. Returned {said}")
    return {name: [said] for name in content["outputs"] if name == f"{step['name']}.Payload"}


def _as_role(role_arn: str, session: str) -> Any:
    """A Lambda client as the role that the document names, if that role trusts Systems Manager in this account."""
    role = iam._roles[role_arn.rsplit("/", 1)[-1]]
    if not _is_trusted(role["AssumeRolePolicyDocument"]):
        raise PermissionError(f"Systems Manager may not assume {role_arn}.")
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(20)
    arn = f"arn:aws:sts::{get_account_id()}:assumed-role/{role['RoleName']}/{session}"
    sts.register_session(
        key, {"Arn": arn, "UserId": f"{role['RoleName']}:{session}", "SecretAccessKey": secret, "SessionToken": token}
    )
    return boto3.client(
        "lambda",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=get_region(),
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        # A function that is called again decides again.
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )


def _is_trusted(document: Any) -> bool:
    trust = json.loads(document) if isinstance(document, str) else document
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "ssm.amazonaws.com"}
        and statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount") in (None, get_account_id())
        for statement in trust["Statement"]
    )


MENDS = [documents, automations, automation_rights]
