"""The catalogue: what may be granted, to whom, after which approval."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gatehouse import times
from gatehouse.errors import InvalidRequest
from gatehouse.model import Approval, Caller, FieldProblem, Grants

_DAY = 86_400


@dataclass(frozen=True)
class Account:
    """Where the stack stands: what turns the catalogue's names into ARNs."""

    partition: str
    account_id: str
    boundary_enrolling: str
    boundary_member: str

    @classmethod
    def of(cls, boundary_enrolling: str, boundary_member: str) -> "Account":
        """The account as the boundaries' ARNs tell it."""
        _, partition, _, _, account_id, _ = boundary_member.split(":", 5)
        return cls(partition, account_id, boundary_enrolling, boundary_member)


@dataclass(frozen=True)
class Review:
    """A request with everything resolved, what it amounts to, and who has to agree."""

    request: Mapping[str, Any]
    grants: Grants
    approval: Approval

    @property
    def digest(self) -> str:
        """SHA-256 over request and grants: what an approver approves, and nothing else."""
        return fingerprint({"request": dict(self.request), "grants": asdict(self.grants)})


def review(request: Mapping[str, Any], account: Account, now: str) -> Review:
    """What a canonical request amounts to. Raises InvalidRequest where it leaves the catalogue."""
    profile = catalogue().get(request["profile"])
    if profile is None:
        known = ", ".join(sorted(catalogue()))
        raise InvalidRequest([FieldProblem("profile", f"is not in the catalogue: choose one of {known}")])
    problems = [*_outside(request, profile, account), *_untimely(request, profile, now)]
    if problems:
        raise InvalidRequest(problems)
    longest = times.after(now, profile["longest_duration_days"] * _DAY)
    resolved = {**request, "expires_at": times.text(times.parse(request["expires_at"] or longest))}
    approval = Approval(profile["approvals_needed"], tuple(profile["approvers"]))
    return Review(resolved, _grants(request, profile, account), approval)


def may_request(profile: str, caller: Caller) -> bool:
    """Whether the catalogue lets this caller ask for this profile."""
    requesters = catalogue()[profile]["requesters"]
    return "*" in requesters or caller.person in requesters


def named_requesters() -> frozenset[str]:
    """The person keys that the catalogue names as requesters."""
    return frozenset(person for profile in catalogue().values() for person in profile["requesters"]) - {"*"}


def fingerprint(value: object) -> str:
    """SHA-256 in hex of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@cache
def catalogue() -> Mapping[str, Any]:
    """The profiles by name, as `access_profiles.json` lists them."""
    text = Path(__file__).with_name("access_profiles.json").read_text(encoding="utf-8")
    profiles: Mapping[str, Any] = json.loads(text)["profiles"]
    return profiles


def _outside(request: Mapping[str, Any], profile: Mapping[str, Any], account: Account) -> Iterator[FieldProblem]:
    name = request["profile"]
    if request["kind"] not in profile["kinds"]:
        yield FieldProblem("kind", f"must be one of {_listed(profile['kinds'])} for profile {name}")
    if not set(request["access"]) <= set(profile["access"]):
        yield FieldProblem("access", f"must be within {_listed(profile['access'])} for profile {name}")
    if not set(request["groups"]) <= set(profile["groups"]):
        yield FieldProblem("groups", f"must be within {_listed(profile['groups'])} for profile {name}")
    if foreign := [arn for arn in request["policies"] if arn.split(":")[4] not in ("aws", account.account_id)]:
        yield FieldProblem("policies", f"must be policies of AWS or of account {account.account_id}, not {foreign[0]}")
    elif not set(request["policies"]) <= set(profile["managed_policies"]):
        yield FieldProblem("policies", f"must be within {_listed(profile['managed_policies'])} for profile {name}")
    if request["copy_from"] is not None:
        yield FieldProblem("copy_from", f"must be null: profile {name} copies from nobody")
    if request["permissions_boundary"] is not None:
        yield FieldProblem("permissions_boundary", f"must be null: profile {name} has the default pair only")
    if request["password_secret_arn"] is not None:
        yield FieldProblem("password_secret_arn", _about_secret(request["password_secret_arn"], name, account))
    if profile["justification_required"] and not (request["justification"] or "").strip():
        yield FieldProblem("justification", f"is required for profile {name}: say why this user exists")


def _about_secret(arn: str, profile: str, account: Account) -> str:
    if arn.split(":")[4] != account.account_id:
        return f"must be a secret of account {account.account_id}"
    return f"must be null: profile {profile} generates the password"


def _untimely(request: Mapping[str, Any], profile: Mapping[str, Any], now: str) -> Iterator[FieldProblem]:
    if request["expires_at"] is None:
        return
    days = profile["longest_duration_days"]
    try:
        expires_at = times.text(times.parse(request["expires_at"]))
    except (ValueError, OverflowError):
        yield FieldProblem("expires_at", "must be a time that exists")
        return
    if not now < expires_at <= times.after(now, days * _DAY):
        yield FieldProblem("expires_at", f"must lie in the future, at most {days} days ahead")


def _grants(request: Mapping[str, Any], profile: Mapping[str, Any], account: Account) -> Grants:
    managed = tuple(sorted({*profile["managed_policies"], *request["policies"]}))
    inline = {f"Assume{role}": _assume_role(role, account) for role in profile["assumable_roles"]}
    return Grants(
        groups=tuple(sorted({*profile["groups"], *request["groups"]})),
        managed_policies=managed,
        inline_policies=inline,
        privileged=profile["privileged"],
        boundary_enrolling=account.boundary_enrolling,
        boundary_member=account.boundary_member,
        in_words=tuple(_in_words(profile, managed)),
    )


def _assume_role(role: str, account: Account) -> str:
    arn = f"arn:{account.partition}:iam::{account.account_id}:role/gatehouse/{role}"
    statement = {"Sid": f"Assume{role}", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _in_words(profile: Mapping[str, Any], managed: Collection[str]) -> Iterator[str]:
    yield str(profile["description"])
    moment = "only after MFA is enrolled" if profile["privileged"] else "from the start, usable with MFA"
    for arn in managed:
        yield f"policy {arn.rsplit('/', 1)[-1]}, {moment}"
    for role in profile["assumable_roles"]:
        yield f"may assume role {role}, with MFA"
    yield "own password and own MFA device; nothing else before MFA"


def _listed(names: Collection[str]) -> str:
    return "[" + ", ".join(names) + "]"
