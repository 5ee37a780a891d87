"""The rules of a sweep once more, in plain words and without regard to speed: what `evaluation` is held against.

Each function of `ABOUT_USERS` is a sentence about one user; nothing here comes from the code that it checks.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gatehouse.compliance.model import Account, Kind, Mode, Rules, Sweep, User
from tests.unit.account import APPLICATION, BOUNDARY_PREFIX, ENROLLING, MEMBER, MEMBER_ONE_REGION

Words = Callable[[User, Rules, datetime], bool]


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def more_than(days: int, since: str | None, now: datetime) -> bool:
    """More than so many days have passed since then, if there was such a time."""
    return since is not None and now - moment(since) > timedelta(days=days)


def can_sign_in(user: User) -> bool:
    """The report knows the user, and a password."""
    return user.credentials is not None and user.credentials.has_password


def has_mfa(user: User) -> bool:
    """Asked live, IAM names a device; not asked, a virtual device is the user's or the report says it has MFA."""
    if user.devices is not None:
        return len(user.devices) > 0
    if user.virtual_devices > 0:
        return True
    return user.credentials is not None and user.credentials.mfa_active


def is_of_gatehouse(user: User) -> bool:
    return user.path in ("/gatehouse/", "/gatehouse/applications/")


def is_a_program(user: User) -> bool:
    return user.path == "/gatehouse/applications/"


def is_guarded(user: User) -> bool:
    """A program has the boundary of programs, everybody else one of the three of people."""
    if is_a_program(user):
        return user.boundary == APPLICATION
    return user.boundary in (ENROLLING, MEMBER, MEMBER_ONE_REGION)


def console_without_mfa(user: User, rules: Rules, now: datetime) -> bool:
    return can_sign_in(user) and not has_mfa(user)


def phishable_mfa(user: User, rules: Rules, now: datetime) -> bool:
    """The profile demands more, IAM was asked for the devices, there are some, and none is a security key."""
    demanding = user.tags.get("gatehouse:profile") == "phishing-resistant"
    return can_sign_in(user) and demanding and bool(user.devices) and "security_key" not in (user.devices or ())


def password_unused(user: User, rules: Rules, now: datetime) -> bool:
    """It was used once, and not for too long."""
    return can_sign_in(user) and more_than(rules.unused_days, user.credentials.password_last_used_at, now)


def login_never_used(user: User, rules: Rules, now: datetime) -> bool:
    """It was never used, and was given long ago: when it was changed last, or, unknown, when the user was made."""
    if not can_sign_in(user) or user.credentials.password_last_used_at is not None:
        return False
    return more_than(rules.unused_days, user.credentials.password_changed_at or user.credentials.created_at, now)


def password_too_old(user: User, rules: Rules, now: datetime) -> bool:
    return can_sign_in(user) and more_than(rules.password_age_days, user.credentials.password_changed_at, now)


def key_too_old(user: User, rules: Rules, now: datetime) -> bool:
    keys = user.credentials.keys if user.credentials else ()
    return any(key.active and more_than(rules.key_age_days, key.rotated_at, now) for key in keys)


def key_unused(user: User, rules: Rules, now: datetime) -> bool:
    """An active key was not used for too long; one never used counts from when it was made."""
    keys = user.credentials.keys if user.credentials else ()
    return any(key.active and more_than(rules.unused_days, key.last_used_at or key.rotated_at, now) for key in keys)


def key_without_guard(user: User, rules: Rules, now: datetime) -> bool:
    keys = user.credentials.keys if user.credentials else ()
    return any(key.active for key in keys) and not is_guarded(user)


def outside_gatehouse(user: User, rules: Rules, now: datetime) -> bool:
    return not is_of_gatehouse(user)


def guard_missing(user: User, rules: Rules, now: datetime) -> bool:
    """A user of Gatehouse has not its boundary, or is a member whom the report knows without MFA."""
    if not is_of_gatehouse(user):
        return False
    if not is_guarded(user):
        return True
    return user.boundary in (MEMBER, MEMBER_ONE_REGION) and user.credentials is not None and not has_mfa(user)


def exemption_expired(user: User, rules: Rules, now: datetime) -> bool:
    """Some of an exemption's tags are there, and they exempt nobody."""
    return any(tag.startswith("gatehouse:exempt-") for tag in user.tags) and not is_exempt(user, now)


def is_exempt(user: User, now: datetime) -> bool:
    """Owner, reason and end are told, and the day of the end has not begun."""
    owner, reason, until = (user.tags.get(f"gatehouse:exempt-{what}", "") for what in ("owner", "reason", "until"))
    if not owner or not reason:
        return False
    try:
        return now < datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False


