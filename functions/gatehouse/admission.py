"""Admit a request: record, lock and idempotency key come into being in one transaction, or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any, Self

from gatehouse import approvals, catalogue, chosen_password, iam_users, onboarding_request, records, times
from gatehouse.clients import aws_errors
from gatehouse.effective_grants import Account
from gatehouse.errors import InvalidRequest, Throttled, TransientFault, UserAlreadyExists
from gatehouse.logs import logger
from gatehouse.model import FieldProblem, Onboarding, Requester, Status, TimelineEntry
from gatehouse.people import Directory
from gatehouse.problems import Problem
from gatehouse.profiles import Review, fingerprint, review
from gatehouse.table import Table

IDEMPOTENCY_SECONDS = times.DAY

_ATTEMPTS = 8

AwsClients = Callable[[str], Any]
"""Gives the client of a service: most requests need IAM's only."""


def admit(
    table: Table,
    aws: AwsClients,
    onboarding_id: str,
    request: Mapping[str, Any],
    account: Account,
    requester: Requester,
    directory: Directory,
    idempotency: "Idempotency | None" = None,
) -> str:
    """The id of the admitted onboarding: `onboarding_id`, or that of an earlier identical request.

    Raises Problem: 409 when the user exists or is being onboarded, 422 when the idempotency key stands
    for another request; InvalidRequest where the catalogue does not allow it, where not enough people could
    approve it, where the name differs from such a user's only in case, or is the person key of somebody who
    decides, operates or may request: who had it would pass for that person.
    """

    def make() -> Onboarding:
        if taken := _existing(aws("iam"), request["user_name"]):
            raise _taken(request["user_name"], taken, "user-exists", "exists already")
        if request["user_name"].lower() in directory.everybody | catalogue.named_requesters():
            rule = "is the person key of an approver, an operator or a requester: choose another"
            raise InvalidRequest([FieldProblem("user_name", rule)])
        return _record(onboarding_id, _look_up(aws, request, account), requester, directory)

    return once(table, make, idempotency)


def once(table: Table, make: Callable[[], Onboarding], idempotency: "Idempotency | None") -> str:
    """Write the record that `make` makes, with its lock; the id of it, or of an earlier identical request's.

    Raises Problem: 409 when something is under way for this name, 422 when the idempotency key stands for another
    request, 503 after too many lost races; and what `make` raises.
    """
    for _ in range(_ATTEMPTS):
        if idempotency and (earlier := idempotency.earlier(table)):
            return earlier
        record = make()
        try:
            table.transact(
                *records.creation(table, record), *(idempotency.writes(table, record) if idempotency else ())
            )
        except (table.TransactionCancelled, TransientFault):
            # Lost a race: to the same request (found in the next round) or to another for this name.
            if idempotency is None or not idempotency.earlier(table):
                _refuse_if_locked(table, record)
            continue
        return record.onboarding_id
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many requests for this user at once: try again.")


def admit_from_console(
    table: Table, aws: AwsClients, onboarding_id: str, document: object, account: Account, directory: Directory
) -> None:
    """Write the record of an execution that was started by hand with a request as its input.

    Raises InvalidRequest or UserAlreadyExists; then nothing is written.
    """
    if not records.is_id(onboarding_id):
        rule = "must be 1 to 80 letters, digits, - and _, beginning with a letter or digit"
        raise InvalidRequest([FieldProblem("execution name", rule)])
    request = onboarding_request.canonical(document)
    review(request, account, times.now())
    try:
        admit(table, aws, onboarding_id, request, account, Requester(None, None, verified=False), directory)
    except Problem as problem:
        raise UserAlreadyExists(str(problem)) from None


def belongs_to(table: Table, onboarding_id: str, execution_arn: str) -> bool:
    """Whether a record was written by this very execution, started by hand, in an earlier try."""
    record = records.find(table, onboarding_id)
    return record is not None and not record.requester.verified and record.execution_arn in (None, execution_arn)


