"""Sweeps of the account as operators see them, and what they found."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from local.client import wait_for
from tests.workflow.people import call, person, root

MACHINE = "gatehouse-mfa-compliance"


def requested(stack: Mapping[str, Any]) -> dict[str, Any]:
    """What the API tells of a sweep that an operator has asked for, once it is over."""
    answer = call(stack, "operator", "POST", "/compliance/sweeps")
    assert answer.status == 202, answer.body
    return over(stack, answer.json["sweep_id"])


def started(stack: Mapping[str, Any], by: Any, given: str) -> dict[str, Any]:
    """The same of one that was started without the API, with the client and the input given."""
    sweep_id = f"story-{uuid.uuid4().hex}"
    by.start_execution(stateMachineArn=_arn(stack, "stateMachine"), name=sweep_id, input=given)
    return over(stack, sweep_id)


def over(stack: Mapping[str, Any], sweep_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = call(stack, "operator", "GET", f"/compliance/sweeps/{sweep_id}").json
        return told if told["status"] != "RUNNING" else None

    told = wait_for(look, f"the end of sweep {sweep_id}")
    assert told["status"] == "SUCCEEDED", told
    return told


def findings(stack: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """What was found about each subject, by kind, as the report for programs has it."""
    report = told["report"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for finding in json.loads(file(stack, report["bucket"], report["findings_key"]))["findings"]:
        found.setdefault(finding["subject"], {})[finding["kind"]] = finding
    return found


def file(stack: Mapping[str, Any], bucket: str, key: str) -> str:
    """A file of the bucket as text."""
    body: bytes = root(stack, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode()


def measured(stack: Mapping[str, Any]) -> dict[str, float]:
    """The newest metrics of sweeps, by name, as the functions' log hands them to CloudWatch."""
    pages = (
        root(stack, "logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/{stack['table_name']}-functions", filterPattern='"CloudWatchMetrics"')
    )
    lines = [json.loads(event["message"]) for page in pages for event in page["events"] if '"_aws"' in event["message"]]
    return {
        metric["Name"]: line[metric["Name"]][0]
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        if line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    }


def states(stack: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """The states that the execution entered."""
    arn = f"{_arn(stack, 'execution')}:{told['sweep_id']}"
    pages = root(stack, "stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def operators_own(stack: Mapping[str, Any]) -> Any:
    """Step Functions as an operator sees it in the console."""
    return person(stack, "operator").aws("stepfunctions")


def _arn(stack: Mapping[str, Any], kind: str) -> str:
    return f"arn:aws:states:{stack['region']}:{stack['account_id']}:{kind}:{MACHINE}"
