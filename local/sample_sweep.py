"""A sweep of an account that is made up: for the tests and pictures of what is made of one."""

import random
from collections import Counter
from collections.abc import Iterator

from gatehouse import times
from gatehouse.compliance.model import (
    ACCOUNT,
    ROOT,
    Acted,
    Counts,
    Due,
    Exemption,
    Finding,
    Kind,
    Mode,
    Past,
    Rules,
    Sweep,
)

AT = "2026-11-22T06:00:00.000000Z"
ACCOUNT_ID = "123456789012"
RULES = Rules(
    mode=Mode.SUSPEND,
    dry_run=False,
    remind_after_days=1,
    remind_every_days=7,
    restrict_after_days=14,
    suspend_after_days=30,
    outsiders=False,
    circuit_breaker_percent=5,
    key_age_days=90,
    unused_days=45,
    password_age_days=90,
    root_used_days=30,
    stuck_days=14,
)
REASONS = {
    Kind.CONSOLE_WITHOUT_MFA: "has a password and no MFA device",
    Kind.PHISHABLE_MFA: "has an authenticator app only; the profile power-user wants a security key",
    Kind.KEY_TOO_OLD: "key 1 was last rotated 412 days ago",
    Kind.KEY_UNUSED: "key 2 was last used 97 days ago",
    Kind.KEY_WITHOUT_GUARD: "key 1 works without MFA",
    Kind.PASSWORD_UNUSED: "the password was last used 61 days ago",
    Kind.LOGIN_NEVER_USED: "has never signed in since 4 May 2026",
    Kind.OUTSIDE_GATEHOUSE: "was not made by Gatehouse and has no boundary",
    Kind.EXEMPTION_EXPIRED: "the exemption ended on 1 November 2026",
}
_FIRST = (
    "alice",
    "bob",
    "carla",
    "deniz",
    "emeka",
    "fatima",
    "goran",
    "hana",
    "ines",
    "jonas",
    "kamala",
    "liu",
    "mika",
)
_LAST = (
    "almeida",
    "brandt",
    "costa",
    "dubois",
    "eriksen",
    "farouk",
    "gupta",
    "haas",
    "ito",
    "jansen",
    "kovac",
    "lopez",
)
_OWNERS = ("data platform", "payments@example.com", "olga", "vendor-management", None)
_EXEMPTION = Exemption("security@example.com", "break-glass, sealed envelope in the safe", "2027-01-31")


def made_up(users: int, *, findings: int | None = None, names: tuple[str, ...] = ()) -> Sweep:
    """A sweep of so many users with so many findings (a fifth of the users by default), always the same.

    The first users have the given names; none of it is found where there are no users.
    """
    chance = random.Random(users)  # noqa: S311 - no secret
    wanted = users // 5 if findings is None else findings
    found = tuple(_findings(users, wanted, names, chance)) if users else ()
    without = sum(finding.kind is Kind.CONSOLE_WITHOUT_MFA and not finding.exemption for finding in found)
    standing = [finding for finding in found if not finding.exemption]
    counts = Counts(
        users=users,
        console_users=_console(users),
        console_users_with_mfa=_console(users) - without,
        findings=len(standing),
        exempt=len(found) - len(standing),
        by_kind=Counter(finding.kind.value for finding in standing),
    )
    return Sweep(
        sweep_id="3f0e2c1e-7d43-4a53-9c1f-2f8f4d1e9a70",
        account_id=ACCOUNT_ID,
        at=AT,
        reported_at="2026-11-22T04:12:00.000000Z",
        rules=RULES,
        counts=counts,
        findings=found,
        resolved=found[:3],
        past=tuple(_past(counts, chance)) if users else (),
        acted=tuple(_acted(found)),
    )


def _findings(users: int, wanted: int, names: tuple[str, ...], chance: random.Random) -> Iterator[Finding]:
    yield Finding(Kind.ROOT_USED, ROOT, "arn:aws:iam::123456789012:root", "signed in 9 days ago", _before(9))
    yield Finding(
        Kind.PASSWORD_POLICY_WEAK, ACCOUNT, "", "passwords of 8 characters are accepted, not 14", _before(200)
    )
    kinds = list(REASONS)
    for number in range(max(wanted - 2, 0)):
        name = _name(number % users, names)
        kind = kinds[number % len(kinds)]
        days = min(int(chance.expovariate(0.04)), 380)
        exemption = _EXEMPTION if number % 29 == 3 else None
        yield Finding(
            kind, name, f"arn:aws:iam::{ACCOUNT_ID}:user/{name}", REASONS[kind], _before(days),
            exemption=exemption,
            due=None if exemption else _due(kind, days),
            owner=_OWNERS[number % len(_OWNERS)],
        )  # fmt: skip


def _console(users: int) -> int:
    return -(-users * 9 // 10)


def _name(number: int, names: tuple[str, ...]) -> str:
    if number < len(names):
        return names[number]
    first, last = _FIRST[number % len(_FIRST)], _LAST[number // len(_FIRST) % len(_LAST)]
    again = number // (len(_FIRST) * len(_LAST))
    return f"{first}.{last}{again or ''}"


def _due(kind: Kind, days: int) -> Due | None:
    if kind is not Kind.CONSOLE_WITHOUT_MFA:
        return None
    for action, after in ((Mode.RESTRICT, RULES.restrict_after_days), (Mode.SUSPEND, RULES.suspend_after_days)):
        if days < after:
            return Due(action, _before(days - after), now=False)
    return Due(Mode.SUSPEND, _before(days - RULES.suspend_after_days), now=True)


def _acted(found: tuple[Finding, ...]) -> Iterator[Acted]:
    due = sorted({finding.subject for finding in found if finding.due and finding.due.now})
    for number, name in enumerate(due):
        if number % 17 == 5:
            yield Acted(name, Mode.SUSPEND, "skipped", "enrolled a device after the credential report was made")
        elif number % 17 == 11:
            yield Acted(name, Mode.SUSPEND, "failed", "AttachUserPolicy: LimitExceeded")
        else:
            yield Acted(name, Mode.SUSPEND, "done", "no MFA device for more than 30 days")


def _past(counts: Counts, chance: random.Random) -> Iterator[Past]:
    """Three months, in which it became better with some noise."""
    for days in range(90, 0, -1):
        more = 1 + days / 70 + chance.random() * 0.08
        without = round((counts.console_users - counts.console_users_with_mfa) * more)
        users = counts.console_users - days * counts.console_users // 900
        yield Past(
            _before(days),
            Counts(counts.users, users, max(users - without, 0), round(counts.findings * more), counts.exempt, {}),
        )


def _before(days: int) -> str:
    return times.after(AT, -days * 86_400)
