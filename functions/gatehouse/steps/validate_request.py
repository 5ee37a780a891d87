"""ValidateRequest: make sure that a sound record stands behind this execution."""

from dataclasses import dataclass
from typing import Any

from gatehouse import admission, people, provisioning, records, settings
from gatehouse.clients import client
from gatehouse.effective_grants import Account
from gatehouse.errors import InvalidRequest, RecordClosed
from gatehouse.handling import handler
from gatehouse.model import FieldProblem, Onboarding, Purpose, Status, links
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    operators: str
    boundary_prefix: str
    api_url: str


@handler
def validate_request(event: dict[str, Any]) -> dict[str, Any]:
    """In: the execution's name, ARN and input, and its machine's purpose.

    Out: the onboarding's id, its kind, and what needs approval, if any.

    An input `{"onboarding_id": <the execution's name>}` stands for a request that the API has recorded;
    anything else is a request started from the console, whose requester nobody has verified.
    Raises InvalidRequest, UserAlreadyExists, Cancelled, RecordClosed.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    onboarding_id = event["onboarding_id"]
    given, purpose = event["input"], Purpose(event["purpose"])
    if isinstance(given, dict) and set(given) == {"onboarding_id"}:
        if given["onboarding_id"] != onboarding_id:
            raise InvalidRequest([FieldProblem("onboarding_id", "must be the name of the execution")])
    elif purpose is not Purpose.ONBOARDING:
        raise InvalidRequest([FieldProblem("input", "must be the id of a reset that was asked for through the API")])
    elif records.find(table, onboarding_id) is None:
        account = Account.of(config.boundary_prefix)
        directory = people.Directory.parse(config.approvers, config.operators)
        admission.admit_from_console(table, client, onboarding_id, given, account, directory)
    elif not admission.belongs_to(table, onboarding_id, event["execution_arn"]):
        raise RecordClosed("a record of that name exists: choose another execution name")
    record = records.advance(
        table,
        onboarding_id,
        "validate_request",
        within={Status.REQUESTED},
        sets={"execution_arn": event["execution_arn"]},
    )
    provisioning.require_purpose(record, purpose)
    return {
        "onboarding_id": onboarding_id,
        "approval_needed": record.approval.needed > 0,
        "kind": record.request["kind"],
        "review": _in_short(record, config),
    }


def _in_short(record: Onboarding, config: Settings) -> dict[str, Any]:
    """What somebody reads who looks at the waiting execution in the Step Functions console."""
    path = links(record.onboarding_id)["decision"]
    return {
        "purpose": record.purpose.value,
        "user_name": record.user_name,
        "profile": record.request["profile"],
        "requested_by": record.requester.key or "somebody in the Step Functions console",
        "justification": record.request["justification"],
        "grants": record.grants.in_words,
        "beyond_profile": record.grants.beyond_profile,
        "escalation_risks": record.grants.escalation_risks,
        "approvals_needed": record.approval.needed,
        "waits_for": record.approval.entitled if record.approval.needed else (),
        "decide_with": f"runbook GatehouseDecide in Systems Manager, or POST {config.api_url}{path}",
    }
