"""The runbook GatehouseDecide: an approver's decision in the Systems Manager console.

Of the payload only the id of a run is read, and whoever may call this function can name any. Who decides what
about which onboarding is what Systems Manager itself says of that run, which nobody can write.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import deciding, mailing, people, settings
from gatehouse.clients import client
from gatehouse.deciding import Ballot
from gatehouse.errors import InvalidRequest
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import Onboarding, Purpose, Status
from gatehouse.problems import Problem
from gatehouse.table import Table

DOCUMENT = "GatehouseDecide"

# Set where a run is one of many or was begun by something else: then its executor may not be the human who
# filled in the form. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AutomationExecution.html
OF_ANOTHER = (
    "AssociationId",
    "AutomationSubtype",
    "ChangeRequestName",
    "OpsItemId",
    "ParentAutomationExecutionId",
    "Runbooks",
    "ScheduledTime",
    "Target",
    "TargetLocations",
    "TargetLocationsURL",
    "TargetMaps",
    "TargetParameterName",
    "Targets",
)

_ID = re.compile(r"[0-9A-Za-z-]{36}")


class DecisionRefused(Exception):
    """Nothing was decided; the message is what the operator reads as the run's failure."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    operators: str
    sender_address: str
    configuration_set: str
    account_id: str


@handler
def decide_by_runbook(event: dict[str, Any]) -> dict[str, str]:
    """In: `automation_execution_id`. Out: onboarding_id, status and a message for the run's output.

    Raises DecisionRefused.
    """
    config = settings.load(Settings)
    try:
        ballot = _ballot(_run(event.get("automation_execution_id")), config.account_id)
        logger().append_keys(onboarding_id=ballot.onboarding_id)
        directory = people.Directory.parse(config.approvers, config.operators)
        table, ses = Table(client("dynamodb"), config.table_name), client("sesv2", retries=False)
        sender = mailing.Sender(config.sender_address, config.configuration_set)
        record = deciding.decide(table, client("stepfunctions"), ses, ballot, directory, sender)
    except (Problem, InvalidRequest) as refusal:
        raise DecisionRefused(str(refusal)) from None
    return {"onboarding_id": record.onboarding_id, "status": record.status.value, "message": _message(record)}


def _run(automation_execution_id: object) -> Mapping[str, Any]:
    """The run as Systems Manager knows it, if it is a run of our document that waits for our answer."""
    if not (isinstance(automation_execution_id, str) and _ID.fullmatch(automation_execution_id)):
        raise DecisionRefused("The payload holds no id of a run.")
    ssm = client("ssm")
    try:
        found = ssm.get_automation_execution(AutomationExecutionId=automation_execution_id)
    except ssm.exceptions.AutomationExecutionNotFoundException:
        raise DecisionRefused("There is no such run.") from None
    run: Mapping[str, Any] = found["AutomationExecution"]
    if run.get("DocumentName") != DOCUMENT:
        raise DecisionRefused(f"The run is not one of {DOCUMENT}.")
    if run.get("AutomationExecutionStatus") != "InProgress":
        raise DecisionRefused("The run is over: run the document anew.")
    if any(run.get(field) for field in OF_ANOTHER):
        raise DecisionRefused("Run the document by itself, as a simple execution: no targets, no schedule, no parent.")
    return run


def _ballot(run: Mapping[str, Any], account_id: str) -> Ballot:
    """Raises InvalidRequest as the API does."""
    given = run.get("Parameters", {})
    onboarding_id, choice = _only(given, "OnboardingId"), _only(given, "Decision")
    # The form has no null: an empty field is no reason.
    reason = _only(given, "Reason") or None
    if problems := deciding.wrong(choice, reason):
        raise InvalidRequest(problems)
    caller = people.caller(run.get("ExecutedBy", ""), account_id)
    return Ballot(onboarding_id, caller, choice, reason, via=run["AutomationExecutionId"])


def _only(parameters: Mapping[str, list[str]], name: str) -> str:
    values = parameters.get(name, [])
    return values[0] if len(values) == 1 else ""


_DONE = {Purpose.ONBOARDING: "created", Purpose.MFA_RESET: "reset"}


def _message(record: Onboarding) -> str:
    approval = record.approval
    if record.status is Status.PROVISIONING:
        return f"Approved: {'MFA of ' if record.is_reset else ''}{record.user_name} is being {_DONE[record.purpose]}."
    if record.status is Status.ROLLING_BACK:
        return f"Rejected: {'MFA of ' if record.is_reset else ''}{record.user_name} is not {_DONE[record.purpose]}."
    people_so_far = len({decision.person for decision in approval.decisions})
    return f"Recorded: {people_so_far} of {approval.needed} approvals for {record.user_name}."
