"""One sweep of many accounts: what was found in each, and who could not be looked into, in words."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse.compliance import members, overview, publishing, report, sweeps
from gatehouse.compliance.measures import Measure
from gatehouse.compliance.model import ROOT, Sweep

MOST_WORDS = 300
"""Characters of a reason: what AWS says may be long."""


@dataclass(frozen=True)
class Swept:
    """The numbers of one account. `severities` counts its open findings; `page` is the key of its report."""

    account_id: str
    users: int
    console_users: int
    without_mfa: int
    overdue: int
    root_findings: int
    severities: Mapping[str, int]
    new: int
    resolved: int
    exempt: int
    page: str


@dataclass(frozen=True)
class NotSwept:
    """An account that could not be looked into, why, and when it was last; None for never."""

    account_id: str
    reason: str
    last_swept_at: str | None


@dataclass(frozen=True)
class Accounts:
    """What one sweep of many accounts tells; the worst first."""

    sweep_id: str
    at: str
    swept: tuple[Swept, ...]
    not_swept: tuple[NotSwept, ...]

    @property
    def console_users(self) -> int:
        return sum(one.console_users for one in self.swept)

    @property
    def without_mfa(self) -> int:
        return sum(one.without_mfa for one in self.swept)

    @property
    def severities(self) -> dict[str, int]:
        return {name: sum(one.severities[name] for one in self.swept) for name in overview.SEVERITIES}


def of(sweep_id: str, at: str, swept: Iterable[Swept], not_swept: Iterable[NotSwept]) -> Accounts:
    worst = sorted(swept, key=lambda one: (*(-number for number in _weight(one)), one.account_id))
    return Accounts(sweep_id, at, tuple(worst), tuple(sorted(not_swept, key=lambda one: one.account_id)))


def _weight(one: Swept) -> tuple[int, ...]:
    return (one.root_findings, one.without_mfa, *(one.severities[name] for name in overview.SEVERITIES))


def swept(account_id: str, sweep: Sweep) -> Swept:
    kinds = overview.by_kind(sweep)
    return Swept(
        account_id=account_id,
        users=sweep.counts.users,
        console_users=sweep.counts.console_users,
        without_mfa=report.without_mfa(sweep.counts),
        overdue=overview.overdue(sweep),
        root_findings=sum(finding.subject == ROOT for finding in overview.open_findings(sweep)),
        severities=overview.by_severity(sweep),
        new=sum(one.new for one in kinds),
        resolved=sum(one.resolved for one in kinds),
        exempt=sweep.counts.exempt,
        page=sweeps.key(sweep.sweep_id, sweep.at, publishing.PAGE, members.folder(account_id)),
    )


def not_swept(account_id: str, error: str, cause: str, last: Sweep | None) -> NotSwept:
    """`error` and `cause` as Step Functions tells them; the cause may be cut off anywhere."""
    return NotSwept(account_id, in_words(error, cause), last.at if last else None)


_MESSAGE = re.compile(r'"errorMessage":\s*"((?:[^"\\]|\\.)*)')

_IN_WORDS = {
    "ReportNotReady": "IAM was still making the account's credential report; the next sweep has it",
    "MalformedReport": "the account's credential report is not as AWS documents it",
    "TransientFault": "AWS did not answer, or throttled, for as long as it was tried",
    "NotYetConsistent": "AWS did not show for as long as it was tried what must be there",
    "NotTold": "its execution ended without an answer: look for it in the map run in Step Functions",
}


def in_words(error: str, cause: str) -> str:
    """Why an account was not swept, for who has to mend it."""
    found = _MESSAGE.search(cause)
    message = found[1] if found else cause
    operation = message.partition(":")[0]
    if error == "AccessDenied" and operation == "AssumeRole":
        said = "its role cannot be assumed: no such account, the role is not deployed there, or it trusts another stack"
    elif error == "AccessDenied":
        said = f"its role may not call {operation}: deploy the role's template again, or look for a policy that denies"
    elif error in _IN_WORDS:
        said = _IN_WORDS[error]
    else:
        said = f"{error}: {message}" if message else error
    return said[:MOST_WORDS]


def measures(accounts: Accounts) -> list[Measure]:
    """Every number, zero as well: an alarm ends only where it is told so."""
    return [
        Measure("AccountsSwept", len(accounts.swept)),
        Measure("AccountsNotSwept", len(accounts.not_swept)),
        Measure("MemberConsoleUsers", accounts.console_users),
        Measure("MemberConsoleUsersWithoutMfa", accounts.without_mfa),
        Measure("MemberConsoleUsersWithoutMfaOverdue", sum(one.overdue for one in accounts.swept)),
        Measure("MemberRootFindings", sum(one.root_findings for one in accounts.swept)),
        Measure("MemberOpenFindings", sum(accounts.severities.values())),
    ]


def reasons(accounts: Accounts) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each reason with its accounts, the most frequent first."""
    counted = Counter(one.reason for one in accounts.not_swept)
    for reason, _ in counted.most_common():
        yield reason, tuple(one.account_id for one in accounts.not_swept if one.reason == reason)


def to_json(accounts: Accounts) -> str:
    return json.dumps(asdict(accounts), ensure_ascii=False, separators=(",", ":"))


def headline(accounts: Accounts) -> str:
    """`107 of 4,500 console users in 12 accounts without MFA`."""
    if not (number := len(accounts.swept)):
        return "no account was swept"
    where = overview.counted(number, "account")
    if not accounts.without_mfa:
        return f"every console user in {where} has MFA"
    return (
        f"{accounts.without_mfa:,} of {overview.counted(accounts.console_users, 'console user')} in {where} without MFA"
    )


def find(
    s3: Any,
    bucket: str,
    sweep_id: str,
    at: str,
    account_ids: Iterable[str],
    outcomes: Iterable[Mapping[str, str] | None],
) -> Accounts:
    """Read what the sweep of each account wrote; an outcome with an `error` is one that could not.

    An execution that did not get as far as an outcome leaves none, or one of Step Functions' own without the account.
    One account at a time is in memory, however many there are.
    """
    told: list[Swept] = []
    missed: list[NotSwept] = []
    of_account = {outcome["account_id"]: outcome for outcome in outcomes if outcome and "account_id" in outcome}
    for account_id in account_ids:
        outcome = of_account.get(account_id, {"error": "NotTold", "cause": ""})
        if "error" in outcome:
            known = members.is_account_id(account_id)
            last = sweeps.earlier(s3, bucket, members.folder(account_id)) if known else None
            missed.append(not_swept(account_id, outcome["error"], outcome["cause"], last))
        else:
            key = sweeps.findings_key(sweep_id, at, members.folder(account_id))
            told.append(swept(account_id, sweeps.load(s3, bucket, key)))
    return of(sweep_id, at, told, missed)
