"""POST /claim: reveal a secret once, to who has both the link and the code."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import access_keys, claims, documents, records, secret_store, settings, times
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.logs import logger
from gatehouse.model import ANY, FieldProblem, Status
from gatehouse.problems import Problem
from gatehouse.table import Expression, Table

_LATE = {
    "used": "It was used already. If that was not you, tell who requested your access.",
    "withdrawn": "It was withdrawn: a newer one was sent, or the onboarding ended.",
    "burnt": "The code was wrong too often. Ask for the instructions to be sent again.",
    "expired": "It is too old. Ask for the instructions to be sent again.",
}


@dataclass(frozen=True)
class Settings:
    table_name: str
    claim_code_key_arn: str


@api.handler
def claim_secret(asked: api.Request) -> api.Answer:
    """200 the secret, once; 400, 403 `{attempts_left}`, 404, 410 used, burnt, expired or withdrawn."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    token, code = _parse(asked.body())
    # An attempt is taken before it is compared, so that many at once are not more than five.
    row = _take_attempt(table, token)
    expected = claims.code(client("kms"), config.claim_code_key_arn, row["onboarding_id"], row["generation"])
    if not claims.same_code(code, expected):
        detail = "The code is wrong."
        raise Problem(HTTPStatus.FORBIDDEN, "wrong-code", detail, attempts_left=row["attempts_left"])
    _mark_used(table, row)
    try:
        answer = _reveal(row)
    except Exception:
        _give_back(table, row)
        raise
    logger().info("claimed", onboarding_id=row["onboarding_id"], kind=row["kind"])
    return api.Answer(HTTPStatus.OK, answer)


def _parse(body: bytes) -> tuple[str, str]:
    document = documents.parse(body, "must be a JSON object with token and code")
    problems = documents.unknown(document, ("token", "code"), "a claim")
    problems += [
        FieldProblem(name, "must be text") for name in ("token", "code") if not isinstance(document.get(name), str)
    ]
    if problems:
        raise InvalidRequest(problems)
    if not claims.is_token(document["token"]):
        raise _unknown()
    return document["token"], document["code"]


def _take_attempt(table: Table, token: str) -> dict[str, Any]:
    """The claim's row with one attempt less; raises Problem 404 or 410."""
    now = times.now()
    try:
        return table.update(
            records.claim_key(claims.token_hash(token)),
            sets={"attempts_left": Expression("#attempts_left - :one")},
            only_if="#state = :open AND #attempts_left > :none AND #expires_at > :now",
            one=1,
            open="open",
            none=0,
            now=now,
        )
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure)
    if stood is None:
        raise _unknown()
    if stood["state"] == "open":
        raise _late("expired" if stood["expires_at"] <= now else "burnt")
    raise _late(stood["state"])


def _mark_used(table: Table, row: dict[str, Any]) -> None:
    """Claim and record change together: of many with the right code, one goes on."""
    claim_hash = row["pk"].removeprefix("claim#")
    what = row["kind"]
    written = records.changing(
        f"{what}_claimed",
        within={Status.PROVISIONING, Status.PENDING_MFA} | ({Status.COMPLETE} if what == "access_key" else set()),
        by="claim",
        only_if=f"#claims.#{what} = :claim AND attribute_not_exists(#cancelled_by)",
        claim=claim_hash,
    )
    try:
        table.transact(
            table.updating(row["pk"], sets={"state": "used"}, only_if="#state = :open", open="open"),
            table.updating(records.key(row["onboarding_id"]), removes=(f"claims.{what}",), **written),
        )
    except table.TransactionCancelled:
        now_stands = table.get(row["pk"]) or {"state": "used"}
        raise _late("withdrawn" if now_stands["state"] == "open" else now_stands["state"]) from None


def _reveal(row: dict[str, Any]) -> dict[str, Any]:
    secretsmanager = client("secretsmanager")
    name = secret_store.name(row["onboarding_id"], row["kind"], row["generation"])
    secret = secretsmanager.get_secret_value(SecretId=name)["SecretString"]
    if row["kind"] == "password":
        return {"kind": "console_password", "password": secret, **row["shown_with"]}
    # Nobody reads it again; a password's is deleted by CompleteOnboarding, when it opens nothing any more.
    secret_store.ensure_deleted(secretsmanager, name)
    key = json.loads(secret)
    return {"kind": "access_key", **key, "cli_config": access_keys.cli_config(**key, **row["shown_with"])}


def _give_back(table: Table, row: dict[str, Any]) -> None:
    """A claim that revealed nothing may be tried again, unless a newer one has taken its place."""
    written = records.changing(
        None,
        within=ANY,
        sets={f"claims.{row['kind']}": row["pk"].removeprefix("claim#")},
        only_if=f"attribute_not_exists(#claims.#{row['kind']})",
    )
    back = {"state": "open", "attempts_left": Expression("#attempts_left + :one")}
    try:
        table.transact(
            table.updating(row["pk"], sets=back, only_if="#state = :used", used="used", one=1),
            table.updating(records.key(row["onboarding_id"]), **written),
        )
    except table.TransactionCancelled:
        logger().info("not given back", onboarding_id=row["onboarding_id"])


def _unknown() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "claim-unknown", "There is no such claim: use the whole link of the mail.")


def _late(why: str) -> Problem:
    return Problem(HTTPStatus.GONE, f"claim-{why}", _LATE[why])
