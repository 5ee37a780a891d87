"""A decision is made the same way whatever door it comes through: recorded, then carried out, then told."""

from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any, TypeGuard

from gatehouse import approvals, mailing, mails, records, times, waking
from gatehouse.logs import logger
from gatehouse.mailing import Sender
from gatehouse.model import Caller, Decision, FieldProblem, Onboarding, Status
from gatehouse.people import Directory
from gatehouse.problems import Problem
from gatehouse.table import Expression, Table

LONGEST_REASON = 500

MAIL = "decided"

_LINE = f"must be one line of at most {LONGEST_REASON} printable characters without < and >"
_ATTEMPTS = 20


@dataclass(frozen=True)
class Ballot:
    """A decision as it comes through a door: `via` is the run of the runbook, None for the API.

    `choice` and `reason` are as `wrong` wants them; who the caller is was verified by AWS.
    """

    onboarding_id: str
    caller: Caller
    choice: str
    reason: str | None
    via: str | None = None


def wrong(choice: object, reason: object) -> list[FieldProblem]:
    """What is wrong with a choice and its reason, whoever made them and however they came."""
    problems = []
    if choice not in (approvals.APPROVE, approvals.REJECT):
        problems.append(FieldProblem("decision", 'must be "approve" or "reject"'))
    if not (reason is None or is_line(reason)):
        problems.append(FieldProblem("reason", f"{_LINE}, or null"))
    elif choice == approvals.REJECT and not str(reason or "").strip():
        problems.append(FieldProblem("reason", "is required to reject: say why"))
    return problems


def wrong_reason(reason: object) -> list[FieldProblem]:
    """What is wrong with a reason that has to be given."""
    if not (is_line(reason) and str(reason).strip()):
        return [FieldProblem("reason", f"{_LINE}: say why")]
    return []


def decide(
    table: Table, stepfunctions: Any, ses: Any, ballot: Ballot, directory: Directory, sender: Sender
) -> Onboarding:
    """Record the decision, wake the machine, tell people; returns the record as the decision left it.

    Raises Problem: 403 for who must not decide, 404, 409 for what is no longer to be decided, 503 after too
    many lost races. A wake-up or a mail that fails changes nothing: the follow-up wakes once more.
    """
    intent = mailing.intent()
    record = _record(table, ballot, directory, intent)
    _wake(stepfunctions, record)
    _tell(ses, table, record, directory, sender, intent)
    return record


def is_line(text: object) -> TypeGuard[str]:
    """Whether a reason is one that mails and timelines can show."""
    return isinstance(text, str) and len(text) <= LONGEST_REASON and text.isprintable() and not set(text) & set("<>")


def _record(table: Table, ballot: Ballot, directory: Directory, intent: str) -> Onboarding:
    """Decide on the record as it stands; who loses a race decides again on what then stands."""
    decision: Decision | None = None
    for _ in range(_ATTEMPTS):
        record = records.find(table, ballot.onboarding_id)
        if record is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
        if decision in record.approval.decisions:
            # Our own write took effect and its answer was lost.
            return record
        _require_unused(record, ballot.via)
        decided = approvals.decide(record, ballot.caller, ballot.choice, ballot.reason, times.now(), directory)
        if decided is None:
            return record
        decision = replace(decided, via=ballot.via)
        try:
            return _write(table, record, decision, intent)
        except table.ConditionFailed:
            continue
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many decisions at once: try again.")


def _require_unused(record: Onboarding, via: str | None) -> None:
    """One run of the runbook is one decision. Its onboarding is fixed in it, so no other record can hold it."""
    made = [decision for decision in record.approval.decisions if via and decision.via == via]
    if made:
        detail = f"This run has decided already: {made[0].decision} by {made[0].person} at {made[0].at}."
        raise Problem(HTTPStatus.CONFLICT, "used-already", detail)


def _write(table: Table, record: Onboarding, decision: Decision, intent: str) -> Onboarding:
    """Expiry, digest and the decisions already made are in the write's condition. The last one begins the mail."""
    to = approvals.next_status(record, decision)
    begun = {} if to is record.status else {f"mails_begun.{MAIL}": intent}
    return records.change(
        table,
        record.onboarding_id,
        _PAST[decision.decision],
        within={Status.PENDING_APPROVAL},
        to=to,
        sets={"approval.decisions": Expression("list_append(#approval.#decisions, :decision)"), **begun},
        by=decision.person,
        detail=decision.reason,
        only_if=(
            "#approval_expires_at > :now AND #digest = :digest AND attribute_not_exists(#cancelled_by)"
            " AND size(#approval.#decisions) = :decided"
        ),
        decision=[asdict(decision)],
        now=decision.at,
        digest=record.digest,
        decided=len(record.approval.decisions),
    )


_PAST = {approvals.APPROVE: "approved", approvals.REJECT: "rejected"}


def _wake(stepfunctions: Any, record: Onboarding) -> None:
    """Resume the machine after a final decision; if that fails the follow-up does it."""
    try:
        if record.status is Status.PROVISIONING:
            waking.succeed(stepfunctions, record)
        elif record.status is Status.ROLLING_BACK:
            waking.fail(stepfunctions, record, "Rejected", f"by {record.approval.decisions[-1].person}")
    except Exception as error:
        logger().warning("not woken yet", error=type(error).__name__)


def _tell(ses: Any, table: Table, record: Onboarding, directory: Directory, sender: Sender, intent: str) -> None:
    """Tell the requester, and the other approvers so that nobody looks at it for nothing, once it is decided."""
    if not (approvals.is_approved(record) or approvals.rejection(record)):
        return
    final = record.approval.decisions[-1]
    others = approvals.entitled(record, directory) - {final.person}
    try:
        mailing.send_once(
            ses,
            table,
            record,
            MAIL,
            _mail(record, final),
            sender=sender,
            intent=intent,
            to={directory.address(person) for person in (record.requester.person, *others)},
        )
    except Exception as error:
        logger().warning("mail not sent", mail=MAIL, error=type(error).__name__)


def _mail(record: Onboarding, final: Decision) -> mails.Mail:
    return mails.render(
        MAIL,
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        profile=record.request["profile"],
        outcome=_PAST[final.decision],
        decided_by=final.person,
        decided_at=final.at,
        reason=final.reason,
        door=f"the runbook GatehouseDecide, run {final.via}" if final.via else "the API",
        rejected=final.decision == approvals.REJECT,
        reset=record.is_reset,
        from_console=not record.requester.verified,
        application=record.is_application,
    )
