"""Something issued anew: the next generation of a password or an access key, with a link and a code of its own."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gatehouse import records, times
from gatehouse.model import Onboarding
from gatehouse.problems import Problem
from gatehouse.table import Table

MINIMUM_INTERVAL = 60
"""Seconds between two issues for one onboarding."""


def require_pause(record: Onboarding) -> None:
    """Raises Problem 429 sooner than MINIMUM_INTERVAL after the last issue, and while an unclaimed one is ended."""
    if record.resent_at:
        _require_past(times.after(record.resent_at, MINIMUM_INTERVAL), "Sent a moment ago")
    if record.expiring_until:
        _require_past(record.expiring_until, "What nobody claimed is being ended")


def _require_past(moment: str, why: str) -> None:
    """Raises Problem 429 with the seconds until then."""
    seconds = (times.parse(moment) - times.parse(times.now())).total_seconds()
    if seconds > 0:
        wait = math.ceil(seconds)
        problem = Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-soon", f"{why}: try again in {wait} s.")
        problem.headers["Retry-After"] = str(wait)
        raise problem


def next_generation(
    table: Table, record: Onboarding, what: str, event: str, *, only_if: str = "", **move: Any
) -> Onboarding:
    """Withdraw the open claim of `what` and count one up, in one transaction; returns the record as it then stands.

    `move` is what `records.changing` takes besides. Raises the table's TransactionCancelled when it is too soon,
    or the record is not as `only_if` and `move` want it.
    """
    now = times.now()
    written = records.changing(
        event,
        sets={"generation": record.generation + 1, "resent_at": now, **move.pop("sets", {})},
        only_if=(
            "#generation = :generation AND attribute_not_exists(#cancelled_by)"
            " AND (attribute_not_exists(#resent_at) OR #resent_at <= :due)"
            # Whoever replaces the unclaimed password of this generation must not replace that of the next.
            f" AND (attribute_not_exists(#expiring_until) OR #expiring_until <= :now){only_if}"
        ),
        now=now,
        generation=record.generation,
        due=times.after(now, -MINIMUM_INTERVAL),
        **move,
    )
    open_claim = record.claims.get(what)
    table.transact(
        table.updating(records.key(record.onboarding_id), removes=(f"claims.{what}",), **written),
        *([records.withdrawal(table, open_claim)] if open_claim else []),
    )
    return records.find(table, record.onboarding_id) or record


def ask(lambda_: Any, function: str, onboarding_id: str, refusals: Mapping[str, Problem]) -> None:
    """Have a function that may touch passwords, keys or links do its part of the issue.

    Raises what `refusals` names for its error, Problem 502 for any other.
    """
    payload = json.dumps({"onboarding_id": onboarding_id}).encode()
    answer = lambda_.invoke(FunctionName=function, Payload=payload)
    if "FunctionError" not in answer:
        return
    error = json.loads(answer["Payload"].read()).get("errorType", "Unknown")
    if error in refusals:
        raise refusals[error]
    again = f"try again in {MINIMUM_INTERVAL} s"
    detail = f"The old link is dead and the new one could not be made ({error}): {again}."
    raise Problem(HTTPStatus.BAD_GATEWAY, "not-sent", detail)
