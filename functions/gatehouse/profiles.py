"""What a request amounts to, and whether the catalogue allows it."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import catalogue, effective_grants, times
from gatehouse.effective_grants import Account
from gatehouse.errors import InvalidRequest
from gatehouse.model import Approval, FieldProblem, Grants, Permissions, Purpose

LONGEST_INLINE_POLICIES = 2048
"""Characters that all inline policies of a user may have together, white space not counted.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
KEPT_FOR_THE_END = 350
"""Of them, what the policy that ends access and sessions needs."""

MOST_MANAGED_POLICIES = 10
MOST_GROUPS = 9
"""Of IAM's ten, one is the group of all members."""


@dataclass(frozen=True)
class Review:
    """A request with everything resolved, what it amounts to, and who has to agree."""

    request: Mapping[str, Any]
    grants: Grants
    approval: Approval

    @property
    def digest(self) -> str:
        """SHA-256 over request and grants: what an approver approves, and nothing else."""
        return digest(self.request, self.grants)


def review(request: Mapping[str, Any], account: Account, now: str, copied: Permissions | None = None) -> Review:
    """What a canonical request amounts to. Raises InvalidRequest where it leaves the catalogue.

    `copied` is what the user has whom `copy_from` names. Without it everything else is checked.
    """
    profile = catalogue.profiles().get(request["profile"])
    if profile is None:
        known = ", ".join(sorted(catalogue.profiles()))
        raise InvalidRequest([FieldProblem("profile", f"is not in the catalogue: choose one of {known}")])
    names = effective_grants.of_profile(profile) | effective_grants.of_request(request)
    problems = [*_outside(request, profile, account), *_untimely(request, profile, now)]
    if copied and not problems:
        theirs, unknown = effective_grants.of_user(copied, account)
        problems += _not_to_be_copied(request, profile, theirs, unknown)
        names |= theirs
    problems += [] if problems else _too_much(effective_grants.complete(names), account)
    if problems:
        raise InvalidRequest(problems)
    longest = times.after(now, profile["longest_duration_days"] * times.DAY)
    resolved = {**request, "expires_at": times.text(times.parse(request["expires_at"] or longest))}
    grants = effective_grants.resolve(resolved, profile, names, account)
    needed = catalogue.approvals_needed(profile, grants)
    return Review(resolved, grants, Approval(needed, tuple(profile["approvers"])))


def digest(
    request: Mapping[str, Any], grants: Grants, purpose: Purpose = Purpose.ONBOARDING, of: str | None = None
) -> str:
    """SHA-256 over what an approver approves. Whoever approved one purpose has approved no other."""
    besides = {} if purpose is Purpose.ONBOARDING else {"purpose": purpose.value, "of": of}
    return fingerprint({"request": dict(request), "grants": asdict(grants), **besides})


def fingerprint(value: object) -> str:
    """SHA-256 in hex of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _outside(request: Mapping[str, Any], profile: Mapping[str, Any], account: Account) -> Iterator[FieldProblem]:
    name, may_add = request["profile"], profile["may_add"]
    if request["kind"] not in profile["kinds"]:
        yield FieldProblem("kind", f"must be one of {_listed(profile['kinds'])} for profile {name}")
    if not set(request["access"]) <= set(profile["access"]):
        yield FieldProblem("access", f"must be within {_listed(profile['access'])} for profile {name}")
    yield from _not_to_be_added(request, profile, account)
    if request["copy_from"] is not None and not may_add["copy_from"]:
        yield FieldProblem("copy_from", f"must be null: profile {name} copies from nobody")
    boundaries = [profile["boundary"], *may_add["boundaries"]]
    if request["permissions_boundary"] not in (None, *boundaries):
        yield FieldProblem("permissions_boundary", f"must be null or one of {_listed(boundaries)} for profile {name}")
    if request["password_secret_arn"] is not None:
        yield from _about_secret(request, may_add["chosen_password"], account)
    if fixed := sorted(tag for tag in profile["tags"] if tag.lower() in {given.lower() for given in request["tags"]}):
        yield FieldProblem("tags", f"must not hold {fixed[0]}, which profile {name} sets")
    if profile["justification_required"] and not _shows(request["justification"] or ""):
        yield FieldProblem("justification", f"is required for profile {name}: say why this user exists")


def _shows(text: str) -> bool:
    """Whether there is anything to be seen: a zero-width space is none."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _not_to_be_added(
    request: Mapping[str, Any], profile: Mapping[str, Any], account: Account
) -> Iterator[FieldProblem]:
    asked, allowed = effective_grants.of_request(request), effective_grants.addable(profile)
    name = request["profile"]
    if not asked.groups <= allowed.groups:
        yield FieldProblem("groups", f"must be within {_listed(sorted(allowed.groups))} for profile {name}")
    if foreign := [arn for arn in asked.managed_policies if arn.split(":")[4] not in ("aws", account.account_id)]:
        yield FieldProblem("policies", f"must be policies of AWS or of account {account.account_id}, not {foreign[0]}")
    elif not (asked.managed_policies | asked.policy_templates) <= (allowed.managed_policies | allowed.policy_templates):
        within = [*sorted(allowed.managed_policies), *sorted(allowed.policy_templates)]
        yield FieldProblem("policies", f"must be within {_listed(within)} for profile {name}")


def _not_to_be_copied(
    request: Mapping[str, Any], profile: Mapping[str, Any], theirs: effective_grants.Names, unknown: list[str]
) -> list[FieldProblem]:
    outside = [
        *effective_grants.outside(theirs, effective_grants.addable(profile)),
        *(f"inline policy {name}" for name in unknown),
    ]
    if not outside:
        return []
    rule = f"{request['copy_from']} has what profile {request['profile']} does not allow: {', '.join(outside)}"
    return [FieldProblem("copy_from", rule)]


def _too_much(names: effective_grants.Names, account: Account) -> Iterator[FieldProblem]:
    """IAM's quotas of one user; reaching one half-way would undo everything."""
    if len(names.groups) > MOST_GROUPS:
        yield FieldProblem("groups", f"must be at most {MOST_GROUPS}, those of the profile and of copy_from included")
    if len(names.managed_policies) > MOST_MANAGED_POLICIES:
        yield FieldProblem("policies", f"must be at most {MOST_MANAGED_POLICIES} managed ones, the profile's included")
    inline = sum(len(effective_grants.inline_policy(name, account)) for name in names.policy_templates)
    if inline > LONGEST_INLINE_POLICIES - KEPT_FOR_THE_END:
        yield FieldProblem("policies", "must be fewer templates: together they are too long for one user")


def _about_secret(request: Mapping[str, Any], allowed: bool, account: Account) -> Iterator[FieldProblem]:
    arn = request["password_secret_arn"]
    if arn.split(":")[4] != account.account_id:
        yield FieldProblem("password_secret_arn", f"must be a secret of account {account.account_id}")
    elif not allowed:
        rule = f"must be null: profile {request['profile']} generates the password"
        yield FieldProblem("password_secret_arn", rule)


def _untimely(request: Mapping[str, Any], profile: Mapping[str, Any], now: str) -> Iterator[FieldProblem]:
    if request["expires_at"] is None:
        return
    days = profile["longest_duration_days"]
    try:
        expires_at = times.text(times.parse(request["expires_at"]))
    except (ValueError, OverflowError):
        yield FieldProblem("expires_at", "must be a time that exists")
        return
    if not now < expires_at <= times.after(now, days * times.DAY):
        yield FieldProblem("expires_at", f"must lie in the future, at most {days} days ahead")


def _listed(names: Collection[str]) -> str:
    return "[" + ", ".join(names) + "]"
