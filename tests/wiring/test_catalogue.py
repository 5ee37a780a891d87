"""The catalogue and the template name the same things, and every boundary holds the guard."""

from typing import Any

import pytest

from gatehouse import catalogue, onboarding_request
from tests.wiring.template import of_type, resolve

VALUES = {"AWS::StackName": "g"}
BOUNDARIES = {
    resolve(policy["Properties"]["ManagedPolicyName"], VALUES).removeprefix("g-boundary-"): policy["Properties"]
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items()
    if name.startswith("Boundary")
}
FOR_ROLES = {"role"}
PAIRS = pytest.mark.parametrize("pair", sorted(catalogue.boundaries()))


def statements(boundary: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = BOUNDARIES[boundary]["PolicyDocument"]["Statement"]
    return found


def test_every_boundary_of_the_catalogue_is_in_the_template_and_every_other_is_for_roles() -> None:
    named = {pair[phase] for pair in catalogue.boundaries().values() for phase in ("enrolling", "member")}
    assert named == set(BOUNDARIES) - FOR_ROLES


def test_whatever_the_catalogue_names_a_request_can_name() -> None:
    assert all(onboarding_request.fits("profile", name) for name in catalogue.profiles())
    assert all(onboarding_request.fits("groups", [name]) for name in catalogue.groups())
    named = [*catalogue.managed_policies(), *catalogue.policy_templates()]
    assert all(onboarding_request.fits("policies", [name]) for name in named)
    assert all(onboarding_request.fits("permissions_boundary", name) for name in catalogue.boundaries())
    for profile in catalogue.profiles().values():
        assert all(onboarding_request.fits("kind", kind) for kind in profile["kinds"])
        assert onboarding_request.fits("access", profile["access"])


@PAIRS
@pytest.mark.parametrize("phase", ["enrolling", "member"])
def test_a_boundary_denies_whatever_the_default_pair_denies(pair: str, phase: str) -> None:
    """Or, for programs, which have no MFA, what their own boundary does."""
    guard = "application" if pair == "application" else catalogue.boundaries()["default"][phase]
    held = statements(catalogue.boundaries()[pair][phase])
    assert [one["Sid"] for one in statements(guard) if one not in held] == []


@PAIRS
def test_a_boundary_allows_nothing_that_is_not_left_to_the_attached_policies(pair: str) -> None:
    for phase in ("enrolling", "member"):
        allowing = [one for one in statements(catalogue.boundaries()[pair][phase]) if one["Effect"] != "Deny"]
        assert [one["Sid"] for one in allowing] == ["LeavesTheRest"]


@PAIRS
def test_before_mfa_nobody_has_a_boundary_that_only_members_get(pair: str) -> None:
    described = catalogue.boundaries()[pair]
    assert (described["enrolling"] == described["member"]) == (pair == "application")
    members = {one["member"] for name, one in catalogue.boundaries().items() if name != "application"}
    assert described["enrolling"] not in members


def test_the_guard_of_roles_and_of_applications_is_the_same() -> None:
    assert statements("role") == statements("application")


def test_the_role_that_is_like_a_power_user_comes_with_what_a_power_user_comes_with() -> None:
    (role,) = [one["Properties"] for one in of_type("AWS::IAM::Role").values() if "RoleName" in one["Properties"]]
    (arn,) = (resolve(one, VALUES | {"AWS::Partition": "aws"}) for one in role["ManagedPolicyArns"])
    inline = {one["PolicyName"]: one["PolicyDocument"]["Statement"] for one in role["Policies"]}
    companions = catalogue.managed_policies()[arn]["comes_with"]
    assert inline == {name: catalogue.policy_templates()[name]["statements"] for name in companions}