ABOUT_USERS: dict[Kind, Words] = {
    Kind.CONSOLE_WITHOUT_MFA: console_without_mfa,
    Kind.PHISHABLE_MFA: phishable_mfa,
    Kind.PASSWORD_UNUSED: password_unused,
    Kind.LOGIN_NEVER_USED: login_never_used,
    Kind.PASSWORD_TOO_OLD: password_too_old,
    Kind.KEY_TOO_OLD: key_too_old,
    Kind.KEY_UNUSED: key_unused,
    Kind.KEY_WITHOUT_GUARD: key_without_guard,
    Kind.OUTSIDE_GATEHOUSE: outside_gatehouse,
    Kind.GUARD_MISSING: guard_missing,
    Kind.EXEMPTION_EXPIRED: exemption_expired,
}


def wrong(account: Account, rules: Rules, earlier: Sweep | None, now: str) -> set[tuple[Kind, str]]:
    """Everything that is wrong: the kind, and with whom or what."""
    at, root = moment(now), account.root
    assert root
    found = {
        (kind, user.user_name)
        for user in account.users
        for kind, is_so in ABOUT_USERS.items()
        if is_so(user, rules, at)
    }
    if root.has_password and not root.mfa_active:
        found.add((Kind.ROOT_WITHOUT_MFA, root.user_name))
    if any(key.active for key in root.keys):
        found.add((Kind.ROOT_ACCESS_KEY, root.user_name))
    uses = [root.password_last_used_at, *(key.last_used_at for key in root.keys)]
    if any(use is not None and not more_than(rules.root_used_days, use, at) for use in uses):
        found.add((Kind.ROOT_USED, root.user_name))
    if account.password_lacks:
        found.add((Kind.PASSWORD_POLICY_WEAK, "<account>"))
    for user_name in account.stuck.values():
        found.add((Kind.ONBOARDING_STUCK, user_name))
    for serial in account.unassigned_devices:
        # A sweep at least an hour ago has seen it, and every one since.
        seen = earlier.devices_seen.get(serial) if earlier else None
        if seen is not None and at - moment(seen) >= timedelta(hours=1):
            found.add((Kind.UNASSIGNED_DEVICE, serial))
    return found


class Allowed(NamedTuple):
    """What may be done to a user about one kind of finding, whenever its time comes."""

    remind: bool
    restrict: bool
    suspend: bool


def allowed(kind: Kind, user: User, rules: Rules, now: datetime) -> Allowed:
    """About MFA only; nothing to programs, exempt users and who is suspended; and no more than the mode says."""
    if kind not in (Kind.CONSOLE_WITHOUT_MFA, Kind.PHISHABLE_MFA) or is_a_program(user) or is_exempt(user, now):
        return Allowed(False, False, False)
    if f"{BOUNDARY_PREFIX}suspended" in user.policies or rules.mode == Mode.REPORT:
        return Allowed(False, False, False)
    ours = is_of_gatehouse(user) or rules.outsiders
    is_restricted = user.boundary == ENROLLING or f"{BOUNDARY_PREFIX}restricted" in user.policies
    grave = kind == Kind.CONSOLE_WITHOUT_MFA and ours
    return Allowed(
        remind=True,
        restrict=grave and not is_restricted and rules.mode in (Mode.RESTRICT, Mode.SUSPEND),
        suspend=grave and rules.mode == Mode.SUSPEND,
    )


def grave_action(kind: Kind, user: User, since: str, rules: Rules, now: str) -> Mode | None:
    """Whether the user is to be restricted or suspended now, by the days of grace since it was found."""
    at, began = moment(now), moment(since)
    may = allowed(kind, user, rules, at)
    if may.suspend and at >= began + timedelta(days=rules.suspend_after_days):
        return Mode.SUSPEND
    if may.restrict and at >= began + timedelta(days=rules.restrict_after_days):
        return Mode.RESTRICT
    return None


def has_no_room(user: User) -> bool:
    """Ten managed policies, and no member's boundary to exchange instead of attaching one more."""
    return len(user.policies) == 10 and not (is_of_gatehouse(user) and user.boundary in (MEMBER, MEMBER_ONE_REGION))


def too_many(grave: int, account: Account, rules: Rules) -> bool:
    """More than one, and more than the set share of those who can sign in."""
    return grave > 1 and grave * 100 > rules.circuit_breaker_percent * sum(map(can_sign_in, account.users))
