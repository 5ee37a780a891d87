"""Frozen dataclasses: what a record holds. Times are RFC 3339 in UTC, durations seconds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Status(StrEnum):
    """Where an onboarding stands, as the API tells it."""

    REQUESTED = "REQUESTED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    PROVISIONING = "PROVISIONING"
    PENDING_MFA = "PENDING_MFA"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLBACK_INCOMPLETE = "ROLLBACK_INCOMPLETE"
    COMPLETE = "COMPLETE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in FINAL

    @property
    def error_name(self) -> str:
        """The status in CamelCase, as the `Error` of the execution's end."""
        return "".join(word.capitalize() for word in self.value.split("_"))


class Purpose(StrEnum):
    """What a record is for: to bring somebody in, or to give a member whose MFA device is lost another one."""

    ONBOARDING = "onboarding"
    MFA_RESET = "mfa_reset"


FINAL = frozenset({Status.COMPLETE, Status.REJECTED, Status.EXPIRED, Status.CANCELLED, Status.FAILED})
OPEN = frozenset(Status) - FINAL
ENDED = FINAL - {Status.COMPLETE}
"""Final, and without a user."""
ANY = frozenset(Status)
UNDER_WAY = OPEN - {Status.ROLLING_BACK, Status.ROLLBACK_INCOMPLETE}


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    message: str


@dataclass(frozen=True)
class Caller:
    """Who calls: `person` is the person key, None for a role that stands for nobody in particular."""

    arn: str
    person: str | None

    @property
    def key(self) -> str:
        """What stays the same from one session to the next: the person, or the role without the session's name."""
        if self.person:
            return self.person
        return self.arn.rsplit("/", 1)[0] if ":assumed-role/" in self.arn else self.arn


@dataclass(frozen=True)
class Requester:
    """Who asked. `verified` is false for a start from the Step Functions console."""

    arn: str | None
    person: str | None
    verified: bool

    @property
    def key(self) -> str | None:
        return Caller(self.arn, self.person).key if self.arn else None


@dataclass(frozen=True)
class Grants:
    """What a request amounts to, resolved and frozen into the digest.

    `group_policies` maps each group to the ARNs of the managed policies it has, `inline_policies` a policy's
    name to its document (JSON text); if `privileged`, all of it is granted only once a device is enrolled.
    `tags` are the profile's and the request's. `in_words` says all of it, `beyond_profile` what of it the
    profile does not grant, `escalation_risks` what somebody could still make of it.
    """

    groups: tuple[str, ...]
    group_policies: Mapping[str, tuple[str, ...]]
    managed_policies: tuple[str, ...]
    inline_policies: Mapping[str, str]
    privileged: bool
    boundary_enrolling: str
    boundary_member: str
    tags: Mapping[str, str]
    in_words: tuple[str, ...]
    beyond_profile: tuple[str, ...]
    escalation_risks: tuple[str, ...]


@dataclass(frozen=True)
class Permissions:
    """What an IAM user has been granted: names, ARNs, and documents (JSON text) by name."""

    groups: tuple[str, ...]
    managed_policies: tuple[str, ...]
    inline_policies: Mapping[str, str]


@dataclass(frozen=True)
class Decision:
    """One approver's decision on one digest; `via` is the run of the runbook it came by, None for the API."""

    person: str
    arn: str
    decision: str
    reason: str | None
    digest: str
    at: str
    via: str | None = None


@dataclass(frozen=True)
class Approval:
    """Who has to agree, and who did.

    `needed` counts distinct persons; 0 needs nobody. `approvers` are the catalogue's labels, `entitled` the
    person keys who could decide when it was requested.
    """

    needed: int
    approvers: tuple[str, ...]
    entitled: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class TimelineEntry:
    at: str
    event: str
    by: str
    detail: str | None = None


