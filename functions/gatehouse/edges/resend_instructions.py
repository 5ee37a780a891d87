"""POST /onboardings/{id}/resend: a new password, a new link, a new code; the old ones are dead at once."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import claims, issuing, ownership, people, records, settings
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import Cancelled, RecordClosed
from gatehouse.model import Onboarding, Status
from gatehouse.problems import Problem
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    operators: str
    claim_code_key_arn: str
    issue_password_function: str
    send_sign_in_instructions_function: str


@api.handler
def resend_instructions(asked: api.Request) -> api.Answer:
    """200 `{claim_code, claim_expires_at}`; 403 somebody else's, 404, 409 unless PENDING_MFA, 429, 502."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    onboarding_id = str(asked.onboarding_id)
    operators = people.Directory.parse("{}", config.operators).operators
    record = ownership.require(table, onboarding_id, asked.caller, operators)
    record = _next_generation(table, record, asked.caller.key)
    ended = Problem(HTTPStatus.CONFLICT, "not-pending-mfa", "The onboarding ended meanwhile.")
    refusals = {Cancelled.__name__: ended, RecordClosed.__name__: ended}
    # The issuing and the mailing function alone may touch passwords and send mails: they are asked to.
    for function in (config.issue_password_function, config.send_sign_in_instructions_function):
        issuing.ask(client("lambda"), function, onboarding_id, refusals)
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, onboarding_id, record.generation)
    sent = records.find(table, onboarding_id)
    claim_expires_at = sent.claim_expires_at if sent else None
    return api.Answer(HTTPStatus.OK, {"claim_code": claim_code, "claim_expires_at": claim_expires_at})


def _next_generation(table: Table, record: Onboarding, by: str) -> Onboarding:
    """A password issued while CompleteOnboarding runs would outlive the onboarding, so none is issued then."""
    _require_due(record)
    try:
        return issuing.next_generation(
            table,
            record,
            "password",
            "resend",
            within={Status.PENDING_MFA},
            by=by,
            only_if=" AND attribute_not_exists(#completing)",
        )
    except table.TransactionCancelled:
        _require_due(records.find(table, record.onboarding_id) or record)
        raise Problem(HTTPStatus.CONFLICT, "changed-meanwhile", "The onboarding changed meanwhile.") from None


def _require_due(record: Onboarding) -> None:
    if record.status is not Status.PENDING_MFA or record.cancelled_by:
        detail = f"The onboarding is {'cancelled' if record.cancelled_by else record.status}."
        raise Problem(HTTPStatus.CONFLICT, "not-pending-mfa", detail)
    issuing.require_pause(record)
