"""POST /claim: reveal a secret once, to who has both the link and the code."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gatehouse import access_keys, claims, documents, people, records, secret_store, settings, times
from gatehouse.clients import aws_errors, client
from gatehouse.edges import api
from gatehouse.errors import AccessDenied, AwsCallFailed, InvalidRequest, TransientFault
from gatehouse.logs import logger
from gatehouse.model import ANY, FieldProblem, Status
from gatehouse.problems import Problem
from gatehouse.table import Table

_LATE = {
    "used": "It was used already. If that was not you, tell who requested your access.",
    "withdrawn": "It was withdrawn: a newer one was sent, or the onboarding ended.",
    "burnt": "The code was wrong too often. Ask for the instructions to be sent again.",
    "expired": "It is too old. Ask for the instructions to be sent again.",
}

GIVE_BACK_PAUSES = (0.1, 0.3)
"""Seconds before another try to give a claim back."""

MAIL_SECONDS = 2
"""How long an answer that is ready waits for SES to connect, and then to take the mail that tells of it."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    claim_code_key_arn: str
    sender_address: str
    configuration_set: str
    approvers: str
    operators: str


@api.handler
def claim_secret(asked: api.Request) -> api.Answer:
    """200 the secret, once; 400, 403 `{attempts_left}`, 404, 410 used, burnt, expired or withdrawn."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    token, code = _parse(asked.body())
    # An attempt is taken before it is compared, so that many at once are not more than five.
    attempt = uuid.uuid4().hex
    row = _take_attempt(table, token, attempt)
    try:
        _require_code(table, row, config.claim_code_key_arn, code)
        _mark_used(table, row, asked.source_ip)
        answer = _reveal_or_give_back(table, row)
    except Problem:
        raise
    except Exception:
        _return_attempt(table, row, attempt)
        raise
    logger().info("claimed", onboarding_id=row["onboarding_id"], kind=row["kind"])
    _tell_requester(table, row, asked.source_ip, config)
    return api.Answer(HTTPStatus.OK, answer)


def _parse(body: bytes) -> tuple[str, str]:
    document = documents.parse(body, "must be a JSON object with token and code")
    problems = documents.unknown(document, ("token", "code"), "a claim")
    problems += [
        FieldProblem(name, "is required: it must be text")
        for name in ("token", "code")
        if not isinstance(document.get(name), str)
    ]
    if problems:
        raise InvalidRequest(problems)
    if not claims.is_token(document["token"]):
        raise _unknown()
    return document["token"], document["code"]


def _take_attempt(table: Table, token: str, attempt: str) -> dict[str, Any]:
    """The claim's row with this attempt among those tried; raises Problem 404 or 410.

    The attempt has a name, so that the SDK, which sends a request again whose answer was lost, takes it once.
    """
    now = times.now()
    try:
        return table.update(
            records.claim_key(claims.token_hash(token)),
            sets={f"tried.{attempt}": now},
            only_if=(
                "#state = :open AND #expires_at > :now"
                f" AND (size(#tried) < :most OR attribute_exists(#tried.#{attempt}))"
            ),
            open="open",
            now=now,
            most=claims.ATTEMPTS,
        )
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure)
    if stood is None:
        raise _unknown()
    if stood["state"] == "open":
        raise _late("expired" if stood["expires_at"] <= now else "burnt")
    raise _late(stood["state"])


def _return_attempt(table: Table, row: dict[str, Any], attempt: str) -> None:
    """An attempt at which no code was found wrong costs nothing."""
    with _if_possible("attempt not returned", row):
        table.update(row["pk"], sets={}, removes=(f"tried.{attempt}",), only_if="attribute_exists(#tried)")


def _require_code(table: Table, row: dict[str, Any], key_id: str, code: str) -> None:
    """Raises Problem 403 for a wrong code, which the requester sees in the timeline."""
    expected = claims.code(client("kms"), key_id, row["onboarding_id"], row["generation"])
    if claims.same_code(code, expected):
        return
    left = claims.ATTEMPTS - len(row["tried"])
    _note_wrong_code(table, row, left)
    if left == 0:
        _end_soon(table, row)
    raise Problem(HTTPStatus.FORBIDDEN, "wrong-code", "The code is wrong.", attempts_left=left)


def _note_wrong_code(table: Table, row: dict[str, Any], left: int) -> None:
    detail = f"{row['kind']}, attempts left: {left}"
    with _if_possible("wrong code not noted", row):
        records.change(table, row["onboarding_id"], "wrong_claim_code", within=ANY, by="claim", detail=detail)


def _end_soon(table: Table, row: dict[str, Any]) -> None:
    """A burnt claim reveals nothing any more: the follow-up's next run ends it, not the one after its time."""
    with _if_possible("burnt claim not due before its time", row):
        table.update(row["pk"], sets={"created_at": times.now()}, only_if="attribute_exists(#entity)")


def _mark_used(table: Table, row: dict[str, Any], source_ip: str | None) -> None:
    """Claim and record change together: of many with the right code, one goes on."""
    what = row["kind"]
    written = records.changing(
        f"{what}_claimed",
        within=_claimable(row),
        by="claim",
        detail=f"from {source_ip}" if source_ip else None,
        only_if=f"#claims.#{what} = :claim AND attribute_not_exists(#cancelled_by)",
        claim=records.claim_hash(row),
    )
    try:
        table.transact(
            table.updating(
                row["pk"],
                sets={"state": "used"},
                # What is deleted once it was revealed is looked for until it is gone.
                removes=() if _ends_with_its_claim(row) else records.DUE,
                only_if="#state = :open",
                open="open",
            ),
            table.updating(records.key(row["onboarding_id"]), removes=(f"claims.{what}",), **written),
        )
    except table.TransactionCancelled:
        now_stands = table.get(row["pk"]) or {"state": "used"}
        raise _late("withdrawn" if now_stands["state"] == "open" else now_stands["state"]) from None


