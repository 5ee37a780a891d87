"""The catalogue of profiles is well-formed."""

import re
from typing import Any

import pytest

from gatehouse import catalogue, onboarding_request

SHAPE = {
    "description": str,
    "kinds": list,
    "access": list,
    "groups": list,
    "managed_policies": list,
    "assumable_roles": list,
    "privileged": bool,
    "approvers": list,
    "approvals_needed": int,
    "requesters": list,
    "longest_duration_days": int,
    "justification_required": bool,
}
POWERFUL = re.compile(r"Administrator|PowerUser|FullAccess|IAM")
PROFILES = pytest.mark.parametrize(("name", "profile"), catalogue.profiles().items())


def test_the_shipped_profiles_need_the_approvals_that_were_promised() -> None:
    needed = {name: profile["approvals_needed"] for name, profile in catalogue.profiles().items()}
    assert needed == {"developer": 0, "auditor": 0, "power-user": 1, "migration-admin": 2}


@PROFILES
def test_a_profile_says_everything_in_the_right_type(name: str, profile: dict[str, Any]) -> None:
    assert {field: type(value) for field, value in profile.items()} == SHAPE
    assert onboarding_request.fits("profile", name)


@PROFILES
def test_a_profile_names_what_a_request_may_name(name: str, profile: dict[str, Any]) -> None:
    kinds = onboarding_request.schema()["properties"]["kind"]["enum"]
    access = onboarding_request.schema()["properties"]["access"]["items"]["enum"]
    assert set(profile["kinds"]) <= set(kinds)
    assert set(profile["access"]) <= set(access)
    assert profile["kinds"]
    assert profile["access"]
    assert onboarding_request.fits("policies", profile["managed_policies"])
    assert onboarding_request.fits("groups", profile["groups"])


@PROFILES
def test_a_powerful_policy_makes_a_profile_privileged_and_wants_an_approval(name: str, profile: dict[str, Any]) -> None:
    if any(POWERFUL.search(arn) for arn in profile["managed_policies"]):
        assert profile["privileged"]
        assert profile["approvals_needed"] >= 1
    if profile["privileged"]:
        assert profile["approvals_needed"] >= 1


@PROFILES
def test_who_is_asked_for_approval_is_named(name: str, profile: dict[str, Any]) -> None:
    """Also where none is needed: a start from the console always needs one."""
    assert profile["approvers"]


@PROFILES
def test_nothing_is_granted_for_longer_than_a_year(name: str, profile: dict[str, Any]) -> None:
    assert 1 <= profile["longest_duration_days"] <= 365


def test_full_administration_is_short_and_says_why() -> None:
    for profile in catalogue.profiles().values():
        if any(arn.endswith("/AdministratorAccess") for arn in profile["managed_policies"]):
            assert profile["longest_duration_days"] <= 30
            assert profile["justification_required"]


@PROFILES
def test_what_a_profile_attaches_fits_into_iam_s_quota(name: str, profile: dict[str, Any]) -> None:
    assert len(profile["managed_policies"]) <= 10
    assert len(profile["groups"]) <= 9