class Idempotency:
    """An `Idempotency-Key` of one caller: for 24 hours it stands for one request."""

    def __init__(self, caller: str, key: str, request: dict[str, Any]) -> None:
        self._key = f"idempotency#{fingerprint([caller, key])}"
        self._fingerprint = fingerprint(request)

    @classmethod
    def of(cls, key: str | None, caller: str, request: dict[str, Any]) -> Self | None:
        """From the header; raises InvalidRequest."""
        if key is None:
            return None
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise InvalidRequest([FieldProblem("Idempotency-Key", "must be 1 to 255 printable ASCII characters")])
        return cls(caller, key, request)

    def earlier(self, table: Table) -> str | None:
        """The onboarding the key stands for; raises Problem 422 when it stands for another request."""
        row = table.get(self._key)
        if row is None or row["expires_at"] <= times.now():
            return None
        if row["fingerprint"] != self._fingerprint:
            detail = "This Idempotency-Key was used with another request within 24 hours: use a new one."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
        return str(row["onboarding_id"])

    def writes(self, table: Table, record: Onboarding) -> list[dict[str, Any]]:
        expires_at = times.after(record.created_at, IDEMPOTENCY_SECONDS)
        row = {
            "pk": self._key,
            "fingerprint": self._fingerprint,
            "onboarding_id": record.onboarding_id,
            "expires_at": expires_at,
            "ttl": int(times.parse(expires_at).timestamp()),
        }
        free = "attribute_not_exists(pk) OR expires_at <= :now"
        return [table.putting(row, only_if=free, now=record.created_at)]


def _existing(iam: Any, user_name: str) -> str | None:
    """The user of that name. Where IAM is throttled nobody knows, and nobody is kept out: CreateUser will tell."""
    try:
        with aws_errors():
            return iam_users.same_name(iam, user_name)
    except Throttled:
        logger().warning("not known whether the user exists")
        return None


def _look_up(aws: AwsClients, request: Mapping[str, Any], account: Account) -> Review:
    """The review with what only the account can tell: a user to copy from, a secret with a chosen password."""
    problems, copied = [], None
    if (source := request["copy_from"]) is not None:
        copied = iam_users.permissions(aws("iam"), source)
        if copied is None:
            problems.append(FieldProblem("copy_from", f"must be a user that exists: there is no {source}"))
    if (arn := request["password_secret_arn"]) is not None:
        wrong = chosen_password.problem(aws("secretsmanager"), arn, request["user_name"])
        problems += [FieldProblem("password_secret_arn", wrong)] if wrong else []
    if problems:
        raise InvalidRequest(problems)
    return review(request, account, times.now(), copied)


def _record(onboarding_id: str, reviewed: Review, requester: Requester, directory: Directory) -> Onboarding:
    now = times.now()
    record = Onboarding(
        onboarding_id=onboarding_id,
        status=Status.REQUESTED,
        request=reviewed.request,
        digest=reviewed.digest,
        grants=reviewed.grants,
        requester=requester,
        approval=approvals.as_started(reviewed.approval, requester),
        created_at=now,
        updated_at=now,
        timeline=(TimelineEntry(now, "requested", requester.key or "console"),),
    )
    return with_entitled(record, directory)


def with_entitled(record: Onboarding, directory: Directory) -> Onboarding:
    """The record with those who could decide on it; raises InvalidRequest where they are too few."""
    entitled = tuple(sorted(approvals.entitled(record, directory)))
    if directory.count(entitled) < record.approval.needed:
        who = ", ".join(entitled) or "nobody"
        rule = f"needs {record.approval.needed} approvals, and only these could give one: {who}"
        raise InvalidRequest([FieldProblem("profile", rule)])
    return replace(record, approval=replace(record.approval, entitled=entitled))


def _refuse_if_locked(table: Table, record: Onboarding) -> None:
    holder = records.holder(table, record.user_name)
    if holder and holder != record.onboarding_id and (held := records.find(table, holder)):
        if held.is_reset:
            raise _taken(record.user_name, held.user_name, "mfa-being-reset", "has a reset of MFA under way")
        raise _taken(record.user_name, held.user_name, "user-being-onboarded", "is being onboarded already")


def _taken(user_name: str, by: str, slug: str, why: str) -> Exception:
    """A name that differs only in case is no other name: the request is wrong, not merely too late."""
    if user_name != by:
        return InvalidRequest([FieldProblem("user_name", f"differs only in case from {by}, who {why}")])
    problem = FieldProblem("user_name", why)
    return Problem(HTTPStatus.CONFLICT, slug, f"user_name {by} {why}.", errors=[asdict(problem)])
