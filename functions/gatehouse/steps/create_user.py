"""CreateUser: an IAM user that has the guard from its first moment, once the approval stands."""

from dataclasses import dataclass
from typing import Any

from gatehouse import approvals, iam_users, records, settings
from gatehouse.clients import client
from gatehouse.errors import NotApproved, RecordClosed, Rejected
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def create_user(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Believes the record, never who woke the machine.

    Raises NotApproved, Rejected, RecordClosed (changed after approval), UserAlreadyExists, Cancelled.
    """
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    iam = client("iam")
    record = _approved(table, event["onboarding_id"])
    iam_users.ensure_user(
        iam,
        record.user_name,
        path=iam_users.APPLICATIONS_PATH if record.is_application else iam_users.PATH,
        onboarding_id=record.onboarding_id,
        boundary=record.grants.boundary_enrolling,
        tags=_tags(record),
    )
    if not record.is_application:
        iam_users.ensure_member(iam, record.user_name, iam_users.MEMBERS_GROUP)


def _tags(record: Onboarding) -> dict[str, str]:
    tags = {
        **record.grants.tags,
        iam_users.ID_TAG: record.onboarding_id,
        "gatehouse:profile": record.request["profile"],
        "gatehouse:expires-at": record.request["expires_at"],
    }
    if record.is_application:
        # An address may hold a percent sign, a tag's value must not.
        tags["gatehouse:owner"] = record.request["email"].replace("%", "_")
    return tags


def _approved(table: Table, onboarding_id: str) -> Onboarding:
    """Begin provisioning, if the record holds a sufficient approval of exactly what it asks for."""
    try:
        record = records.advance(
            table,
            onboarding_id,
            "create_user",
            within={Status.REQUESTED, Status.PROVISIONING},
            to=Status.PROVISIONING,
            removes=("task_token",),
            only_if="(#status = :approved OR #approval.#needed = :nobody)",
            approved=Status.PROVISIONING.value,
            nobody=0,
        )
    except RecordClosed:
        _say_why(records.find(table, onboarding_id))
        raise
    if not approvals.is_approved(record):
        raise RecordClosed("approval: the record does not hold the decisions that its status claims")
    return record


def _say_why(record: Onboarding | None) -> None:
    if record and (rejection := approvals.rejection(record)):
        raise Rejected(f"by {rejection.person}")
    if record and record.status in (Status.REQUESTED, Status.PENDING_APPROVAL):
        raise NotApproved(f"{record.approval.needed} needed")
