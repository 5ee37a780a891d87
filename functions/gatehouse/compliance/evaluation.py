"""What is wrong in an account: a pure function of what was read, the stack's rules, and the sweep before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gatehouse import catalogue, times
from gatehouse.compliance import due_actions, exemptions
from gatehouse.compliance.guard import Guard, is_ours
from gatehouse.compliance.model import (
    ACCOUNT,
    ROOT,
    AccessKey,
    Account,
    Counts,
    Credentials,
    Finding,
    Kind,
    Past,
    Rules,
    Sweep,
    User,
)

MOST_PAST = 400
"""A year of daily sweeps, and some on demand."""

DEVICE_SECONDS = 3600
"""So long somebody may take to set up a device, whoever starts two sweeps meanwhile."""

_OWNER_TAGS = ("gatehouse:owner", "owner", "email")


def evaluate(sweep_id: str, account: Account, rules: Rules, guard: Guard, earlier: Sweep | None, now: str) -> Sweep:
    """The sweep as it stands before anybody is acted on; `earlier` is the one that was published last.

    What the earlier one found as well keeps its `since`, unless an exemption from it is over: then the days of grace
    begin anew. Without an earlier one all of it is new, so nobody is acted on sooner.
    """
    before = {finding.key: finding for finding in earlier.findings} if earlier else {}
    devices_seen = _devices_seen(account, earlier, now)
    found = [
        _going_on(finding, before.get(finding.key)) for finding in _findings(account, rules, guard, devices_seen, now)
    ]
    users = {user.user_name: user for user in account.users}
    counts = _counts(account, found)
    decided, broken = due_actions.decide(found, users, rules, guard, earlier, counts.console_users, now)
    standing = {finding.key for finding in decided}
    return Sweep(
        sweep_id=sweep_id,
        account_id=account.account_id,
        at=now,
        reported_at=account.reported_at,
        rules=rules,
        counts=counts,
        findings=tuple(decided),
        resolved=tuple(finding for key, finding in before.items() if key not in standing),
        past=(*earlier.past, Past(earlier.at, earlier.counts))[-MOST_PAST:] if earlier else (),
        broken=broken,
        devices_seen=devices_seen,
    )


def _going_on(finding: Finding, before: Finding | None) -> Finding:
    if before is None or (before.exemption and not finding.exemption):
        return finding
    return replace(finding, since=before.since)


def _findings(
    account: Account, rules: Rules, guard: Guard, devices_seen: Mapping[str, str], now: str
) -> Iterator[Finding]:
    """All findings, each as if it were new, those of the account first."""
    yield from _about_account(account, devices_seen, now)
    if account.root:
        for kind, reason in _about_root(account.root, account, rules, now):
            yield Finding(kind, ROOT, account.root.arn, reason, now)
    yield from _stuck(account, rules, now)
    for user in sorted(account.users, key=lambda user: user.user_name):
        exempt, owner, held = exemptions.exemption(user.tags, now), _owner(user.tags), guard.holds_back(user)
        for kind, reason in _about_user(user, account, rules, guard, now):
            exemption = None if kind is Kind.EXEMPTION_EXPIRED else exempt
            yield Finding(kind, user.user_name, user.arn, reason, now, exemption, owner=owner, held=held)


def _about_account(account: Account, devices_seen: Mapping[str, str], now: str) -> Iterator[Finding]:
    arn = account.root.arn if account.root else ""
    if account.password_lacks:
        yield Finding(Kind.PASSWORD_POLICY_WEAK, ACCOUNT, arn, "; ".join(account.password_lacks), now)
    for serial in sorted(account.unassigned_devices):
        seen = devices_seen[serial]
        if seen <= times.after(now, -DEVICE_SECONDS):
            yield Finding(Kind.UNASSIGNED_DEVICE, serial, serial, f"no user has it, at least since {_day(seen)}", seen)


def _devices_seen(account: Account, earlier: Sweep | None, now: str) -> dict[str, str]:
    """When each device that is unassigned now was seen so first, in sweeps without a break."""
    before = earlier.devices_seen if earlier else {}
    return {serial: before.get(serial, now) for serial in account.unassigned_devices}


def _about_root(root: Credentials, account: Account, rules: Rules, now: str) -> Iterator[tuple[Kind, str]]:
    as_of = _as_of(account)
    if root.has_password and not root.mfa_active:
        yield Kind.ROOT_WITHOUT_MFA, f"no MFA device, {as_of}"
    if active := [number for number, key in _active(root.keys)]:
        yield Kind.ROOT_ACCESS_KEY, f"access key {_and(active)} active, {as_of}"
    used = max(filter(None, (root.password_last_used_at, *(key.last_used_at for key in root.keys))), default=None)
    if used and not _is_older(used, rules.root_used_days, now):
        yield Kind.ROOT_USED, f"last used {_day(used)}"


def _stuck(account: Account, rules: Rules, now: str) -> Iterator[Finding]:
    arns = {user.user_name: user.arn for user in account.users}
    for onboarding_id, user_name in sorted(account.stuck.items()):
        reason = f"onboarding {onboarding_id} is open for more than {rules.stuck_days} days"
        yield Finding(Kind.ONBOARDING_STUCK, user_name, arns.get(user_name, ""), reason, now)


def _about_user(user: User, account: Account, rules: Rules, guard: Guard, now: str) -> Iterator[tuple[Kind, str]]:
    if problem := exemptions.problem(user.tags, now):
        yield Kind.EXEMPTION_EXPIRED, problem
    yield from _about_guard(user, account, guard)
    credentials = user.credentials
    if credentials is None:
        # Newer than the report: what a user of some hours may have done wrong is for the next one to tell.
        return
    if credentials.has_password:
        yield from _about_mfa(user, account)
        yield from _about_password(credentials, rules, now)
    yield from _about_keys(user, credentials, rules, guard, now)


def _about_guard(user: User, account: Account, guard: Guard) -> Iterator[tuple[Kind, str]]:
    if not is_ours(user):
        yield Kind.OUTSIDE_GATEHOUSE, f"its path is {user.path}"
    elif not guard.holds(user):
        boundary = user.boundary.rsplit("/", 1)[-1] if user.boundary else "none"
        yield Kind.GUARD_MISSING, f"its permissions boundary is {boundary}"
    elif user.boundary in guard.members and user.credentials and not user.has_mfa:
        # Before MFA a member may not even enrol: it has lost its device, and works no more.
        yield Kind.GUARD_MISSING, f"a member's permissions boundary, and no MFA device, {_as_of(account)}"


def _about_mfa(user: User, account: Account) -> Iterator[tuple[Kind, str]]:
    if not user.has_mfa:
        known = "as IAM says now" if user.devices is not None else _as_of(account)
        yield Kind.CONSOLE_WITHOUT_MFA, f"a console password and no MFA device, {known}"
    elif demands_more(user) and user.devices is not None and "security_key" not in user.devices:
        yield Kind.PHISHABLE_MFA, f"its MFA: {_and(sorted(set(user.devices)))}"


def demands_more(user: User) -> bool:
    """Whether the user's profile demands MFA that cannot be phished."""
    return catalogue.demands_phishing_resistant_mfa(user.tags.get("gatehouse:profile"))


