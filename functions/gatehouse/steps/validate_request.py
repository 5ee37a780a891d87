"""ValidateRequest: make sure that a sound record stands behind this execution."""

from dataclasses import dataclass
from typing import Any

from gatehouse import admission, people, records, settings
from gatehouse.clients import client
from gatehouse.errors import InvalidRequest, RecordClosed
from gatehouse.handling import handler
from gatehouse.model import FieldProblem, Status
from gatehouse.profiles import Account
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    operators: str
    boundary_enrolling_arn: str
    boundary_member_arn: str


@handler
def validate_request(event: dict[str, Any]) -> dict[str, Any]:
    """In: the execution's name, ARN and input. Out: the onboarding's id and whether it needs approval.

    An input `{"onboarding_id": <the execution's name>}` stands for a request that the API has recorded;
    anything else is a request started from the console, whose requester nobody has verified.
    Raises InvalidRequest, UserAlreadyExists, Cancelled, RecordClosed.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    onboarding_id = event["onboarding_id"]
    given = event["input"]
    if isinstance(given, dict) and set(given) == {"onboarding_id"}:
        if given["onboarding_id"] != onboarding_id:
            raise InvalidRequest([FieldProblem("onboarding_id", "must be the name of the execution")])
    elif records.find(table, onboarding_id) is None:
        account = Account.of(config.boundary_enrolling_arn, config.boundary_member_arn)
        directory = people.Directory.parse(config.approvers, config.operators)
        admission.admit_from_console(table, client("iam"), onboarding_id, given, account, directory)
    elif not admission.belongs_to(table, onboarding_id, event["execution_arn"]):
        raise RecordClosed("a record of that name exists: choose another execution name")
    record = records.advance(
        table,
        onboarding_id,
        "validate_request",
        within={Status.REQUESTED},
        sets={"execution_arn": event["execution_arn"]},
    )
    return {"onboarding_id": onboarding_id, "approval_needed": record.approval.needed > 0}
