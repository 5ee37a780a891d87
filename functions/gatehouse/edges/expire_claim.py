"""ExpireClaim: what nobody claimed ends. The password is replaced, the key deleted, the secret gone, people are told.

Asked by the follow-up for every claim that is due, and again until it is none: a crash leaves it in the index.
"""

from dataclasses import dataclass
from typing import Any

from gatehouse import (
    access_keys,
    claims,
    iam_users,
    mailing,
    mails,
    passwords,
    people,
    records,
    secret_store,
    settings,
    times,
)
from gatehouse.clients import aws_errors, client
from gatehouse.errors import TRANSIENT
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import ENDED, Onboarding, Status
from gatehouse.table import Table

TAKEN_SECONDS = 60
"""How long a claim is one call's own, and no resend begins: twice the function's time-out, so that none outlives it."""

_WITHIN = {
    "password": {Status.PROVISIONING, Status.PENDING_MFA, Status.COMPLETE},
    # Until an onboarding is complete, whoever completes it has its key in hand.
    "access_key": {Status.COMPLETE},
}


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    configuration_set: str
    approvers: str
    operators: str


@handler
def expire_claim(event: dict[str, Any]) -> None:
    """In: the `claim`'s hash. Ends the claim if it is due; whatever it raises leaves the claim due."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    row = table.get(records.claim_key(event["claim"]))
    if row is None or "entity" not in row or row["created_at"] > times.now():
        return
    logger().append_keys(onboarding_id=row["onboarding_id"])
    if row["state"] == "used":
        _clear_up(table, row)
    elif record := _end(table, row) if row["state"] == "open" else _resume(table, row):
        _revoke(record, row)
        _delete_secret(row)
        _tell(table, record, row, config)
        _settle(table, row)
        table.update(records.key(record.onboarding_id), sets={}, removes=("expiring_until",))


def _end(table: Table, row: dict[str, Any]) -> Onboarding | None:
    """The record, whose claim is ended and this call's own; None where it is not to be ended, or not yet.

    The row decides between this and a claim of the same second: one of them finds it open.
    """
    what, now = row["kind"], times.now()
    burnt = row["expires_at"] > now
    moved = _taking(
        row,
        "claim_expired",
        detail=f"{what}, {'the code was wrong too often' if burnt else 'nobody claimed it'}",
        also=f" AND #claims.#{what} = :claim",
        claim=records.claim_hash(row),
    )
    try:
        table.transact(
            table.updating(
                row["pk"],
                sets={"state": "burnt" if burnt else "expired"},
                only_if="#state = :open AND (#expires_at <= :now OR size(#tried) >= :most)",
                open="open",
                now=now,
                most=claims.ATTEMPTS,
            ),
            table.updating(records.key(row["onboarding_id"]), removes=(f"claims.{what}",), **moved),
        )
    except table.TransactionCancelled:
        # Claimed, given back, withdrawn or sent again meanwhile, or on its way to its onboarding's own end.
        logger().info("not ended")
        _withdraw_unless_known(table, row)
        return None
    return records.find(table, row["onboarding_id"])


def _withdraw_unless_known(table: Table, row: dict[str, Any]) -> None:
    """End a claim that no record answers for, or it would be due for ever. A secret of its own it has none."""
    record = records.find(table, row["onboarding_id"])
    if record and record.status not in ENDED and record.claims.get(row["kind"]) == records.claim_hash(row):
        return
    try:
        table.update(row["pk"], sets={"state": "withdrawn"}, removes=records.DUE, only_if="#state = :open", open="open")
    except table.ConditionFailed:
        logger().info("settled meanwhile")


def _resume(table: Table, row: dict[str, Any]) -> Onboarding | None:
    """The record, for a call that goes on where an earlier one broke off; None if that is not to be done any more."""
    # A key is known by its id. A password is whoever's turn it is: the one of this generation, or nobody's.
    same: dict[str, Any] = (
        {"also": " AND #generation = :generation", "generation": row["generation"]} if row["kind"] == "password" else {}
    )
    try:
        return Onboarding.from_item(table.update(records.key(row["onboarding_id"]), **_taking(row, None, **same)))
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure)
    if stood is None or stood.get("expiring_until", "") <= times.now():
        # Sent again, cancelled or ended meanwhile: who did that sees to password and key.
        _delete_secret(row)
        _settle(table, row)
    return None


def _taking(row: dict[str, Any], event: str | None, *, also: str = "", **move: Any) -> dict[str, Any]:
    """The change of a record by which one call alone goes on, while its onboarding is what the claim was for."""
    now = times.now()
    return records.changing(
        event,
        within=_WITHIN[row["kind"]],
        sets={"expiring_until": times.after(now, TAKEN_SECONDS)},
        only_if=(
            "attribute_not_exists(#cancelled_by)"
            f" AND (attribute_not_exists(#expiring_until) OR #expiring_until <= :now){also}"
        ),
        now=now,
        **move,
    )


def _revoke(record: Onboarding, row: dict[str, Any]) -> None:
    """What nobody claimed opens nothing; a user of that name whom another onboarding made is left alone."""
    iam = client("iam")
    if not iam_users.own(iam, record.user_name, record.made_by):
        return
    if row["kind"] == "password":
        # Kept nowhere: whoever is to sign in gets the next generation's.
        passwords.ensure_replaced(iam, record.user_name, passwords.generate(iam, client("secretsmanager")))
    else:
        access_keys.ensure_deleted(iam, record.user_name, row["shown_with"]["access_key_id"])


def _delete_secret(row: dict[str, Any]) -> None:
    name = secret_store.name(row["onboarding_id"], row["kind"], row["generation"])
    secret_store.ensure_deleted(client("secretsmanager"), name)


def _clear_up(table: Table, row: dict[str, Any]) -> None:
    """It was claimed and its secret left behind; one claimed at the last moment may still be on its way."""
    if times.after(row["created_at"], TAKEN_SECONDS) <= times.now():
        _delete_secret(row)
        _settle(table, row)


def _settle(table: Table, row: dict[str, Any]) -> None:
    """Nothing is left to be done; a claim that was given back is to be seen to again."""
    try:
        table.update(row["pk"], sets={}, removes=records.DUE, only_if="#state <> :open", open="open")
    except table.ConditionFailed:
        logger().info("given back meanwhile")


def _tell(table: Table, record: Onboarding, row: dict[str, Any], config: Settings) -> None:
    """Operators and requester hear of it. What SES refuses for good is logged, and not tried for ever."""
    directory = people.Directory.parse(config.approvers, config.operators)
    to = {directory.address(person) for person in (*directory.operators, record.requester.person)}
    can_be_sent_again = row["kind"] == "password" and record.status is not Status.COMPLETE
    # What is issued anew is of the onboarding that made the user, also where a reset has issued it.
    way = f"{record.onboarding_id}/resend" if can_be_sent_again else f"{record.made_by}/reissue"
    mail = mails.render(
        "claim_expired",
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        secret=row["kind"].replace("_", " "),
        can_be_sent_again=can_be_sent_again,
        path=f"/onboardings/{way}",
        claim_expires_at=row["expires_at"],
        burnt=row["state"] == "burnt" or row["expires_at"] > times.now(),
    )
    name = f"claim_expired_{row['kind']}_{row['generation']}"
    try:
        with aws_errors():
            ses = client("sesv2", retries=False)
            sender = mailing.Sender(config.sender_address, config.configuration_set)
            mailing.send_once(ses, table, record, name, mail, sender=sender, to=to)
    except TRANSIENT:
        raise
    except Exception as error:
        logger().warning("mail not sent", error=type(error).__name__)
