"""POST /users/{name}/restore: an operator puts back what stood before a user was suspended or restricted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import deciding, documents, mailing, people, settings
from gatehouse.clients import client
from gatehouse.compliance import cases, live, restricting, telling
from gatehouse.compliance.cases import Busy, Case
from gatehouse.compliance.live import Live
from gatehouse.compliance.restricting import ChangedMeanwhile, Policies
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.logs import logger
from gatehouse.model import Caller, FieldProblem
from gatehouse.problems import Problem
from gatehouse.table import Table

ACTS = ("suspension", "restriction")
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Settings:
    table_name: str
    boundary_prefix: str
    approvers: str
    operators: str
    sender_address: str
    configuration_set: str


@api.handler
def restore_user(asked: api.Request) -> api.Answer:
    """200 `{user_name, put_back: [in words], stands}`; 400, 403 no operator or the own user, 404, 409.

    Puts back what was done last: who was restricted and then suspended is restricted again, which `stands` says. With
    `what` in the body it is that or nothing, so that a repeated call does no more than the first.
    """
    config = settings.load(Settings)
    what, reason = _parse(asked.body())
    user_name, caller = str(asked.user_name), asked.caller
    _authorize(user_name, caller, people.Directory.parse(config.approvers, config.operators))
    iam, table = client("iam"), Table(client("dynamodb"), config.table_name)
    policies = Policies.of(config.boundary_prefix)
    seen = _look(iam, table, user_name)
    _require_standing(cases.find(table, user_name), seen, what)
    try:
        with cases.held(table, user_name, seen.user_id) as case:
            # Somebody may have acted since: only now nobody else does.
            seen = _look(iam, table, user_name)
            ended = _require_standing(case, seen, what)
            case, put_back = restricting.restore(iam, table, case, seen, policies, ended)
            logger().info("restored", user_name=user_name, what=ended, by=caller.key, reason=reason)
            _tell(table, case, seen, put_back, reason, config, policies)
    except Busy as error:
        raise Problem(HTTPStatus.CONFLICT, "busy", f"{error}: try again in a few minutes.") from None
    except ChangedMeanwhile as error:
        raise Problem(HTTPStatus.CONFLICT, "user-changed", f"{error}: nothing was put back.") from None
    return api.Answer(HTTPStatus.OK, {"user_name": user_name, "put_back": put_back, "stands": case.stands})


def _parse(body: bytes) -> tuple[str | None, str | None]:
    """What is to be ended and why; a request without a body says neither."""
    document: Mapping[str, Any] = documents.parse(body, "must be a JSON object, or nothing") if body else {}
    what, reason = document.get("what"), document.get("reason")
    problems = documents.unknown(document, ("what", "reason"), "a restore")
    if what is not None and (not isinstance(what, str) or what not in ACTS):
        problems.append(FieldProblem("what", 'must be "suspension" or "restriction"'))
    if reason is not None:
        problems += deciding.wrong_reason(reason)
    if problems:
        raise InvalidRequest(problems)
    return what, reason


def _authorize(user_name: str, caller: Caller, directory: people.Directory) -> None:
    if caller.person is None or caller.person not in directory.operators:
        raise Problem(HTTPStatus.FORBIDDEN, "not-an-operator", "Only an operator puts back what a user could do.")
    if directory.same(caller.person, user_name.lower()):
        raise Problem(HTTPStatus.FORBIDDEN, "own-user", "Another operator has to do it for you.")


def _look(iam: Any, table: Table, user_name: str) -> Live:
    seen = live.look(iam, table, user_name) if _NAME.fullmatch(user_name) else None
    if seen is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no user of that name.")
    return seen


def _require_standing(case: Case | None, seen: Live, what: str | None) -> str:
    """What is to be ended. Raises Problem 409 where nothing of that is to be put back for this very user."""
    if case and case.user_id != seen.user_id:
        detail = f"{seen.user_name} is another user than the one on whom Gatehouse acted: nothing is put back for it."
        raise Problem(HTTPStatus.CONFLICT, "user-changed", detail)
    stands = case and (case.restoring or case.stands)
    if not stands:
        detail = "Gatehouse has neither restricted nor suspended this user, or has put it back already."
        raise Problem(HTTPStatus.CONFLICT, "nothing-to-restore", detail)
    if what not in (None, stands):
        raise Problem(HTTPStatus.CONFLICT, "nothing-to-restore", f"What stands, and ends first, is the {stands}.")
    if stands == "restriction" and seen.under_way:
        detail = f"An onboarding or a reset is under way for this user ({seen.under_way}), which lets it enrol only."
        raise Problem(HTTPStatus.CONFLICT, "under-way", detail)
    return stands


def _tell(
    table: Table, case: Case, seen: Live, put_back: list[str], reason: str | None, config: Settings, policies: Policies
) -> None:
    content = {
        "at": case.restored_at,
        "reason": reason or "an operator asked for it",
        "put_back": put_back,
        "restricted": case.restriction is not None,
    }
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    telling.tell(ses, table, case, seen, telling.RESTORED, content, sender, policies.account_id)
