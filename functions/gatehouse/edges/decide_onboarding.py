"""POST /onboardings/{id}/decision: an approver's decision through the API."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import deciding, documents, mailing, people, settings
from gatehouse.clients import client
from gatehouse.deciding import Ballot
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    operators: str
    sender_address: str
    configuration_set: str


@api.handler
def decide_onboarding(asked: api.Request) -> api.Answer:
    """200 the record; 400, 403 not an approver or own request, 404, 409 decided or expired."""
    config = settings.load(Settings)
    choice, reason = _parse(asked.body())
    ballot = Ballot(str(asked.onboarding_id), asked.caller, choice, reason)
    directory = people.Directory.parse(config.approvers, config.operators)
    table, ses = Table(client("dynamodb"), config.table_name), client("sesv2", retries=False)
    sender = mailing.Sender(config.sender_address, config.configuration_set)
    record = deciding.decide(table, client("stepfunctions"), ses, ballot, directory, sender)
    return api.Answer(HTTPStatus.OK, record.public())


def _parse(body: bytes) -> tuple[str, str | None]:
    document = documents.parse(body, "must be a JSON object with decision and reason")
    choice, reason = document.get("decision"), document.get("reason")
    problems = documents.unknown(document, ("decision", "reason"), "a decision") + deciding.wrong(choice, reason)
    if problems:
        raise InvalidRequest(problems)
    return str(choice), reason
