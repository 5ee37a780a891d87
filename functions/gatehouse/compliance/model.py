"""What a compliance sweep knows, finds and does. Times are RFC 3339 in UTC, periods days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ROOT = "<root_account>"
"""The root user's name in the credential report, and the subject of what is found about it."""

ACCOUNT = "<account>"
"""The subject of what is found about the account as a whole: as ROOT, no name that IAM allows."""


class Kind(StrEnum):
    """What can be wrong; `rules.RULES` says in words what each means and how it is cured."""

    CONSOLE_WITHOUT_MFA = "console-without-mfa"
    PHISHABLE_MFA = "phishable-mfa"
    ONBOARDING_STUCK = "onboarding-stuck"
    ROOT_WITHOUT_MFA = "root-without-mfa"
    ROOT_ACCESS_KEY = "root-access-key"
    ROOT_USED = "root-used"
    KEY_TOO_OLD = "key-too-old"
    KEY_UNUSED = "key-unused"
    KEY_WITHOUT_GUARD = "key-without-guard"
    PASSWORD_UNUSED = "password-unused"  # noqa: S105 - the name of a finding
    PASSWORD_TOO_OLD = "password-too-old"  # noqa: S105 - the name of a finding
    LOGIN_NEVER_USED = "login-never-used"
    OUTSIDE_GATEHOUSE = "outside-gatehouse"
    GUARD_MISSING = "guard-missing"
    UNASSIGNED_DEVICE = "unassigned-device"
    PASSWORD_POLICY_WEAK = "password-policy-weak"  # noqa: S105 - the name of a finding
    EXEMPTION_EXPIRED = "exemption-expired"


class Mode(StrEnum):
    """How far a sweep goes; each includes those before it."""

    REPORT = "report"
    REMIND = "remind"
    RESTRICT = "restrict"
    SUSPEND = "suspend"

    @property
    def rank(self) -> int:
        return list(Mode).index(self)

    @property
    def is_grave(self) -> bool:
        """Whether it changes what a user can do."""
        return self in (Mode.RESTRICT, Mode.SUSPEND)


class Outcome(StrEnum):
    """What became of an action, in the order in which people are told."""

    FAILED = "failed"
    DONE = "done"
    DRY_RUN = "dry-run"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One of a user's two keys, as the credential report tells it; None where it says N/A."""

    active: bool
    rotated_at: str | None
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """One line of the credential report. None where the report says `N/A`, `no_information` or `not_supported`."""

    user_name: str
    arn: str
    created_at: str
    has_password: bool
    password_last_used_at: str | None
    password_changed_at: str | None
    mfa_active: bool
    keys: tuple[AccessKey, ...]


@dataclass(frozen=True, slots=True)
class User:
    """One IAM user, live, with the line that the credential report has of it (None: it is newer than the report).

    `policies` are the ARNs of the attached managed ones. `devices` are the kinds of MFA devices ("virtual",
    "security_key", "hardware") that IAM told of this user alone; None where it was not asked.
    """

    user_name: str
    arn: str
    path: str
    created_at: str
    boundary: str | None
    tags: Mapping[str, str]
    virtual_devices: int
    credentials: Credentials | None
    policies: tuple[str, ...] = ()
    devices: tuple[str, ...] | None = None

    @property
    def has_console(self) -> bool:
        """Whether the report knows a password of this user."""
        return self.credentials is not None and self.credentials.has_password

    @property
    def has_mfa(self) -> bool:
        """As IAM tells live where it was asked and of virtual devices, of others as the report says."""
        if self.devices is not None:
            return bool(self.devices)
        return self.virtual_devices > 0 or (self.credentials is not None and self.credentials.mfa_active)


@dataclass(frozen=True)
class Account:
    """All that a sweep looks at, read in a few calls. `reported_at` is when AWS made the credential report.

    `unassigned_devices` are serial numbers, `password_lacks` says in words what the account's password policy lacks,
    `stuck` maps the ids of onboardings that are open for too long to their user names.
    """

    account_id: str
    reported_at: str
    root: Credentials | None
    users: tuple[User, ...]
    unassigned_devices: tuple[str, ...]
    password_lacks: tuple[str, ...] = ()
    stuck: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What the stack's parameters demand. Days count from when a finding was first seen."""

    mode: Mode
    dry_run: bool
    remind_after_days: int
    remind_every_days: int
    restrict_after_days: int
    suspend_after_days: int
    outsiders: bool
    """Whether users outside Gatehouse may be restricted and suspended as well."""
    circuit_breaker_percent: int
    key_age_days: int
    unused_days: int
    password_age_days: int
    root_used_days: int
    stuck_days: int


@dataclass(frozen=True)
class Exemption:
    """Why a user is left alone, who answers for it, and until when (a date, exclusive)."""

    owner: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Due:
    """What happens to a finding's user, and from when.

    Of a reminder, `at` is the same in every sweep until one has told it: then it is when the next one is due.
    """

    action: Mode
    at: str
    now: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one subject: a user's name, ROOT, ACCOUNT, or a device's serial number.

    `since` is when a sweep saw it first without a break. `due` is None where nothing is done about it by itself.
    `owner` is who answers for the user: its tag `gatehouse:owner`, else `owner` without regard to case. `held` is
    whether the user could do no more than enrol already, restricted or suspended or not enrolled yet.
    """

    kind: Kind
    subject: str
    arn: str
    reason: str
    since: str
    exemption: Exemption | None = None
    due: Due | None = None
    owner: str | None = None
    held: bool = False

    @property
    def key(self) -> str:
        """What stays the same from one sweep to the next."""
        return f"{self.kind}#{self.subject}"


@dataclass(frozen=True)
class Counts:
    """What the report and the metrics count, and the chart draws over time.

    `findings` and `by_kind` count the open ones, `exempt` those of users who are exempt.
    """

    users: int
    console_users: int
    console_users_with_mfa: int
    findings: int
    exempt: int
    by_kind: Mapping[str, int]


@dataclass(frozen=True)
class Past:
    """The counts of an earlier sweep."""

    at: str
    counts: Counts


@dataclass(frozen=True)
class Acted:
    """What was done to one user, or why not: `outcome` is one of `Outcome`."""

    user_name: str
    action: Mode
    outcome: str
    reason: str


@dataclass(frozen=True)
class Sweep:
    """One sweep, as it is kept in S3 (`findings.json`) and as the report shows it.

    What is new has its `since` at `at`; `resolved` is what the sweep before found and this one does not. `broken` says
    why nobody was restricted or suspended although somebody was due (the circuit breaker), else None. `devices_seen`
    maps the serial numbers of unassigned MFA devices to when a sweep saw them first.
    """

    sweep_id: str
    account_id: str
    at: str
    reported_at: str
    rules: Rules
    counts: Counts
    findings: tuple[Finding, ...]
    resolved: tuple[Finding, ...] = ()
    past: tuple[Past, ...] = ()
    acted: tuple[Acted, ...] = ()
    broken: str | None = None
    devices_seen: Mapping[str, str] = field(default_factory=dict)
