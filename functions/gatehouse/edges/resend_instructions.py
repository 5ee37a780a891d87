"""POST /onboardings/{id}/resend: a new password, a new link, a new code; the old ones are dead at once."""

import json
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import claims, ownership, people, records, settings, times
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import Cancelled, RecordClosed
from gatehouse.model import Onboarding, Status
from gatehouse.problems import Problem
from gatehouse.table import Table

MINIMUM_INTERVAL = 60
"""Seconds between two resends of one onboarding."""


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
    # The issuing and the mailing function alone may touch passwords and send mails: they are asked to.
    for function in (config.issue_password_function, config.send_sign_in_instructions_function):
        _invoke(function, {"onboarding_id": onboarding_id})
    claim_code = claims.code(client("kms"), config.claim_code_key_arn, onboarding_id, record.generation)
    sent = records.find(table, onboarding_id)
    claim_expires_at = sent.claim_expires_at if sent else None
    return api.Answer(HTTPStatus.OK, {"claim_code": claim_code, "claim_expires_at": claim_expires_at})


def _next_generation(table: Table, record: Onboarding, by: str) -> Onboarding:
    """Withdraw the open claim and count one up, in one transaction, unless it is too soon or too late.

    A password issued while CompleteOnboarding runs would outlive the onboarding.
    """
    _require_due(record)
    now = times.now()
    written = records.changing(
        "resend",
        within={Status.PENDING_MFA},
        sets={"generation": record.generation + 1, "resent_at": now},
        by=by,
        only_if=(
            "#generation = :generation AND attribute_not_exists(#cancelled_by) AND attribute_not_exists(#completing)"
            " AND (attribute_not_exists(#resent_at) OR #resent_at <= :due)"
            # Whoever replaces the unclaimed password of this generation must not replace that of the next.
            " AND (attribute_not_exists(#expiring_until) OR #expiring_until <= :now)"
        ),
        now=now,
        generation=record.generation,
        due=times.after(now, -MINIMUM_INTERVAL),
    )
    open_claim = record.claims.get("password")
    try:
        table.transact(
            table.updating(records.key(record.onboarding_id), removes=("claims.password",), **written),
            *([records.withdrawal(table, open_claim)] if open_claim else []),
        )
    except table.TransactionCancelled:
        _require_due(records.find(table, record.onboarding_id) or record)
        raise Problem(HTTPStatus.CONFLICT, "changed-meanwhile", "The onboarding changed meanwhile.") from None
    found = records.find(table, record.onboarding_id)
    return found or record


def _require_due(record: Onboarding) -> None:
    if record.status is not Status.PENDING_MFA or record.cancelled_by:
        detail = f"The onboarding is {'cancelled' if record.cancelled_by else record.status}."
        raise Problem(HTTPStatus.CONFLICT, "not-pending-mfa", detail)
    if record.resent_at:
        _require_past(times.after(record.resent_at, MINIMUM_INTERVAL), "Sent a moment ago")
    if record.expiring_until:
        _require_past(record.expiring_until, "The password that nobody claimed is being replaced")


def _require_past(moment: str, why: str) -> None:
    """Raises Problem 429 with the seconds until then."""
    seconds = (times.parse(moment) - times.parse(times.now())).total_seconds()
    if seconds > 0:
        wait = math.ceil(seconds)
        problem = Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-soon", f"{why}: try again in {wait} s.")
        problem.headers["Retry-After"] = str(wait)
        raise problem


def _invoke(function: str, payload: dict[str, Any]) -> None:
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    if "FunctionError" in answer:
        error = json.loads(answer["Payload"].read()).get("errorType", "Unknown")
        if error in (Cancelled.__name__, RecordClosed.__name__):
            raise Problem(HTTPStatus.CONFLICT, "not-pending-mfa", "The onboarding ended meanwhile.")
        again = f"resend again in {MINIMUM_INTERVAL} s"
        detail = f"The old link is dead and the new one could not be made ({error}): {again}."
        raise Problem(HTTPStatus.BAD_GATEWAY, "not-sent", detail)
