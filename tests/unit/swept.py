"""Accounts as a sweep reads them: made by hand, and of every shape by hypothesis; and the report as AWS writes it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from gatehouse import times
from gatehouse.compliance import exemptions
from gatehouse.compliance.guard import Guard
from gatehouse.compliance.model import (
    ROOT,
    AccessKey,
    Account,
    Credentials,
    Mode,
    User,
)
from local import sample_sweep
from tests.unit.account import ACCOUNT, APPLICATION, BOUNDARY_PREFIX, ENROLLING, MEMBER, MEMBER_ONE_REGION, NOW

GUARD = Guard.of(BOUNDARY_PREFIX)
REPORTED = times.after(NOW, -3600)
RULES = replace(sample_sweep.RULES, circuit_breaker_percent=100)
NO_KEY = AccessKey(active=False, rotated_at=None, last_used_at=None)


def ago(days: float, now: str = NOW) -> str:
    return times.after(now, -days * 86_400)


def credentials(name: str, **about: Any) -> Credentials:
    """Somebody who came 100 days ago, has neither password nor keys, and no MFA."""
    arn = f"arn:aws:iam::{ACCOUNT}:root" if name == ROOT else f"arn:aws:iam::{ACCOUNT}:user/{name}"
    nothing = Credentials(name, arn, ago(100), False, None, None, False, (NO_KEY, NO_KEY))
    return replace(nothing, **about)


def user(name: str, path: str = "/gatehouse/", **about: Any) -> User:
    """A member of Gatehouse with a password that was used yesterday, and a virtual device."""
    fresh = {"has_password": True, "password_changed_at": ago(10), "password_last_used_at": ago(1), "mfa_active": True}
    member = User(
        user_name=name,
        arn=f"arn:aws:iam::{ACCOUNT}:user{path}{name}",
        path=path,
        created_at=ago(100),
        boundary=MEMBER,
        tags={},
        virtual_devices=1,
        credentials=credentials(name, **fresh),
    )
    return replace(member, **about)


def without_mfa(name: str, **about: Any) -> User:
    """A user who may only enrol, and has not."""
    unenrolled = user(name, boundary=ENROLLING, virtual_devices=0)
    assert unenrolled.credentials
    line = replace(unenrolled.credentials, mfa_active=False)
    return replace(unenrolled, **{"credentials": line, **about})


def account(*users: User, **about: Any) -> Account:
    """An account in order, but for these users."""
    root = credentials(ROOT, has_password=True, mfa_active=True, password_last_used_at=ago(200))
    return replace(Account(ACCOUNT, REPORTED, root, users, ()), **about)


def exempting(until: str, owner: str = "ciso@example.com", reason: str = "break glass") -> dict[str, str]:
    """The tags of an exemption."""
    return {exemptions.OWNER: owner, exemptions.REASON: reason, exemptions.UNTIL: until}


# As AWS writes the report.
COLUMNS = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
]


def report(lines: Iterable[Credentials], columns: Iterable[str] = COLUMNS) -> str:
    """The CSV of these lines, the root user's first; AWS quotes nothing, and ends the last line without a line feed."""
    header = list(columns)
    rows = [header, *([line.get(column, "N/A") for column in header] for line in map(_line, lines))]
    return "\n".join(",".join(row) for row in rows)


def _line(one: Credentials) -> dict[str, str]:
    is_root = one.user_name == ROOT
    without = "not_supported" if is_root else "N/A"
    never = "no_information" if one.has_password else "N/A"
    line = {
        "user": one.user_name,
        "arn": one.arn,
        "user_creation_time": _time(one.created_at, "N/A"),
        "password_enabled": "not_supported" if is_root and one.has_password else str(one.has_password).lower(),
        "password_last_used": _time(one.password_last_used_at, never),
        "password_last_changed": _time(one.password_changed_at, without),
        "password_next_rotation": without,
        "mfa_active": str(one.mfa_active).lower(),
        "cert_1_active": "false",
        "cert_2_active": "false",
    }
    for number, key in enumerate(one.keys, start=1):
        line[f"access_key_{number}_active"] = str(key.active).lower()
        line[f"access_key_{number}_last_rotated"] = _time(key.rotated_at, "N/A")
        line[f"access_key_{number}_last_used_date"] = _time(key.last_used_at, "N/A")
    return line