def _about_password(credentials: Credentials, rules: Rules, now: str) -> Iterator[tuple[Kind, str]]:
    changed = credentials.password_changed_at
    if used := credentials.password_last_used_at:
        if _is_older(used, rules.unused_days, now):
            yield Kind.PASSWORD_UNUSED, f"last used {_day(used)}"
    elif _is_older(given := changed or credentials.created_at, rules.unused_days, now):
        yield Kind.LOGIN_NEVER_USED, f"never used, given {_day(given)}"
    if changed and _is_older(changed, rules.password_age_days, now):
        yield Kind.PASSWORD_TOO_OLD, f"last changed {_day(changed)}"


def _about_keys(
    user: User, credentials: Credentials, rules: Rules, guard: Guard, now: str
) -> Iterator[tuple[Kind, str]]:
    active = list(_active(credentials.keys))
    if active and not guard.holds(user):
        yield Kind.KEY_WITHOUT_GUARD, f"access key {_and(number for number, _ in active)} active"
    old = [
        (n, key.rotated_at)
        for n, key in active
        if key.rotated_at and _is_older(key.rotated_at, rules.key_age_days, now)
    ]
    if old:
        yield Kind.KEY_TOO_OLD, _and(f"access key {number} made {_day(at)}" for number, at in old)
    unused = []
    for number, key in active:
        if key.last_used_at and _is_older(key.last_used_at, rules.unused_days, now):
            unused.append(f"access key {number} last used {_day(key.last_used_at)}")
        elif not key.last_used_at and key.rotated_at and _is_older(key.rotated_at, rules.unused_days, now):
            unused.append(f"access key {number} never used, made {_day(key.rotated_at)}")
    if unused:
        yield Kind.KEY_UNUSED, _and(unused)


def _active(keys: Iterable[AccessKey]) -> Iterator[tuple[str, AccessKey]]:
    """The active keys, numbered as in the report."""
    return ((str(number), key) for number, key in enumerate(keys, start=1) if key.active)


def _counts(account: Account, found: list[Finding]) -> Counts:
    console = [user for user in account.users if user.has_console]
    open_ones = [finding for finding in found if not finding.exemption]
    return Counts(
        users=len(account.users),
        console_users=len(console),
        console_users_with_mfa=sum(user.has_mfa for user in console),
        findings=len(open_ones),
        exempt=len(found) - len(open_ones),
        by_kind=dict(Counter(finding.kind.value for finding in open_ones)),
    )


def _owner(tags: Mapping[str, str]) -> str | None:
    lowered = {tag.lower(): value for tag, value in tags.items()}
    return next((lowered[tag] for tag in _OWNER_TAGS if lowered.get(tag)), None)


def _is_older(moment: str, days: int, now: str) -> bool:
    return moment < times.after(now, -days * times.DAY)


def _as_of(account: Account) -> str:
    return f"as of the report of {times.in_words(account.reported_at)}"


def _day(moment: str) -> str:
    return moment[:10]


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)