def _reveal_or_give_back(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The answer; where it cannot be formed, the claim is open again, or Problem 410 says that a newer one stands."""
    try:
        return _reveal(table, row)
    except Exception:
        _give_back(table, row)
        raise


def _reveal(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    secretsmanager = client("secretsmanager")
    name = secret_store.name(row["onboarding_id"], row["kind"], row["generation"])
    secret = secretsmanager.get_secret_value(SecretId=name)["SecretString"]
    if row["kind"] == "password":
        answer = {"kind": "console_password", "password": secret, **row["shown_with"]}
    else:
        key = json.loads(secret)
        answer = {"kind": "access_key", **key, "cli_config": access_keys.cli_config(**{**row["shown_with"], **key})}
    if not _ends_with_its_claim(row):
        # CompleteOnboarding deletes it, when it opens nothing any more.
        return answer
    # Nobody reads it again. What cannot be deleted is no reason to withhold the only answer that there will be.
    with _if_possible("secret left behind", row):
        secret_store.ensure_deleted(secretsmanager, name)
        table.update(row["pk"], sets={}, removes=records.DUE, only_if="#state = :used", used="used")
    return answer


def _ends_with_its_claim(row: dict[str, Any]) -> bool:
    """Whether the secret goes when it is claimed; that of a first password stays until the onboarding is complete."""
    return row["kind"] == "access_key" or bool(row.get("reissued"))


def _give_back(table: Table, row: dict[str, Any]) -> None:
    """A claim that revealed nothing may be tried again; raises Problem 410 where it opens nothing any more.

    A resend counts the generation up before its new claim stands: from then on the old link is dead.
    """
    what = row["kind"]
    written = records.changing(
        f"{what}_not_revealed",
        within=_claimable(row),
        by="claim",
        sets={f"claims.{what}": records.claim_hash(row)},
        only_if=(
            f"#generation = :generation AND attribute_not_exists(#claims.#{what})"
            " AND attribute_not_exists(#cancelled_by)"
        ),
        generation=row["generation"],
    )
    actions = (
        table.updating(
            row["pk"],
            sets={"state": "open", "entity": records.OPEN_CLAIM, "created_at": row["expires_at"]},
            only_if="#state = :used",
            used="used",
        ),
        table.updating(records.key(row["onboarding_id"]), **written),
    )
    try:
        _transact_patiently(table, actions)
    except table.TransactionCancelled:
        logger().info("not given back", onboarding_id=row["onboarding_id"])
        raise _late("withdrawn") from None


def _transact_patiently(table: Table, actions: tuple[dict[str, Any], ...]) -> None:
    """A claim that met another write at the same moment would be lost: nobody would give it back later."""
    for pause in GIVE_BACK_PAUSES:
        try:
            return table.transact(*actions)
        except TransientFault:
            time.sleep(pause)
    return table.transact(*actions)


def _tell_requester(table: Table, row: dict[str, Any], source_ip: str | None, config: Settings) -> None:
    """The requester hears of it at once. Whoever claims waits for that for a few seconds at most, and never in vain."""
    try:
        record = records.find(table, row["onboarding_id"])
        to = record and people.Directory.parse(config.approvers, config.operators).address(record.requester.person)
        if not (record and to):
            return
        # Here and not above: a wrong code is answered by a function that has not loaded what mails need.
        from gatehouse import mailing, mails

        mail = mails.render(
            "secret_claimed",
            onboarding_id=record.onboarding_id,
            user_name=record.user_name,
            secret=row["kind"].replace("_", " "),
            claimed_at=times.now(),
            source_ip=source_ip,
        )
        name = f"secret_claimed_{row['kind']}_{row['generation']}"
        ses = client("sesv2", retries=False, seconds=MAIL_SECONDS)
        sender = mailing.Sender(config.sender_address, config.configuration_set)
        mailing.send_once(ses, table, record, name, mail, sender=sender, to={to})
    except Exception as error:
        logger().warning("mail not sent", onboarding_id=row["onboarding_id"], error=type(error).__name__)


@contextmanager
def _if_possible(otherwise: str, row: dict[str, Any]) -> Iterator[None]:
    """What belongs to an answer that goes out whether or not AWS takes it; a failure is logged as `otherwise`."""
    try:
        with aws_errors():
            yield
    except (AccessDenied, AwsCallFailed, TransientFault) as error:
        logger().error(otherwise, onboarding_id=row["onboarding_id"], cause=str(error))


def _claimable(row: dict[str, Any]) -> set[Status]:
    """The statuses of an onboarding whose user may claim this."""
    return {Status.PROVISIONING, Status.PENDING_MFA} | ({Status.COMPLETE} if _ends_with_its_claim(row) else set())


def _unknown() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "claim-unknown", "There is no such claim: use the whole link of the mail.")


def _late(why: str) -> Problem:
    return Problem(HTTPStatus.GONE, f"claim-{why}", _LATE[why])