def _time(moment: str | None, otherwise: str) -> str:
    return times.parse(moment).strftime("%Y-%m-%dT%H:%M:%S+00:00") if moment else otherwise


# Every shape. Days ago are those around which a rule changes its mind.
DAYS = st.sampled_from([0, 0.5, 1, 2, 8, 13, 14, 15, 29, 30, 31, 44, 45, 46, 60, 89, 90, 91, 400])
MOMENTS = DAYS.map(ago)
NAMES = ("ann", "Bob.Builder", "doe,john+x@example.com")
KEYS = st.builds(AccessKey, st.booleans(), st.none() | MOMENTS, st.none() | MOMENTS)
DATES = st.integers(-60, 60).map(lambda days: (date.fromisoformat(NOW[:10]) + timedelta(days)).isoformat())
EXEMPT_TAGS = st.fixed_dictionaries(
    {},
    optional={
        exemptions.OWNER: st.sampled_from(["", "ciso@example.com"]),
        exemptions.REASON: st.just("break glass"),
        exemptions.UNTIL: DATES | st.sampled_from(["", "soon"]),
    },
)
PATHS = st.sampled_from(["/", "/gatehouse/", "/gatehouse/", "/gatehouse/applications/", "/team/"])
BOUNDARIES = st.sampled_from([None, ENROLLING, MEMBER, MEMBER_ONE_REGION, APPLICATION, "arn:aws:iam::1:policy/own"])
TEN_POLICIES = tuple(f"arn:aws:iam::{ACCOUNT}:policy/{number}" for number in range(10))
POLICIES = st.sampled_from([(), (), (GUARD.restricted,), (GUARD.suspended,), TEN_POLICIES])
DEVICES = st.sampled_from([None, None, None, (), ("virtual",), ("virtual", "security_key")])
RARELY = st.sampled_from([False, False, False, True])
PROFILES = st.sampled_from(["developer", "phishing-resistant", "unheard-of"])


@st.composite
def users(draw: st.DrawFn, name: str) -> User:
    path = draw(PATHS)
    line = credentials(
        name,
        created_at=draw(MOMENTS),
        has_password=draw(st.booleans()),
        password_last_used_at=draw(st.none() | MOMENTS),
        password_changed_at=draw(st.none() | MOMENTS),
        mfa_active=draw(RARELY),
        keys=(draw(KEYS), draw(KEYS)),
    )
    return User(
        user_name=name,
        arn=f"arn:aws:iam::{ACCOUNT}:user{path}{name}",
        path=path,
        created_at=line.created_at,
        boundary=draw(BOUNDARIES),
        tags={**draw(EXEMPT_TAGS), "gatehouse:profile": draw(PROFILES)},
        virtual_devices=int(draw(RARELY)),
        credentials=draw(st.sampled_from([line, line, line, None])),
        policies=draw(POLICIES),
        devices=draw(DEVICES),
    )


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """A few users of the same few names, so that one sweep finds again what another found."""
    names = draw(st.sets(st.sampled_from(NAMES)))
    root = credentials(
        ROOT,
        has_password=draw(st.booleans()),
        password_last_used_at=draw(st.none() | MOMENTS),
        mfa_active=draw(st.booleans()),
        keys=(draw(KEYS), draw(KEYS)),
    )
    return Account(
        account_id=ACCOUNT,
        reported_at=REPORTED,
        root=root,
        users=tuple(draw(users(name)) for name in sorted(names)),
        unassigned_devices=tuple(draw(st.lists(st.sampled_from(SERIALS), unique=True))),
        password_lacks=draw(st.sampled_from([(), ("8 characters suffice where 14 are wanted",)])),
        stuck={
            f"id-of-{name}": name for name in draw(st.lists(st.sampled_from(["x", *names]), unique=True, max_size=2))
        },
    )


SERIALS = [f"arn:aws:iam::{ACCOUNT}:mfa/{name}" for name in ("phone", "tablet", "left-over")]

RULE_SETS = st.builds(
    replace,
    st.just(RULES),
    mode=st.sampled_from(Mode),
    dry_run=st.booleans(),
    outsiders=st.booleans(),
    remind_after_days=st.sampled_from([0, 1]),
    circuit_breaker_percent=st.sampled_from([1, 34, 100]),
)
