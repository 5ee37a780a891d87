"""What the table keeps of a user on whom sweeps act: which mails went out, what was done, and what stood before.

One item per name, `compliance#<lower(name)>`, of one user: whoever is made under the same name later is another one.
Whoever changes a user holds the item meanwhile, so that two sweeps, or a sweep and an operator, never act at once.
An act is written down before it is done: after a crash at any point the next holder goes on with what is written.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from typing import Any, Self

from gatehouse import times
from gatehouse.table import Expression, Table

ENTITY = "compliance"
"""The `entity` of the item: the index by_time has one under the time at which it is to be looked at."""

HELD_SECONDS = 300
"""How long who holds an item has it: longer than any of the functions that do may run."""

KEPT_SECONDS = 400 * times.DAY
"""How long an item of which nothing stands is kept: the days since a reminder or a restore are counted from it."""


class Busy(Exception):
    """Somebody else is changing the same user: look again in a few minutes."""


@dataclass(frozen=True)
class Restriction:
    """Since when a user may only enrol. `boundary` is the member's that was exchanged; None: a policy was attached."""

    at: str
    boundary: str | None


@dataclass(frozen=True)
class Suspension:
    """Since when a user may do nothing. `keys` are the ids of the access keys that were active."""

    at: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """`restoring` is which of the two is being ended, by an operator or the user's own enrolment.

    `reminded_at` is when the user was reminded first, `restored_at` when an operator last put something back;
    `mails_begun` and `mails_sent` map a mail's name to when.
    """

    user_name: str
    user_id: str
    reminded_at: str | None = None
    restriction: Restriction | None = None
    suspension: Suspension | None = None
    restoring: str | None = None
    restored_at: str | None = None
    mails_begun: Mapping[str, str] = field(default_factory=dict)
    mails_sent: Mapping[str, str] = field(default_factory=dict)
    holder: str | None = None

    @property
    def stands(self) -> str | None:
        """What was done last and has not been put back yet."""
        return "suspension" if self.suspension else "restriction" if self.restriction else None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        known = {one.name: item[one.name] for one in fields(cls) if item.get(one.name) is not None}
        if "restriction" in known:
            known["restriction"] = Restriction(**known["restriction"])
        if "suspension" in known:
            known["suspension"] = Suspension(known["suspension"]["at"], tuple(known["suspension"]["keys"]))
        return cls(**known)


def key(user_name: str) -> str:
    return f"compliance#{user_name.lower()}"


def user_name(row: Mapping[str, Any]) -> str:
    """The name, lower-cased, by which a row's case is found."""
    return str(row["pk"]).removeprefix("compliance#")


def ask_for_look(lambda_client: Any, function: str, user_name: str) -> None:
    """Ask the function that alone ends restrictions by itself to look at this user; does not wait."""
    payload = json.dumps({"user_name": user_name}).encode()
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)


def find(table: Table, user_name: str) -> Case | None:
    """The case of that name, without regard to case, whoever holds it."""
    item = table.get(key(user_name))
    return Case.from_item(item) if item else None


@contextmanager
def held(table: Table, user_name: str, user_id: str) -> Iterator[Case]:
    """The case of a user, begun if there is none, for nobody else to change meanwhile. Raises Busy while somebody else
    has it.

    One of an earlier user of that name is forgotten: what was done to that user went with it.
    """
    holder = uuid.uuid4().hex
    case = _hold(table, user_name, user_id, holder) or _hold(table, user_name, user_id, holder)
    if case is None:
        raise Busy(f"somebody else is at {user_name}")
    try:
        yield case
    finally:
        with suppress(table.ConditionFailed):
            table.update(
                key(user_name), sets={}, removes=("holder", "held_until"), only_if="#holder = :own", own=holder
            )


def write(table: Table, case: Case, sets: Mapping[str, Any], removes: tuple[str, ...] = (), **values: Any) -> Case:
    """Set and remove attributes, or paths, of a case that one holds; returns it as it then stands.

    `values` are those of expressions in `sets`. Raises Busy where one holds it no longer.
    """
    own = {"only_if": "#holder = :own", "own": case.holder, **values}
    try:
        return Case.from_item(table.update(key(case.user_name), sets=dict(sets), removes=removes, **own))
    except table.ConditionFailed:
        raise Busy(f"somebody else is at {case.user_name}") from None


def close(table: Table, case: Case) -> None:
    """Nothing of it stands any more, and its user gives no cause."""
    with suppress(table.TransactionCancelled):
        table.transact(table.deleting(key(case.user_name), "holder = :own", own=case.holder))


def note_absence(table: Table, case: Case) -> None:
    """IAM shows nobody of that name: deleted, renamed, or not to be seen just now.

    Only another user of the name is proof that what stood before is of no use any more. Until then it is looked for
    once a day, and kept as long as that of which nothing stands.
    """
    absent = {"ttl": Expression("if_not_exists(#ttl, :ttl)"), **next_look(times.DAY)}
    write(table, case, absent, ttl=kept()["ttl"])


def next_look(seconds: float) -> dict[str, str]:
    """The attribute that has a case looked at in so many seconds; without it nobody does (see `ENTITY`)."""
    return {"created_at": times.after(times.now(), seconds)}


def kept() -> dict[str, int]:
    """The attribute by which a case of which nothing stands goes away in the end."""
    return {"ttl": int(times.parse(times.after(times.now(), KEPT_SECONDS)).timestamp())}


def _hold(table: Table, user_name: str, user_id: str, holder: str) -> Case | None:
    """The case, or None where one of an earlier user of the name stood in the way, and stands no more."""
    now = times.now()
    free = "(attribute_not_exists(held_until) OR held_until < :now)"
    try:
        item = table.update(
            key(user_name),
            sets={
                "entity": ENTITY,
                "user_name": user_name,
                "user_id": user_id,
                "holder": holder,
                "held_until": times.after(now, HELD_SECONDS),
                "mails_begun": Expression("if_not_exists(#mails_begun, :nothing)"),
                "mails_sent": Expression("if_not_exists(#mails_sent, :nothing)"),
            },
            only_if=f"(attribute_not_exists(#user_id) OR #user_id = :user_id) AND {free}",
            now=now,
            nothing={},
            user_id=user_id,
        )
    except table.ConditionFailed as failure:
        stood = table.stood_before(failure) or {}
        if stood.get("user_id") == user_id:
            raise Busy(f"somebody else is at {user_name}") from None
        with suppress(table.TransactionCancelled):
            table.transact(table.deleting(key(user_name), free, now=now))
        return None
    return Case.from_item(item)
