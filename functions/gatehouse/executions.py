"""Executions of the state machines: start one, look at one, undo what one left behind."""

import json
from typing import Any

from gatehouse.logs import logger
from gatehouse.model import Onboarding


def roll_back(lambda_client: Any, function: str, record: Onboarding, error: str, cause: str) -> None:
    """Ask the roll-back function, which alone may delete, to undo this onboarding; does not wait.

    Stopping an execution does not stop the function of its current step.
    """
    payload = {"onboarding_id": record.onboarding_id, "error": error, "cause": cause, "may_still_run": True}
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode())


def remove_user(lambda_client: Any, function: str, onboarding_id: str, user_name: str) -> None:
    """Ask the same function to remove a user that an onboarding left behind when it ended; does not wait."""
    payload = {"onboarding_id": onboarding_id, "left_behind": user_name}
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode())


def start(stepfunctions: Any, state_machine_arn: str, onboarding_id: str) -> None:
    """Start the execution of an admitted request, once: its name is the onboarding's id."""
    try:
        stepfunctions.start_execution(
            stateMachineArn=state_machine_arn,
            name=onboarding_id,
            input=json.dumps({"onboarding_id": onboarding_id}),
        )
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        return


def try_to_start(stepfunctions: Any, state_machine_arn: str, onboarding_id: str) -> None:
    """Start the execution; if that fails the record stands, and the follow-up starts it."""
    try:
        start(stepfunctions, state_machine_arn, onboarding_id)
    except Exception as error:
        logger().warning("not started yet", error=type(error).__name__)


def execution(stepfunctions: Any, arn: str) -> dict[str, Any] | None:
    """The execution as Step Functions describes it, or None where there is none."""
    try:
        described: dict[str, Any] = stepfunctions.describe_execution(executionArn=arn)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return None
    return described
