"""The record of an onboarding: how it is written, moved on and closed.

Every write carries its condition: a step acts only while its onboarding is in a status that allows it
and nobody has asked to cancel it. Expiry is always in the condition, TTL only collects garbage.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from gatehouse import times
from gatehouse.errors import Cancelled, NotYetConsistent, RecordClosed
from gatehouse.model import ENDED, OPEN, UNDER_WAY, Onboarding, Status
from gatehouse.profiles import digest
from gatehouse.table import Expression, Table

MACHINE = "gatehouse"
"""Who acts in a timeline when nobody in particular does."""

CLAIM_KEPT = 30 * times.DAY
"""Seconds a claim's row outlives it, so that a late click is told why it is too late."""

MAIL_SECONDS = 30
"""How long a mail that was begun is left to who began it: longer than its call may take (see `clients`)."""
OPEN_CLAIM = "open_claim"
"""The `entity` of a claim that somebody has still to see to: the index by_time has it under the time it is due."""

LOCK = "lock"
"""The `entity` of a lock, by which the janitor finds one that nobody holds any more."""

DUE = ("entity", "created_at")
"""What keeps a claim in that index. Whoever has done what was to be done about it takes both away."""

REACHABLE = UNDER_WAY | {Status.COMPLETE}
"""Where something may be issued: of a COMPLETE record see `unless_settled`."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def key(onboarding_id: str) -> str:
    return f"onboarding#{onboarding_id}"


def lock_key(user_name: str) -> str:
    return f"user#{user_name.lower()}"


def is_id(text: str) -> bool:
    """Whether a text can be an onboarding's id: it is the name of an execution and part of a secret's."""
    return _ID.fullmatch(text) is not None


def find(table: Table, onboarding_id: str) -> Onboarding | None:
    """The record as it stands now."""
    item = table.get(key(onboarding_id)) if is_id(onboarding_id) else None
    return Onboarding.from_item(item) if item else None


def find_many(table: Table, onboarding_ids: Collection[str]) -> dict[str, Onboarding]:
    """The records that there are of these ids, as they stand now."""
    keys = sorted({key(onboarding_id) for onboarding_id in onboarding_ids if is_id(onboarding_id)})
    return {item["onboarding_id"]: Onboarding.from_item(item) for item in table.get_many(keys).values()}


def holder(table: Table, user_name: str) -> str | None:
    """The id of the onboarding under way for this name, without regard to case."""
    lock = table.get(lock_key(user_name))
    return str(lock["onboarding_id"]) if lock else None


def latest(table: Table, user_name: str) -> str | None:
    """The id of the newest onboarding for this name, without regard to case, whatever became of it."""
    if not user_name:
        return None
    newest, _ = table.query("by_user", ("user_key", user_name.lower()), ScanIndexForward=False, Limit=1)
    return str(newest[0]["pk"]).partition("#")[2] if newest else None


def open_since(table: Table, before: str) -> dict[str, str]:
    """The ids of the onboardings and resets that are open and began before then, each with its user's name."""
    found: dict[str, str] = {}
    for status in sorted(OPEN):
        start: Any = None
        while True:
            more = {"ExclusiveStartKey": start} if start else {}
            keys, start = table.query("by_status", ("status", status.value), Limit=100, **more)
            old = [row["pk"] for row in keys if row["created_at"] < before]
            for item in table.get_many(old).values() if old else ():
                found[item["onboarding_id"]] = item["request"]["user_name"]
            # The index has the oldest first.
            if start is None or len(old) < len(keys):
                break
    return found


def remember_devices(table: Table, record: Onboarding, serial_numbers: Collection[str]) -> None:
    """Keep the serial numbers of virtual devices that are about to be deactivated: then they have no owner."""
    known = sorted({*record.virtual_devices, *serial_numbers})
    change(table, record.onboarding_id, None, within=OPEN | ENDED, sets={"virtual_devices": known})


