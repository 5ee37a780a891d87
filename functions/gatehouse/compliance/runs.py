"""Sweeps as executions of their state machine: which one runs, how one begins, and how one went."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gatehouse import executions, times


def running(stepfunctions: Any, state_machine_arn: str) -> str | None:
    """The id of a sweep that is under way, whoever started it; None if there is none."""
    options = {"stateMachineArn": state_machine_arn, "statusFilter": "RUNNING", "maxResults": 1}
    found = stepfunctions.list_executions(**options)["executions"]
    return str(found[0]["name"]) if found else None


def start(stepfunctions: Any, state_machine_arn: str) -> str:
    """Start a sweep and return its id. Who asks in the same minute, while none is listed yet, is given the same one."""
    name = f"{times.parse(times.now()):%Y-%m-%dT%H-%M}"
    try:
        stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=name, input="{}")
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        # That one is over: Step Functions answers as before while it runs.
        name = f"{name}-{uuid.uuid4().hex}"
        stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=name, input="{}")
    return name


def describe(stepfunctions: Any, state_machine_arn: str, sweep_id: str) -> Mapping[str, Any] | None:
    """The sweep's execution as Step Functions describes it, or None where there is none."""
    return executions.execution(
        stepfunctions, f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{sweep_id}"
    )


def links(sweep_id: str) -> dict[str, str]:
    """Paths of one sweep, relative to the stack output `ApiUrl`."""
    return {"self": f"/compliance/sweeps/{sweep_id}"}


def public(execution: Mapping[str, Any], bucket: str) -> dict[str, Any]:
    """What the API tells of a sweep. Its findings are in the bucket, for who may read that."""
    sweep_id, ended_at = execution["name"], execution.get("stopDate")
    about = {
        "sweep_id": sweep_id,
        "status": execution["status"],
        "started_at": times.text(execution["startDate"]),
        "ended_at": times.text(ended_at) if ended_at else None,
        "failure": execution.get("error"),
        "links": links(sweep_id),
    }
    if execution["status"] != "SUCCEEDED":
        return about
    output = json.loads(execution["output"])
    return about | {
        "reported_at": output["reported_at"],
        "counts": output["counts"],
        "broken": output["broken"],
        "acted": Counter(one["outcome"] for batch in output["acted"] for one in batch),
        "report": {"bucket": bucket, "findings_key": output["findings_key"], "report_key": output["report_key"]},
    }
