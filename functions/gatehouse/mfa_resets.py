"""Ask for a reset of a member's MFA: a record of its own, approved as a request is, that grants nothing new."""

from http import HTTPStatus
from typing import Any

from gatehouse import admission, approvals, catalogue, iam_users, profiles, records, times
from gatehouse.admission import Idempotency
from gatehouse.errors import InvalidRequest
from gatehouse.model import Approval, Onboarding, Purpose, Requester, Status, TimelineEntry
from gatehouse.people import Directory
from gatehouse.problems import Problem
from gatehouse.table import Table


def admit(
    table: Table,
    iam: Any,
    reset_id: str,
    of: Onboarding,
    reason: str,
    requester: Requester,
    directory: Directory,
    idempotency: Idempotency | None = None,
) -> str:
    """The id of the admitted reset: `reset_id`, or that of an earlier identical request.

    Raises Problem: 409 where there is nothing to reset, nobody to approve it, or something under way for this user;
    422 when the idempotency key stands for another request.
    """

    def make() -> Onboarding:
        _require_member(iam, of)
        try:
            return admission.with_entitled(_record(reset_id, of, reason, requester), directory)
        except InvalidRequest as error:
            raise _refused(str(error)) from None

    return admission.once(table, make, idempotency)


def _record(reset_id: str, of: Onboarding, reason: str, requester: Requester) -> Onboarding:
    """Grants and end are those that were approved then. The password is a generated one, to be changed at once."""
    profile = catalogue.profiles().get(of.request["profile"])
    if profile is None:
        raise _refused(f"The catalogue has no profile {of.request['profile']} any more.")
    request = {**of.request, "justification": reason, "password_secret_arn": None, "require_password_reset": True}
    approval = Approval(approvals.needed(profile, of.grants, Purpose.MFA_RESET), tuple(profile["approvers"]))
    now = times.now()
    return Onboarding(
        onboarding_id=reset_id,
        status=Status.REQUESTED,
        purpose=Purpose.MFA_RESET,
        of=of.onboarding_id,
        request=request,
        digest=profiles.digest(request, of.grants, Purpose.MFA_RESET, of.onboarding_id),
        grants=of.grants,
        requester=requester,
        approval=approvals.as_started(approval, requester),
        created_at=now,
        updated_at=now,
        timeline=(TimelineEntry(now, "requested", str(requester.key)),),
    )


def _require_member(iam: Any, of: Onboarding) -> None:
    if of.is_reset:
        raise _refused(f"This is a reset: ask for another one by the onboarding, {of.of}.")
    if of.status is not Status.COMPLETE:
        raise _refused(f"The onboarding is {of.status}.")
    if of.is_application:
        raise _refused("An application has no MFA.")
    if not records.is_unchanged(of):
        raise _refused("The record was changed after it was approved.")
    if of.request["expires_at"] <= times.now():
        raise _refused(f"The access ended at {of.request['expires_at']}.")
    user = iam_users.own(iam, of.user_name, of.onboarding_id)
    if user is None or iam_users.boundary_of(user) not in (of.grants.boundary_enrolling, of.grants.boundary_member):
        raise _refused(f"user_name {of.user_name} is no user of this onboarding any more, or not under its guard.")


def _refused(detail: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, "not-resettable", detail)
