"""POST /onboardings/{id}/reissue: an operator has a password or an access key replaced; the old one is dead at once."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import (
    claims,
    deciding,
    documents,
    iam_users,
    issuing,
    mailing,
    mails,
    people,
    records,
    settings,
    times,
)
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest, MfaNotEnrolled, RecordClosed
from gatehouse.logs import logger
from gatehouse.model import Caller, FieldProblem, Onboarding, Status
from gatehouse.problems import Problem
from gatehouse.table import Table

NEEDED_ACCESS = {"password": "console", "access_key": "programmatic"}
"""What can be issued anew, and the access that must have been granted for it."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    operators: str
    approvers: str
    sender_address: str
    configuration_set: str
    claim_code_key_arn: str
    issue_password_function: str
    send_sign_in_instructions_function: str
    complete_onboarding_function: str


@api.handler
def reissue_secret(asked: api.Request) -> api.Answer:
    """200 `{claim_code, claim_expires_at}`; 400, 403 no operator or for oneself, 404, 409, 429, 502."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    directory = people.Directory.parse(config.approvers, config.operators)
    what, reason = _parse(asked.body())
    record = _authorized(table, str(asked.onboarding_id), asked.caller, directory)
    record = _next_generation(table, record, what, reason, asked.caller.key)
    _issue(record, what, config)
    record = _settled(table, record)
    sender = mailing.Sender(config.sender_address, config.configuration_set)
    _tell(table, record, what, reason, asked.caller.key, directory, sender)
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, record.onboarding_id, record.generation)
    return api.Answer(HTTPStatus.OK, {"claim_code": claim_code, "claim_expires_at": record.claim_expires_at})


def _parse(body: bytes) -> tuple[str, str]:
    document = documents.parse(body, "must be a JSON object with what and reason")
    what, reason = document.get("what"), document.get("reason")
    problems = documents.unknown(document, ("what", "reason"), "a re-issue")
    if not isinstance(what, str) or what not in NEEDED_ACCESS:
        problems.append(FieldProblem("what", 'must be "password" or "access_key"'))
    if not (deciding.is_line(reason) and reason.strip()):
        rule = f"must say why, in one line of at most {deciding.LONGEST_REASON} printable characters without < and >"
        problems.append(FieldProblem("reason", rule))
    if problems:
        raise InvalidRequest(problems)
    return str(what), str(reason)


def _authorized(table: Table, onboarding_id: str, caller: Caller, directory: people.Directory) -> Onboarding:
    """The record, if an operator asks, and not for the own user: the code is for who hands it over."""
    if caller.person is None or caller.person not in directory.operators:
        raise Problem(HTTPStatus.FORBIDDEN, "not-an-operator", "Only an operator has anything issued anew.")
    record = records.find(table, onboarding_id)
    if record is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
    if directory.same(caller.person, record.user_name.lower()):
        raise Problem(HTTPStatus.FORBIDDEN, "own-user", "Another operator has to do it for you.")
    return record


def _next_generation(table: Table, record: Onboarding, what: str, reason: str, by: str) -> Onboarding:
    _require_possible(table, record, what)
    try:
        return issuing.next_generation(
            table,
            record,
            what,
            "reissued",
            within={Status.COMPLETE},
            sets={"reissuing": what},
            by=by,
            detail=f"{what}: {reason}",
        )
    except table.TransactionCancelled:
        _require_possible(table, records.find(table, record.onboarding_id) or record, what)
        raise _changed() from None


def _require_possible(table: Table, record: Onboarding, what: str) -> None:
    """Raises Problem 409 for what cannot be issued anew, 429 too soon after the last time."""
    if record.is_reset:
        raise _conflict("is-a-reset", f"This is a reset: ask for it by the onboarding, {record.of}.")
    if record.status is not Status.COMPLETE:
        raise _conflict("not-complete", f"The onboarding is {record.status}.")
    if NEEDED_ACCESS[what] not in record.request["access"]:
        raise _conflict("not-granted", f"The user was never given {NEEDED_ACCESS[what]} access.")
    if times.parse(record.request["expires_at"]) <= times.parse(times.now()):
        raise _conflict("ended", f"The access ended at {record.request['expires_at']}.")
    if iam_users.own(client("iam"), record.user_name, record.onboarding_id) is None:
        raise _conflict("user-gone", "The user is gone, or is not this onboarding's any more.")
    if records.holder(table, record.user_name) not in (None, record.onboarding_id):
        # What is under way issues a password of its own, and may have put the user back before MFA.
        raise _conflict("under-way", "Something else is under way for this user: wait for its end.")
    issuing.require_pause(record)


def _issue(record: Onboarding, what: str, config: Settings) -> None:
    """Those that issued the first one issue this one: no other function may touch passwords, keys and links."""
    functions = {
        "password": (config.issue_password_function, config.send_sign_in_instructions_function),
        "access_key": (config.complete_onboarding_function,),
    }
    refusals = {
        RecordClosed.__name__: _changed(),
        MfaNotEnrolled.__name__: _conflict("no-mfa", "The user has no MFA device: a key would open nothing."),
    }
    for function in functions[what]:
        issuing.ask(client("lambda"), function, record.onboarding_id, refusals)


def _settled(table: Table, record: Onboarding) -> Onboarding:
    """From now on nobody issues anything for this record, unless an operator asks once more."""
    try:
        return records.change(
            table,
            record.onboarding_id,
            None,
            within={Status.COMPLETE},
            removes=("reissuing",),
            only_if="#generation = :generation",
            generation=record.generation,
        )
    except table.ConditionFailed:
        raise _changed() from None


def _tell(
    table: Table,
    record: Onboarding,
    what: str,
    reason: str,
    by: str,
    directory: people.Directory,
    sender: mailing.Sender,
) -> None:
    """Tell user and requester. A mail that fails undoes nothing: it is logged."""
    content: dict[str, Any] = {
        "onboarding_id": record.onboarding_id,
        "user_name": record.user_name,
        "thing": what.replace("_", " "),
        "reissued_by": by,
        "reissued_at": record.resent_at,
        "reason": reason,
    }
    to = {record.request["email"], directory.address(record.requester.person)}
    name, mail = f"reissued_{record.generation}", mails.render("reissued", **content)
    try:
        mailing.send_once(client("sesv2", retries=False), table, record, name, mail, sender=sender, to=to)
    except Exception as error:
        logger().warning("mail not sent", mail=name, error=type(error).__name__)


def _conflict(slug: str, detail: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, slug, detail)


def _changed() -> Problem:
    return _conflict("changed-meanwhile", "The onboarding changed meanwhile.")
