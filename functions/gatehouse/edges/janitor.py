"""The janitor: finds what no onboarding explains, removes what provably is residue, and tells people of the rest.

The follow-up goes from the records to the account, the janitor from the account to the records: whatever has an open
record, or a claim that is due, is the follow-up's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gatehouse import executions, iam_users, mailing, mails, people, records, residue, secret_store, settings, times
from gatehouse.clients import aws_errors, client
from gatehouse.handling import handler
from gatehouse.logs import logger, metrics
from gatehouse.residue import Finding
from gatehouse.table import Table

MEMORY = "janitor"
"""The key of the row that remembers since when each finding has been seen, so that none is told twice."""

REMEMBERED = 2_000
"""Findings that fit into that row."""


TOLD = 50
"""Findings that a mail lists."""

LEFT, FAILED = "left to a person", "failed"

METRICS = ("OrphansFound", "OrphansLeft")
"""Counted by every run; an alarm watches the second: what no run to come will remove by itself."""


class JanitorIncomplete(Exception):
    """Something could not be looked at or removed; the next run tries again."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    roll_back_function: str
    unassigned_device_hours: int
    sender_address: str
    configuration_set: str
    operators: str


@handler
def janitor(event: dict[str, Any]) -> dict[str, Any]:
    """In: the schedule's event, or `{"dry_run": true}`, which changes nothing.

    Out: `found`, each with `kind`, `name`, `why`, `since` and `outcome`; `not_looked_at`, the kinds whose look failed.
    Raises JanitorIncomplete at the end, other than in a dry run.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    remembered = (table.get(MEMORY) or {}).get("seen", {})
    findings, unseen = _look(table, config)
    found, dry_run = [], bool(event.get("dry_run"))
    for finding in findings:
        since = remembered.get(finding.key)
        outcome = _outcome(table, finding, since, config, dry_run=dry_run)
        found.append(finding.told() | {"since": since or times.now(), "outcome": outcome})
        logger().info("found", finding=found[-1])
    if not dry_run:
        _finish(table, found, unseen, remembered, config)
    return {"found": found, "not_looked_at": unseen}


def _look(table: Table, config: Settings) -> tuple[list[Finding], list[str]]:
    """Everything that is found, and the kinds whose look failed: one that does stops no other."""
    iam, found, failed = client("iam"), list[Finding](), list[str]()
    for look in (
        partial(residue.users, iam, table),
        partial(residue.secrets, client("secretsmanager"), table),
        partial(residue.devices, iam, config.unassigned_device_hours * 3600),
        partial(residue.locks, table),
    ):
        try:
            with aws_errors():
                found += look()
        except Exception as error:
            failed.append(look.func.__name__)
            logger().error("not looked at", what=look.func.__name__, error=type(error).__name__, cause=str(error))
    return found, failed


def _outcome(table: Table, finding: Finding, since: str | None, config: Settings, *, dry_run: bool) -> str:
    """What became of a finding, or would; `since` is when an earlier run saw it first."""
    if not finding.removable:
        return LEFT
    due = times.after(since or times.now(), finding.rests)
    if due > times.now():
        return f"waits until {times.in_words(due)}"
    if dry_run:
        return "would be removed"
    try:
        with aws_errors():
            _remove(table, finding, config)
    except Exception as error:
        return f"{FAILED}: {type(error).__name__}: {error}"
    if finding.kind != "user":
        return "removed"
    return f"{FAILED}: still there after an earlier run, asked for again" if since else "being removed"


def _remove(table: Table, finding: Finding, config: Settings) -> None:
    """Each removal ensures, so that two runs at once do no harm."""
    if finding.kind == "user":
        # That function alone may delete users, and looks twice whether one is gone.
        onboarding_id = str(finding.onboarding_id)
        executions.remove_user(client("lambda"), config.roll_back_function, onboarding_id, finding.name)
    elif finding.kind == "secret":
        secret_store.ensure_deleted(client("secretsmanager"), finding.name)
    elif finding.kind == "device":
        iam_users.ensure_no_device(client("iam"), finding.name)
    else:
        table.transact(records.releasing(table, finding.name, str(finding.onboarding_id)))


def _finish(
    table: Table, found: list[dict[str, str]], unseen: list[str], remembered: dict[str, str], config: Settings
) -> None:
    """Tell people, remember, count. Raises JanitorIncomplete."""
    seen = {f"{one['kind']} {one['name']}": one for one in found}
    _tell([one for key, one in seen.items() if key not in remembered], config)
    # After the mail: who breaks off before comes to all of it once more. What could not be looked at is not forgotten.
    kept = {**(remembered if unseen else {}), **{key: one["since"] for key, one in seen.items()}}
    table.update(MEMORY, sets={"seen": dict(list(kept.items())[:REMEMBERED])})
    failed = sum(one["outcome"].startswith(FAILED) for one in found)
    for name, value in zip(METRICS, (len(found), sum(map(_is_left, found))), strict=True):
        metrics().add_metric(name=name, unit="Count", value=value)
    metrics().flush_metrics()
    if failed or unseen:
        raise JanitorIncomplete(f"{failed} of {len(found)} could not be removed; not looked at: {unseen}")


def _is_left(one: dict[str, str]) -> bool:
    """Whether it is there still, and no run to come will change that by itself."""
    return one["outcome"].startswith((FAILED, LEFT))


def _tell(news: Iterable[dict[str, str]], config: Settings) -> None:
    """Operators hear once of what is left. A mail that fails keeps nothing else from being done."""
    told = ["{kind} {name}: {why}; {outcome}".format(**one) for one in news if _is_left(one)]
    directory = people.Directory.parse("{}", config.operators)
    to = {directory.address(operator) for operator in directory.operators}
    if not told:
        return
    try:
        mail = mails.render("orphans", found=told[:TOLD], count=len(told))
        sender = mailing.Sender(config.sender_address, config.configuration_set)
        mailing.send(client("sesv2", retries=False), mail, sender, to, {"mail": "orphans"})
    except Exception as error:
        logger().warning("mail not sent", mail="orphans", error=type(error).__name__)