def creation(table: Table, record: Onboarding) -> list[dict[str, Any]]:
    """The writes that bring a record and its lock into being, for one transaction."""
    item = record.to_item() | {"pk": key(record.onboarding_id), "entity": "onboarding"}
    item |= {"user_key": record.user_name.lower()}
    if record.requester.key:
        item["requester_key"] = record.requester.key
    lock = {
        "pk": lock_key(record.user_name),
        "onboarding_id": record.onboarding_id,
        "entity": LOCK,
        "created_at": record.created_at,
    }
    return [
        table.putting(item, only_if="attribute_not_exists(pk)"),
        table.putting(lock, only_if="attribute_not_exists(pk)"),
    ]


def advance(
    table: Table, onboarding_id: str, event: str | None, *, only_if: str | None = None, **move: Any
) -> Onboarding:
    """Move a record on, unless it was cancelled, and return it as it then stands (see `changing`).

    Raises Cancelled when somebody asked for that, RecordClosed when the record is missing, in a status
    other than those `within`, not as `only_if` wants it, or no longer what its digest says: nobody asked for
    that, and nobody approved it.
    """
    condition = " AND ".join(filter(None, ("attribute_not_exists(#cancelled_by)", only_if)))
    try:
        record = change(table, onboarding_id, event, only_if=condition, **move)
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure)
        if stood and stood.get("cancelled_by"):
            raise Cancelled(f"cancelled by {stood['cancelled_by']}") from None
        raise RecordClosed(f"the record is {stood['status'] if stood else 'missing'}") from None
    if not is_unchanged(record):
        raise RecordClosed("digest: the record was changed after it was written")
    return record


def is_unchanged(record: Onboarding) -> bool:
    """Whether the record asks for what its digest says: for what was reviewed and approved."""
    return digest(record.request, record.grants, record.purpose, record.of) == record.digest


def change(
    table: Table, onboarding_id: str, event: str | None, *, removes: tuple[str, ...] = (), **move: Any
) -> Onboarding:
    """Move a record on (see `changing`) and return it; raises the table's ConditionFailed."""
    return Onboarding.from_item(table.update(key(onboarding_id), removes=removes, **changing(event, **move)))


def changing(
    event: str | None,
    *,
    within: Collection[Status],
    to: Status | None = None,
    sets: Mapping[str, Any] | None = None,
    by: str = MACHINE,
    detail: str | None = None,
    only_if: str | None = None,
    **values: Any,
) -> dict[str, Any]:
    """The arguments of a table update that moves a record on: from a status `within` to another.

    `event`, `by` and `detail` make an entry of the timeline; `values` are those that `only_if` and
    the expressions in `sets` name.
    """
    now = times.now()
    statuses = {f"within{number}": status.value for number, status in enumerate(sorted(within))}
    condition = f"#status IN ({', '.join(f':{name}' for name in statuses)})"
    sets = {**(sets or {}), "updated_at": now}
    if to:
        sets["status"] = to.value
    if event:
        entry = {"at": now, "event": event, "by": by, "detail": detail}
        sets["timeline"] = Expression("list_append(#timeline, :entry)")
        values["entry"] = [entry]
    return {
        "sets": sets,
        "only_if": f"{condition} AND {only_if}" if only_if else condition,
        **statuses,
        **values,
    }


def close(
    table: Table,
    record: Onboarding,
    to: Status,
    event: str,
    *,
    reason: str | None = None,
    detail: str | None = None,
    within: Collection[Status] = OPEN,
    sets: Mapping[str, Any] | None = None,
    withdraw: Collection[str] = (),
    only_if: str | None = None,
    release: bool = True,
) -> None:
    """Give the record its final status, release the name and withdraw claims, in one transaction.

    `withdraw` names what is not to be claimed any more. Raises the table's TransactionCancelled when the
    record is no longer in a status `within`, or not as `only_if` wants it, or when another onboarding holds the name
    that is to be released.
    """
    ended = {"status_reason": reason, "status_detail": detail, **(sets or {})}
    written = changing(event, within=within, to=to, sets=ended, detail=detail, only_if=only_if)
    gone = {what: record.claims[what] for what in withdraw if what in record.claims}
    removes = ("task_token", *(f"claims.{what}" for what in gone))
    table.transact(
        table.updating(key(record.onboarding_id), removes=removes, **written),
        *([releasing(table, record.user_name, record.onboarding_id)] if release else []),
        *(withdrawal(table, claim) for claim in gone.values()),
    )


