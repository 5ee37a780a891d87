"""POST /onboardings: admit a request and start its execution."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import admission, catalogue, claims, executions, onboarding_request, people, profiles, settings, times
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.effective_grants import Account
from gatehouse.errors import InvalidRequest
from gatehouse.logs import logger
from gatehouse.model import FieldProblem, Requester, Status, links
from gatehouse.problems import Problem
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    state_machine_arn: str
    claim_code_key_arn: str
    approvers: str
    operators: str
    boundary_prefix: str


@api.handler
def submit_onboarding(asked: api.Request) -> api.Answer:
    """202; 400, 403, 409, 413, 422. An identical Idempotency-Key and body gets the identical 202."""
    config = settings.load(Settings)
    request = onboarding_request.parse(asked.body())
    account = Account.of(config.boundary_prefix)
    profiles.review(request, account, times.now())
    caller = asked.caller
    idempotency = _idempotency(asked.header("Idempotency-Key"), caller.key, request)
    if not catalogue.may_request(request["profile"], caller):
        detail = f"profile {request['profile']} is not for you to request."
        raise Problem(HTTPStatus.FORBIDDEN, "profile-not-allowed", detail)
    table = Table(client("dynamodb"), config.table_name)
    requester = Requester(caller.arn, caller.person, verified=True)
    directory = people.Directory.parse(config.approvers, config.operators)
    onboarding_id = admission.admit(
        table, client, str(uuid.uuid4()), request, account, requester, directory, idempotency
    )
    _start(config.state_machine_arn, onboarding_id)
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, onboarding_id, generation=1)
    accepted = {"onboarding_id": onboarding_id, "status": Status.REQUESTED.value, "claim_code": claim_code}
    return api.Answer(HTTPStatus.ACCEPTED, accepted | {"links": links(onboarding_id)})


def _idempotency(key: str | None, caller: str, request: dict[str, Any]) -> admission.Idempotency | None:
    if key is None:
        return None
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest([FieldProblem("Idempotency-Key", "must be 1 to 255 printable ASCII characters")])
    return admission.Idempotency(caller, key, request)


def _start(state_machine_arn: str, onboarding_id: str) -> None:
    """Start the execution; if that fails the record stands, and the follow-up starts it."""
    try:
        executions.start(client("stepfunctions"), state_machine_arn, onboarding_id)
    except Exception as error:
        logger().warning("not started yet", error=type(error).__name__)