@dataclass(frozen=True)
class Onboarding:
    """The record of one onboarding; `request` is canonical, with every default filled in.

    `generation` counts what was issued; `claims` maps what is still to be claimed ("password", "access_key")
    to the hash of its claim; until `expiring_until` somebody ends what nobody claimed; `reissuing` is which of
    the two is being replaced on a COMPLETE record, None otherwise; `ending` is where a roll-back under way will
    end, `virtual_devices` the serial numbers of what it deactivates; `mails_begun` maps each mail to who sends
    it, and `mails_sent` those that are out to when (see `mailing`). `of` is the onboarding whose user a reset is
    about.
    """

    onboarding_id: str
    status: Status
    request: Mapping[str, Any]
    digest: str
    grants: Grants
    requester: Requester
    approval: Approval
    created_at: str
    updated_at: str
    purpose: Purpose = Purpose.ONBOARDING
    of: str | None = None
    status_reason: str | None = None
    status_detail: str | None = None
    execution_arn: str | None = None
    task_token: str | None = None
    ending: Mapping[str, str] | None = None
    generation: int = 1
    claims: Mapping[str, str] = field(default_factory=dict)
    claim_expires_at: str | None = None
    expiring_until: str | None = None
    sign_in_url: str | None = None
    approval_expires_at: str | None = None
    resent_at: str | None = None
    reissuing: str | None = None
    cancelled_by: str | None = None
    mfa_expires_at: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    mails_begun: Mapping[str, str] = field(default_factory=dict)
    mails_sent: Mapping[str, str] = field(default_factory=dict)
    virtual_devices: tuple[str, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def user_name(self) -> str:
        return str(self.request["user_name"])

    @property
    def is_reset(self) -> bool:
        return self.purpose is Purpose.MFA_RESET

    @property
    def made_by(self) -> str:
        """The id that the user's tag holds: of the onboarding that made the user, which a reset is not."""
        return self.of or self.onboarding_id

    @property
    def is_application(self) -> bool:
        """Whether it is for a program, which has neither password nor MFA."""
        return bool(self.request["kind"] == "application")

    @property
    def reset_required(self) -> bool:
        """Whether the first sign-in with the password asks for another; one that replaces an own one always does."""
        return bool(self.request["require_password_reset"] or self.reissuing)

    @property
    def code_holder(self) -> str | None:
        """The person who was answered with the claim code of this generation; None if unknown, or nobody was."""
        if self.generation == 1:
            return self.requester.person
        return next((entry.by for entry in reversed(self.timeline) if entry.event in ("resend", "reissued")), None)

    @property
    def account_id(self) -> str:
        """The account the user is in, as the boundary's ARN tells it."""
        return self.grants.boundary_member.split(":")[4]

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """The record from its table item (plain Python values)."""
        known = {name.name: item[name.name] for name in fields(cls) if name.name in item}
        approval = {
            **item["approval"],
            "decisions": tuple(Decision(**one) for one in item["approval"]["decisions"]),
        }
        return cls(
            **known
            | {
                "status": Status(item["status"]),
                "purpose": Purpose(item.get("purpose", Purpose.ONBOARDING)),
                "generation": int(item["generation"]),
                "grants": Grants(**_tuples(item["grants"])),
                "requester": Requester(**item["requester"]),
                "approval": Approval(**_tuples(approval) | {"needed": int(approval["needed"])}),
                "virtual_devices": tuple(item.get("virtual_devices", ())),
                "timeline": tuple(TimelineEntry(**entry) for entry in item["timeline"]),
            }
        )

    def to_item(self) -> dict[str, Any]:
        """The table item; empty attributes are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def public(self) -> dict[str, Any]:
        """What the API shows: never a token, a code, a claim's hash or a password."""
        return {
            "onboarding_id": self.onboarding_id,
            "purpose": self.purpose.value,
            "of": self.of,
            "status": self.status.value,
            "status_reason": self.status_reason,
            "status_detail": self.status_detail,
            **self.request,
            "grants": asdict(self.grants),
            "digest": self.digest,
            "requester": asdict(self.requester),
            "approval": asdict(self.approval),
            "evidence": dict(self.evidence),
            "approval_expires_at": self.approval_expires_at,
            "claim_expires_at": self.claim_expires_at,
            "mfa_expires_at": self.mfa_expires_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "timeline": [asdict(entry) for entry in self.timeline],
            "links": links(self.onboarding_id),
        }


def links(onboarding_id: str) -> dict[str, str]:
    """Paths of one onboarding, relative to the stack output `ApiUrl`."""
    own = f"/onboardings/{onboarding_id}"
    return {"self": own} | {verb: f"{own}/{verb}" for verb in ("decision", "resend", "cancel")}


def _tuples(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _frozen(value) for name, value in mapping.items()}


def _frozen(value: Any) -> Any:
    """A list as a tuple, also within a mapping."""
    if isinstance(value, Mapping):
        return _tuples(value)
    return tuple(value) if isinstance(value, list) else value