def releasing(table: Table, user_name: str, onboarding_id: str) -> dict[str, Any]:
    """The write, for a transaction, that gives up the name which this onboarding holds; another's it leaves alone."""
    free = "attribute_not_exists(pk) OR onboarding_id = :own"
    return table.deleting(lock_key(user_name), free, own=onboarding_id)


def unless_settled(what: str) -> dict[str, Any]:
    """A condition with its values: a COMPLETE record is touched again only where an operator has `what` re-issued."""
    return {
        "only_if": "(#status <> :complete OR #reissuing = :reissued)",
        "complete": Status.COMPLETE.value,
        "reissued": what,
    }


def claim_key(token_hash: str) -> str:
    return f"claim#{token_hash}"


def nobody_sends(name: str) -> str:
    """The condition, over the value `:stale`, under which a mail may be begun."""
    return f"(attribute_not_exists(#mails_begun.#{name}) OR #mails_begun.#{name} < :stale)"


def stale() -> str:
    """Who began a mail before this moment sends it no more."""
    return times.after(times.now(), -MAIL_SECONDS)


def open_claim(
    table: Table,
    record: Onboarding,
    what: str,
    token_hash: str,
    seconds: int,
    shown_with: Mapping[str, Any],
    begun: Mapping[str, str] | None = None,
) -> Onboarding:
    """Let `what` ("password", "access_key") be claimed once; an earlier claim for it ends.

    `shown_with` is what is shown beside the secret, none of it secret; the record keeps where one signs in.
    `begun` is the mail with the link and its intent. Raises RecordClosed or Cancelled when the onboarding ended
    meanwhile (a COMPLETE one has claims only while `what` is re-issued), NotYetConsistent while another try
    sends that mail: of two links one would be dead.
    """
    expires_at, begun = times.after(times.now(), seconds), begun or {}
    unless_stale: dict[str, Any] = {"stale": stale()} if begun else {}
    unsettled = unless_settled(what)
    condition = " AND ".join(["attribute_not_exists(#cancelled_by)", unsettled["only_if"], *map(nobody_sends, begun)])
    claim = {
        "pk": claim_key(token_hash),
        "onboarding_id": record.onboarding_id,
        "kind": what,
        "generation": record.generation,
        "shown_with": dict(shown_with),
        "state": "open",
        "tried": {},
        "reissued": record.reissuing == what,
        "expires_at": expires_at,
        "entity": OPEN_CLAIM,
        "created_at": expires_at,
        "ttl": int(times.parse(times.after(expires_at, CLAIM_KEPT)).timestamp()),
    }
    kept = {name: shown_with[name] for name in ("sign_in_url",) if name in shown_with}
    written = changing(
        None,
        within=REACHABLE,
        sets={
            f"claims.{what}": token_hash,
            "claim_expires_at": expires_at,
            **kept,
            **{f"mails_begun.{mail}": intent for mail, intent in begun.items()},
        },
        **{**unsettled, **unless_stale, "only_if": condition},
    )
    earlier = [withdrawal(table, record.claims[what])] if what in record.claims else []
    try:
        table.transact(table.putting(claim), table.updating(key(record.onboarding_id), **written), *earlier)
    except table.TransactionCancelled:
        advance(table, record.onboarding_id, None, within=REACHABLE, **unsettled)
        raise NotYetConsistent("the mail is being sent") from None
    return replace(
        record,
        claims={**record.claims, what: token_hash},
        claim_expires_at=expires_at,
        mails_begun={**record.mails_begun, **begun},
        **kept,
    )


def withdrawal(table: Table, token_hash: str) -> dict[str, Any]:
    """The write, for a transaction, that ends a claim."""
    return table.updating(claim_key(token_hash), sets={"state": "withdrawn"}, removes=DUE)


def locks(table: Table) -> dict[str, str]:
    """Every name that is held, in small letters, to the id of the onboarding that holds it."""
    rows = table.get_many([row["pk"] for row in table.each("by_time", ("entity", LOCK))])
    return {name.removeprefix("user#"): lock["onboarding_id"] for name, lock in rows.items()}


def claim_hash(row: Mapping[str, Any]) -> str:
    """The hash of the token, by which the record knows a claim's row."""
    return str(row["pk"]).removeprefix("claim#")
