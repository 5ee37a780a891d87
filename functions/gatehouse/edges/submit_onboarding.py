"""POST /onboardings: admit a request and start its execution."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import admission, catalogue, claims, executions, onboarding_request, people, profiles, settings, times
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.effective_grants import Account
from gatehouse.model import Requester, Status, links
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
    idempotency = admission.Idempotency.of(asked.header("Idempotency-Key"), caller.key, request)
    if not catalogue.may_request(request["profile"], caller):
        detail = f"profile {request['profile']} is not for you to request."
        raise Problem(HTTPStatus.FORBIDDEN, "profile-not-allowed", detail)
    table = Table(client("dynamodb"), config.table_name)
    requester = Requester(caller.arn, caller.person, verified=True)
    directory = people.Directory.parse(config.approvers, config.operators)
    onboarding_id = admission.admit(
        table, client, str(uuid.uuid4()), request, account, requester, directory, idempotency
    )
    executions.try_to_start(client("stepfunctions"), config.state_machine_arn, onboarding_id)
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, onboarding_id, generation=1)
    accepted = {"onboarding_id": onboarding_id, "status": Status.REQUESTED.value, "claim_code": claim_code}
    return api.Answer(HTTPStatus.ACCEPTED, accepted | {"links": links(onboarding_id)})
