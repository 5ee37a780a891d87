"""POST /onboardings/{id}/mfa-reset: an operator asks for a reset of a member's MFA, for somebody else to approve."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import approvals, claims, deciding, documents, executions, mfa_resets, people, records, settings
from gatehouse.admission import Idempotency
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.model import Caller, Onboarding, Requester, Status, links
from gatehouse.people import Directory
from gatehouse.problems import Problem
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    mfa_reset_state_machine_arn: str
    claim_code_key_arn: str
    approvers: str
    operators: str


@api.handler
def request_mfa_reset(asked: api.Request) -> api.Answer:
    """202; 400, 403 no operator or the own user, 404, 409, 422. An Idempotency-Key works as for POST /onboardings."""
    config = settings.load(Settings)
    reason, caller = _parse(asked.body()), asked.caller
    table = Table(client("dynamodb"), config.table_name)
    directory = people.Directory.parse(config.approvers, config.operators)
    of = _require(table, str(asked.onboarding_id), caller, directory)
    requester = Requester(caller.arn, caller.person, verified=True)
    wanted = {"mfa_reset_of": of.onboarding_id, "reason": reason}
    idempotency = Idempotency.of(asked.header("Idempotency-Key"), caller.key, wanted)
    reset_id = mfa_resets.admit(table, client("iam"), str(uuid.uuid4()), of, reason, requester, directory, idempotency)
    executions.try_to_start(client("stepfunctions"), config.mfa_reset_state_machine_arn, reset_id)
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, reset_id, generation=1)
    accepted = {"onboarding_id": reset_id, "status": Status.REQUESTED.value, "claim_code": claim_code}
    return api.Answer(HTTPStatus.ACCEPTED, accepted | {"links": links(reset_id)})


def _parse(body: bytes) -> str:
    document = documents.parse(body, "must be a JSON object with reason")
    problems = documents.unknown(document, ("reason",), "a reset") + deciding.wrong_reason(document.get("reason"))
    if problems:
        raise InvalidRequest(problems)
    return str(document["reason"])


def _require(table: Table, onboarding_id: str, caller: Caller, directory: Directory) -> Onboarding:
    """The onboarding, for an operator who is not its user; raises Problem 403 or 404."""
    if caller.person not in directory.operators:
        raise Problem(HTTPStatus.FORBIDDEN, "not-an-operator", "Operators ask for a reset of MFA.")
    of = records.find(table, onboarding_id)
    if of is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
    if approvals.is_about(of, str(caller.person), directory):
        raise Problem(HTTPStatus.FORBIDDEN, "own-user", "Nobody resets their own MFA: ask another operator.")
    return of
