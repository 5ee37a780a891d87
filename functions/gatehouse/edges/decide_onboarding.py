"""POST /onboardings/{id}/decision: record an approver's decision and wake the machine."""

from dataclasses import asdict, dataclass
from http import HTTPStatus

from gatehouse import approvals, documents, people, records, settings, times, waking
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.logs import logger
from gatehouse.model import Caller, Decision, FieldProblem, Onboarding, Status
from gatehouse.problems import Problem
from gatehouse.table import Expression, Table

_ATTEMPTS = 20
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str


@api.handler
def decide_onboarding(asked: api.Request) -> api.Answer:
    """200 the record; 400, 403 not an approver or own request, 404, 409 decided or expired."""
    config = settings.load(Settings)
    choice, reason = _parse(asked.body())
    directory = people.Directory.parse(config.approvers, "")
    table = Table(client("dynamodb"), config.table_name)
    record = _record_decision(table, str(asked.onboarding_id), asked.caller, choice, reason, directory)
    _wake(record)
    return api.Answer(HTTPStatus.OK, record.public())


def _parse(body: bytes) -> tuple[str, str | None]:
    document = documents.parse(body, "must be a JSON object with decision and reason")
    choice, reason = document.get("decision"), document.get("reason")
    problems = documents.unknown(document, ("decision", "reason"), "a decision")
    if choice not in (approvals.APPROVE, approvals.REJECT):
        problems.append(FieldProblem("decision", 'must be "approve" or "reject"'))
    if not (reason is None or _is_line(reason)):
        rule = f"must be one line of at most {_LONGEST_REASON} characters without < and >, or null"
        problems.append(FieldProblem("reason", rule))
    elif choice == approvals.REJECT and not (reason or "").strip():
        problems.append(FieldProblem("reason", "is required to reject: say why"))
    if problems:
        raise InvalidRequest(problems)
    return str(choice), reason


def _is_line(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _LONGEST_REASON and text.isprintable() and not set(text) & set("<>")


def _record_decision(
    table: Table,
    onboarding_id: str,
    caller: Caller,
    choice: str,
    reason: str | None,
    directory: people.Directory,
) -> Onboarding:
    """Decide on the record as it stands; who loses a race decides again on what then stands."""
    decision: Decision | None = None
    for _ in range(_ATTEMPTS):
        record = records.find(table, onboarding_id)
        if record is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
        if decision in record.approval.decisions:
            # Our own write took effect and its answer was lost.
            return record
        decision = approvals.decide(record, caller, choice, reason, times.now(), directory)
        if decision is None:
            return record
        try:
            return _write(table, record, decision)
        except table.ConditionFailed:
            continue
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many decisions at once: try again.")


def _write(table: Table, record: Onboarding, decision: Decision) -> Onboarding:
    """Expiry, digest and the decisions already made are in the write's condition."""
    return records.change(
        table,
        record.onboarding_id,
        {approvals.APPROVE: "approved", approvals.REJECT: "rejected"}[decision.decision],
        within={Status.PENDING_APPROVAL},
        to=approvals.next_status(record, decision),
        sets={"approval.decisions": Expression("list_append(#approval.#decisions, :decision)")},
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


def _wake(record: Onboarding) -> None:
    """Resume the machine after a final decision; if that fails the follow-up does it."""
    stepfunctions = client("stepfunctions")
    try:
        if record.status is Status.PROVISIONING:
            waking.succeed(stepfunctions, record)
        elif record.status is Status.ROLLING_BACK:
            waking.fail(stepfunctions, record, "Rejected", f"by {record.approval.decisions[-1].person}")
    except Exception as error:
        logger().warning("not woken yet", error=type(error).__name__)
