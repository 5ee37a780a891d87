"""POST /onboardings/{id}/cancel: a flag that every step looks at, and a wake-up for a machine that waits."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import ownership, people, records, settings, waking
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.logs import logger
from gatehouse.model import OPEN, UNDER_WAY, Onboarding
from gatehouse.problems import Problem
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    operators: str


@api.handler
def cancel_onboarding(asked: api.Request) -> api.Answer:
    """202 the record, which is undone from now on; 403 somebody else's, 404, 409 once final."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    operators = people.Directory.parse("{}", config.operators).operators
    record = ownership.require(table, str(asked.onboarding_id), asked.caller, operators)
    record = _flag(table, record, asked.caller.key)
    try:
        waking.fail(client("stepfunctions"), record, "Cancelled", f"cancelled by {record.cancelled_by}")
    except Exception as error:
        logger().warning("not woken yet", error=type(error).__name__)
    return api.Answer(HTTPStatus.ACCEPTED, record.public())


def _flag(table: Table, record: Onboarding, by: str) -> Onboarding:
    """Raises Problem 409 once the record is final. What is being rolled back already goes on as it is."""
    try:
        return records.change(
            table, record.onboarding_id, "cancel_requested", within=UNDER_WAY, sets={"cancelled_by": by}, by=by,
            only_if="attribute_not_exists(#cancelled_by)",
        )  # fmt: skip
    except table.ConditionFailed:
        stands = records.find(table, record.onboarding_id) or record
    if stands.status not in OPEN:
        raise Problem(HTTPStatus.CONFLICT, "already-final", f"The onboarding is {stands.status}.")
    return stands
