"""The sweep of many accounts as files and as a mail."""

from collections.abc import Iterator
from typing import Any

from gatehouse import mails, spreadsheet
from gatehouse.compliance import accounts, members, overview, publishing, report, summary, sweeps
from gatehouse.compliance.accounts import Accounts

MAIL = "accounts_summary"

_COLUMNS = (
    "Account", "Swept", "Why not", "IAM users", "Console users", "Without MFA", "Overdue", "Findings about root",
    "Critical", "High", "Medium", "Low", "New", "Resolved", "Exempt", "Report",
)  # fmt: skip


def write(s3: Any, bucket: str, told: Accounts) -> str:
    """Write page, table and document, over those of an earlier try, and return the page's key."""
    page = _key(told, "accounts.html")
    publishing.put(s3, bucket, _key(told, "accounts.json"), accounts.to_json(told), "application/json")
    publishing.put(s3, bucket, _key(told, "accounts.csv"), as_csv(told), "text/csv")
    publishing.put(s3, bucket, page, as_html(told), "text/html")
    return page


def _key(told: Accounts, name: str) -> str:
    return sweeps.key(told.sweep_id, told.at, name, members.FOLDER)


def as_csv(told: Accounts) -> str:
    """A line for each account, those that could not be swept first."""
    return spreadsheet.written(_COLUMNS, _lines(told))


def _lines(told: Accounts) -> Iterator[tuple[str, ...]]:
    for missed in told.not_swept:
        yield (missed.account_id, "no", missed.reason, *[""] * (len(_COLUMNS) - 3))
    for one in told.swept:
        numbers = (one.users, one.console_users, one.without_mfa, one.overdue, one.root_findings)
        changes = (one.new, one.resolved, one.exempt)
        severities = (one.severities[name] for name in overview.SEVERITIES)
        yield (one.account_id, "yes", "", *map(str, (*numbers, *severities, *changes)), one.page)


def as_html(told: Accounts) -> str:
    """The page, in UTF-8, in the style of an account's."""
    return report.page("accounts.html.j2", told=told, headline=accounts.headline(told), folder=_key(told, ""))


def mail(told: Accounts, report_url: str) -> mails.Mail:
    """What the operators read."""
    return mails.render(
        MAIL,
        sweep_id=told.sweep_id,
        at=told.at,
        headline=accounts.headline(told),
        counts=list(_counts(told)),
        missed=summary.cut([f"{report.names_in_words(ids, 5)}: {reason}" for reason, ids in accounts.reasons(told)]),
        worst=summary.cut(list(_worst(told))),
        report_url=report_url,
    )


def _counts(told: Accounts) -> Iterator[str]:
    yield f"{len(told.swept):,} swept, {len(told.not_swept):,} not swept"
    severities = [f"{number:,} {name}" for name, number in told.severities.items() if number]
    yield f"open findings: {', '.join(severities) or 'none'}"


def _worst(told: Accounts) -> Iterator[str]:
    for one in told.swept:
        if one.without_mfa or one.root_findings:
            yield f"{one.account_id}: {one.without_mfa:,} without MFA, findings about root: {one.root_findings:,}"
