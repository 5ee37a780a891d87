"""What users are told of their own findings: when, where to, and that no crash tells it again and again.

A mail is begun in the user's case before it is sent, and noted as out once SES has taken it. Where nobody knows whether
it is out, it is sent again a day later at the earliest.
"""

import re
from typing import Any

from gatehouse import iam_users, mailing, mails, records, times
from gatehouse.compliance import actions, cases
from gatehouse.compliance.cases import Case
from gatehouse.compliance.live import Live
from gatehouse.compliance.model import Finding, Kind, Mode, Rules
from gatehouse.logs import logger
from gatehouse.table import Table

RESTRICTED, SUSPENDED, RESTORED = "access_restricted", "access_suspended", "access_restored"
REMINDERS = {Kind.CONSOLE_WITHOUT_MFA: "mfa_missing", Kind.PHISHABLE_MFA: "mfa_phishable"}

ADDRESS_TAG = "email"
"""The tag by which a user outside Gatehouse says where it can be written to."""

MAILED, NO_ADDRESS, NOT_SENT = "mailed", "no mail address is known", "the mail was not sent"

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_HALF_A_DAY = times.DAY // 2
"""Sweeps are not on time to the second: what is due today is not put off until the next one."""


def due(case: Case, action: Mode, finding: Finding, rules: Rules, now: str) -> str | None:
    """The mail that a user is to get after a step was taken, or None."""
    if action is Mode.SUSPEND and case.suspension:
        return SUSPENDED if is_wanted(case, SUSPENDED, case.suspension.at, now) else None
    if action is Mode.RESTRICT and case.restriction and is_wanted(case, RESTRICTED, case.restriction.at, now):
        return RESTRICTED
    name, every = REMINDERS[finding.kind], rules.remind_every_days * times.DAY - _HALF_A_DAY
    if now < times.after(case.mails_begun.get(RESTRICTED, finding.since), every) and case.restriction:
        return None
    return name if is_wanted(case, name, times.after(finding.since, 0), now, every) else None


def is_wanted(case: Case, name: str, since: str, now: str, every: int | None = None) -> bool:
    """Whether a mail is still to be sent that is due once from `since` on, or again after so many seconds."""
    begun, sent = case.mails_begun.get(name, ""), case.mails_sent.get(name, "")
    if begun < since:
        return True
    if sent < begun:
        return now >= times.after(begun, times.DAY)
    return every is not None and now >= times.after(sent, every)


def of_finding(case: Case, live: Live, finding: Finding, rules: Rules, now: str) -> dict[str, Any]:
    """What the mail says of a finding and of what comes next, besides what every mail says."""
    begins = actions.earliest(case, times.after(finding.since, 0), rules, now)
    held = live.is_our_person or rules.outsiders
    return {
        "since": finding.since,
        "at": case.suspension.at if case.suspension else case.restriction.at if case.restriction else now,
        "reason": REASON,
        # Who once had a device is under a boundary by which a stolen password enrols nothing.
        "may_enrol": not live.is_our_person or case.restriction is not None,
        "restrict_at": begins[Mode.RESTRICT]
        if held and not case.restriction and rules.mode in (Mode.RESTRICT, Mode.SUSPEND)
        else None,
        "suspend_at": begins[Mode.SUSPEND] if held and rules.mode is Mode.SUSPEND else None,
    }


REASON = "a password for the console, and no MFA device"


def address(table: Table, live: Live) -> str | None:
    """Where a user can be written to: as its onboarding says, or its tag; None where nobody has said it."""
    onboarding = records.find(table, live.tags.get(iam_users.ID_TAG, "")) if live.is_our_person else None
    told = onboarding.request["email"] if onboarding else live.tags.get(ADDRESS_TAG, "")
    return told if _ADDRESS.fullmatch(told) else None


def tell(
    ses: Any,
    table: Table,
    case: Case,
    live: Live,
    name: str,
    content: dict[str, Any],
    sender: mailing.Sender,
    account_id: str,
) -> tuple[Case, str]:
    """The case with what became of the mail, and MAILED, NO_ADDRESS or NOT_SENT. No act waits for a mail that fails.

    Without an address the mail counts as sent: the report tells operators whom nobody can write to.
    """
    now, to, outcome = times.now(), address(table, live), MAILED
    case = cases.write(table, case, {f"mails_begun.{name}": now})
    shown = {"user_name": live.user_name, "account_id": account_id, **content}
    shown["sign_in_url"] = iam_users.sign_in_url_of(account_id)
    try:
        if to:
            mailing.send(ses, mails.render(name, **shown), sender, [to], {"compliance": case.user_id, "mail": name})
        else:
            outcome = NO_ADDRESS
    except Exception as error:
        logger().warning("mail not sent", mail=name, user_name=live.user_name, error=type(error).__name__)
        return cases.write(table, case, {}, removes=(f"mails_begun.{name}",)), NOT_SENT
    return cases.write(table, case, {f"mails_sent.{name}": now}), outcome
