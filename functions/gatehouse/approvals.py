"""Who decides: pure functions, the same whatever door a decision comes through."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from gatehouse import catalogue
from gatehouse.model import Approval, Caller, Decision, Grants, Onboarding, Purpose, Requester, Status
from gatehouse.people import Directory
from gatehouse.problems import Problem

APPROVE = "approve"
REJECT = "reject"


def decide(
    record: Onboarding,
    caller: Caller,
    choice: str,
    reason: str | None,
    now: str,
    directory: Directory,
) -> Decision | None:
    """The decision to record, or None when this approver's same decision already counts.

    Raises Problem: 403 for who must not
    decide, 409 for what is no longer to be decided.
    """
    person = _entitled(record, caller, directory)
    earlier = [decision for decision in record.approval.decisions if directory.same(decision.person, person)]
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
    approvers -= _concerned(record)
    return _enough(record, len(approvers)) and not rejection(record)


def _enough(record: Onboarding, approvers: int) -> bool:
    """As many as the record says, and as the catalogue does: who lowers the one cannot lower the other."""
    profile = catalogue.profiles().get(record.request["profile"])
    if profile is None:
        return False
    listed = as_started(Approval(needed(profile, record.grants, record.purpose), ()), record.requester)
    return approvers >= max(record.approval.needed, listed.needed)


def needed(profile: Mapping[str, Any], grants: Grants, purpose: Purpose) -> int:
    """How many people have to agree, as the catalogue says; nobody's MFA is reset without one."""
    return max(catalogue.approvals_needed(profile, grants), 1 if purpose is Purpose.MFA_RESET else 0)


def rejection(record: Onboarding) -> Decision | None:
    """The decision that ended it, if one did."""
    return next((decision for decision in record.approval.decisions if decision.decision == REJECT), None)


def as_started(approval: Approval, requester: Requester) -> Approval:
    """The approval as it applies to this start.

    An unverified requester always needs one. Behind a role that stands for nobody in particular may be one of
    the approvers, so one more has to agree.
    """
    if not requester.verified:
        return replace(approval, needed=max(1, approval.needed))
    if requester.person is None and approval.needed:
        return replace(approval, needed=approval.needed + 1)
    return approval


def entitled(record: Onboarding, directory: Directory) -> set[str]:
    """The person keys that may decide: the profile's approvers, but nobody whom the request concerns."""
    people = {person for label in record.approval.approvers for person in directory.approvers.get(label, ())}
    return {person for person in people if not _is_concerned(record, person, directory)}


def _entitled(record: Onboarding, caller: Caller, directory: Directory) -> str:
    if caller.person is None:
        raise _forbidden("not-an-approver", "Root and roles that stand for nobody in particular do not decide.")
    if _is_concerned(record, caller.person, directory):
        raise _forbidden("own-request", "Nobody decides on a request of their own or about themselves.")
    if caller.person not in entitled(record, directory):
        raise _forbidden("not-an-approver", f"{caller.person} is no approver of this request.")
    return caller.person


def _is_concerned(record: Onboarding, person: str, directory: Directory) -> bool:
    return any(directory.same(person, concerned) for concerned in _concerned(record))


def is_about(record: Onboarding, person: str, directory: Directory) -> bool:
    """Whether this person is the user."""
    return any(directory.same(person, own) for own in _subject(record))


def _concerned(record: Onboarding) -> set[str]:
    """Who asked and whom it is about."""
    return _subject(record) | ({record.requester.person} if record.requester.person else set())


def _subject(record: Onboarding) -> set[str]:
    """The user, by user name and by mail address, its sub-address (alice+aws@…) left out."""
    email = record.request["email"].lower()
    local, _, domain = email.partition("@")
    mailbox = f"{local.partition('+')[0]}@{domain}"
    return {record.user_name.lower(), email, mailbox}


def _forbidden(slug: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, slug, detail)
