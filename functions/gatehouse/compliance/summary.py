"""The mail about a sweep to the operators, sent once however often the step that sends it is retried."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from gatehouse import mailing, mails, times
from gatehouse.compliance import overview, report
from gatehouse.compliance.model import Outcome, Sweep
from gatehouse.compliance.overview import counted
from gatehouse.errors import NotYetConsistent
from gatehouse.logs import logger
from gatehouse.table import Table

DAYS = 7
"""How far ahead the mail looks."""

MAIL = "compliance_summary"

_KEPT = 90 * times.DAY
"""Seconds that the note outlives the mail: longer than an execution can be redriven."""

_SENDING = 30
"""Seconds a mail that was begun is left to who began it: longer than its call may take (see `clients`)."""

_MOST_NAMES = 5
_MOST_LINES = 20


def mail(sweep: Sweep, report_url: str) -> mails.Mail:
    """What the operators read; every line is told in text and in HTML."""
    dry_run = sweep.rules.dry_run
    return mails.render(
        MAIL,
        account_id=sweep.account_id,
        sweep_id=sweep.sweep_id,
        at=sweep.at,
        headline=headline(sweep),
        warnings=list(_warnings(sweep)),
        counts=list(_counts(sweep)),
        changes=list(_changes(sweep)),
        done=cut(list(_done(sweep))),
        done_title="What would have been done" if dry_run else "What was done",
        coming=cut(list(_coming(sweep))),
        days=DAYS,
        report_url=report_url,
    )


def headline(sweep: Sweep) -> str:
    """`107 of 4,500 console users without MFA`."""
    without = report.without_mfa(sweep.counts)
    if not without:
        return "every console user has MFA"
    return f"{without:,} of {counted(sweep.counts.console_users, 'console user')} without MFA"


def console_url(region: str, bucket: str, key: str) -> str:
    """Where somebody who is signed in and may read it opens an object: unlike a presigned link, it opens nothing."""
    return f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={quote(key)}"


def send_once(
    ses: Any,
    table: Table,
    sweep_id: str,
    name: str,
    summary: mails.Mail,
    *,
    sender: mailing.Sender,
    to: set[str | None],
) -> None:
    """Send the mail unless the sweep's row says that it is out. Raises NotYetConsistent while another try is at it.

    As with the mails of an onboarding (see `mailing`) it is begun in the table first and noted once SES has taken it;
    only where nobody knows whether SES has is it sent again. `name` is the mail's template.
    """
    addresses = sorted({address for address in to if address})
    row = f"outbox#{name}#{sweep_id}"
    if not addresses or not _begin(table, row):
        return
    try:
        mailing.send(ses, summary, sender, addresses, {"sweep_id": sweep_id, "mail": name})
    except Exception:
        _note(table, row, sets={}, removes=("begun_at",))
        raise
    _note(table, row, sets={"sent_at": times.now()})


def _begin(table: Table, row: str) -> bool:
    """Whether it is ours to send; false when it is out."""
    now = times.now()
    try:
        table.update(
            row,
            sets={"begun_at": now, "ttl": int(times.parse(now).timestamp()) + _KEPT},
            only_if="attribute_not_exists(#sent_at) AND (attribute_not_exists(#begun_at) OR #begun_at < :stale)",
            stale=times.after(now, -_SENDING),
        )
    except table.ConditionFailed as failure:
        if "sent_at" in (table.stood_before(failure) or {}):
            return False
        raise NotYetConsistent("the summary is being sent") from None
    return True


def _note(table: Table, row: str, **change: Any) -> None:
    """Sent or refused, it is so whether or not it can be noted."""
    try:
        table.update(row, **change)
    except Exception as error:
        logger().warning("mail not noted", row=row, error=type(error).__name__)


def _warnings(sweep: Sweep) -> Iterator[str]:
    failed = sum(one.outcome == Outcome.FAILED for one in sweep.acted)
    if sweep.broken:
        yield f"Circuit breaker open, nobody was restricted or suspended: {sweep.broken}"
    if failed:
        yield f"Of what was to be done, {failed:,} failed: the report says which, and why."
    if sweep.rules.dry_run:
        yield "Dry run: no user was mailed or changed. ComplianceDryRun=false lets it act."


def _counts(sweep: Sweep) -> Iterator[str]:
    counts = sweep.counts
    yield f"{counted(counts.users, 'IAM user')}, {counted(counts.console_users, 'console user')}"
    late, days = overview.overdue(sweep), counted(sweep.rules.restrict_after_days, "day")
    yield f"{report.without_mfa(counts):,} without MFA, {late:,} of them for {days} or more and not held back"
    severities = [f"{number:,} {name}" for name, number in overview.by_severity(sweep).items() if number]
    yield f"{counted(counts.findings, 'open finding')}{': ' if severities else ''}{', '.join(severities)}"
    yield f"{counted(counts.exempt, 'exempt finding')}"


def _changes(sweep: Sweep) -> Iterator[str]:
    for one in overview.by_kind(sweep):
        if one.new or one.resolved:
            yield f"{one.rule.title}: {one.new:,} new, {one.resolved:,} resolved, {one.open:,} open"


def _done(sweep: Sweep) -> Iterator[str]:
    for one in overview.done(sweep):
        who = report.names_in_words(one.names, _MOST_NAMES)
        yield f"{report.ACTIONS[one.action]}, {one.outcome}: {counted(len(one.names), 'user')} ({who}): {one.reason}"


def _coming(sweep: Sweep) -> Iterator[str]:
    for one in overview.coming(sweep, DAYS):
        who = report.names_in_words(one.names, _MOST_NAMES)
        yield f"{report.day(one.date)}, {report.ACTIONS[one.action]}: {counted(len(one.names), 'user')} ({who})"


def cut(lines: list[str]) -> list[str]:
    """As many lines as somebody reads in a mail; the rest is counted."""
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"and {more:,} more lines in the report"]
