"""Begin to change the account for a record, if it holds a sufficient approval of exactly what it asks for."""

from gatehouse import approvals, records
from gatehouse.errors import NotApproved, RecordClosed, Rejected
from gatehouse.model import Onboarding, Purpose, Status
from gatehouse.table import Table


def begin(table: Table, onboarding_id: str, event: str, purpose: Purpose) -> Onboarding:
    """The record, PROVISIONING from now on. Believes the record, never who woke the machine.

    Raises NotApproved, Rejected, Cancelled, RecordClosed (changed after approval, or approved for another purpose).
    """
    try:
        record = records.advance(
            table,
            onboarding_id,
            event,
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
    require_purpose(record, purpose)
    if not approvals.is_approved(record):
        raise RecordClosed("approval: the record does not hold the decisions that its status claims")
    return record


def require_purpose(record: Onboarding, purpose: Purpose) -> None:
    """Raises RecordClosed for a record that the other state machine is for."""
    if record.purpose is not purpose:
        raise RecordClosed(f"purpose: the record is of an {record.purpose}, and this is an {purpose}")


def _say_why(record: Onboarding | None) -> None:
    if record and (rejection := approvals.rejection(record)):
        raise Rejected(f"by {rejection.person}")
    if record and record.status in (Status.REQUESTED, Status.PENDING_APPROVAL):
        raise NotApproved(f"{record.approval.needed} needed")
