"""The catalogue: what may be granted, to whom, after which approval. Reviewed like code."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gatehouse.model import Caller, Grants


def profiles() -> Mapping[str, Any]:
    """The profiles by name."""
    return _catalogue()["profiles"]


def groups() -> Mapping[str, Any]:
    """The groups that a user may be put into, by name, each with its managed policies."""
    return _catalogue()["groups"]


def managed_policies() -> Mapping[str, Any]:
    """The managed policies that may be attached, by ARN."""
    return _catalogue()["managed_policies"]


def policy_templates() -> Mapping[str, Any]:
    """The templates that inline policies are made from, by name."""
    return _catalogue()["policy_templates"]


def boundaries() -> Mapping[str, Any]:
    """The pairs of permissions boundaries, by name: before and after MFA."""
    return _catalogue()["boundaries"]


def escalations() -> Mapping[str, Any]:
    """The known ways to more rights than one was granted, by name."""
    return _catalogue()["escalations"]


def open_escalations(opened: Iterable[str]) -> Mapping[str, str]:
    """What somebody with these actions could still make of them past the guard: name → in words."""
    actions = set(opened)
    return {name: risk["in_words"] for name, risk in escalations().items() if actions.issuperset(risk["needs"])}


def may_request(profile: str, caller: Caller) -> bool:
    """Whether the catalogue lets this caller ask for this profile."""
    requesters = profiles()[profile]["requesters"]
    return "*" in requesters or caller.person in requesters


def demands_phishing_resistant_mfa(profile: str | None) -> bool:
    """Whether a user of this profile needs a security key or a passkey; a profile nobody knows demands nothing."""
    return bool(profiles().get(profile or "", {}).get("mfa") == "phishing-resistant")


def approvals_needed(profile: Mapping[str, Any], grants: Grants) -> int:
    """How many people have to agree: whoever asks for more than a profile is, which was reviewed, asks for a review."""
    return max(int(profile["approvals_needed"]), 1 if grants.beyond_profile else 0)


def named_requesters() -> frozenset[str]:
    """The person keys that the catalogue names as requesters."""
    return frozenset(person for profile in profiles().values() for person in profile["requesters"]) - {"*"}


@cache
def _catalogue() -> Mapping[str, Mapping[str, Any]]:
    text = Path(__file__).with_name("access_profiles.json").read_text(encoding="utf-8")
    catalogue: Mapping[str, Mapping[str, Any]] = json.loads(text)
    return catalogue
