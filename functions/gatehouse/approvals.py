"""Who decides: pure functions, the same whatever door a decision comes through."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from http import HTTPStatus

from gatehouse.model import Approval, Caller, Decision, Onboarding, Status
from gatehouse.problems import Problem

APPROVE = "approve"
REJECT = "reject"


def decide(
    record: Onboarding,
    caller: Caller,
    choice: str,
    reason: str | None,
    now: str,
    people: Mapping[str, Collection[str]],
) -> Decision | None:
    """The decision to record, or None when this approver's same decision already counts.

    `people` maps the labels of the catalogue to person keys. Raises Problem: 403 for who must not
    decide, 409 for what is no longer to be decided.
    """
    person = _entitled(record, caller, people)
    earlier = [decision for decision in record.approval.decisions if decision.person == person]
    if record.status is not Status.PENDING_APPROVAL:
        raise Problem(HTTPStatus.CONFLICT, "not-pending-approval", f"The onboarding is {record.status}.")
    if record.cancelled_by:
        raise Problem(HTTPStatus.CONFLICT, "cancelled", f"Cancelled by {record.cancelled_by}.")
    if record.approval_expires_at is None or now >= record.approval_expires_at:
        raise Problem(HTTPStatus.CONFLICT, "decision-expired", "The time to decide is over.")
    if choice == APPROVE and earlier:
        return None
    return Decision(person, caller.arn, choice, reason, record.digest, now)


def next_status(record: Onboarding, decision: Decision) -> Status:
    """Where this decision takes the record: on, back, or nowhere yet."""
    if decision.decision == REJECT:
        return Status.ROLLING_BACK
    decided = replace(record.approval, decisions=(*record.approval.decisions, decision))
    return Status.PROVISIONING if is_approved(replace(record, approval=decided)) else record.status


def is_approved(record: Onboarding) -> bool:
    """Whether enough distinct entitled persons approved exactly this digest and nobody rejected it."""
    decisions = [decision for decision in record.approval.decisions if decision.digest == record.digest]
    approvers = {decision.person for decision in decisions if decision.decision == APPROVE}
    approvers -= {record.requester.person, record.user_name.lower()}
    return len(approvers) >= record.approval.needed and not rejection(record)


def rejection(record: Onboarding) -> Decision | None:
    """The decision that ended it, if one did."""
    return next((decision for decision in record.approval.decisions if decision.decision == REJECT), None)


def as_started(approval: Approval, verified: bool) -> Approval:
    """The approval as it applies to this start: an unverified requester always needs one."""
    return approval if verified else Approval(max(1, approval.needed), approval.approvers)


def approvers_of(approval: Approval, people: Mapping[str, Collection[str]]) -> set[str]:
    """The person keys that may decide, before the requester and the target are left out."""
    return {person for label in approval.approvers for person in people.get(label, ())}


def _entitled(record: Onboarding, caller: Caller, people: Mapping[str, Collection[str]]) -> str:
    if caller.person is None:
        raise _forbidden("not-an-approver", "Root and roles that stand for nobody in particular do not decide.")
    if caller.person in (record.requester.person, record.user_name.lower()) or caller.arn == record.requester.arn:
        raise _forbidden("own-request", "Nobody decides on a request of their own or about themselves.")
    if caller.person not in approvers_of(record.approval, people):
        raise _forbidden("not-an-approver", f"{caller.person} is no approver of this profile.")
    return caller.person


def _forbidden(slug: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, slug, detail)
