"""What a request amounts to, and where it leaves the catalogue."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import catalogue, effective_grants, onboarding_request, profiles, times
from gatehouse.errors import InvalidRequest
from gatehouse.model import Caller
from tests.unit.account import BOUNDARY_PREFIX, NOW, make_request

HERE = effective_grants.Account.of(BOUNDARY_PREFIX)
DAY = 86_400


def review(**request: Any) -> profiles.Review:
    return profiles.review(onboarding_request.canonical(make_request(**request)), HERE, NOW)


def refused(**request: Any) -> set[str]:
    with pytest.raises(InvalidRequest) as error:
        review(**request)
    return {problem.field for problem in error.value.problems}


def test_the_account_is_read_from_the_boundaries() -> None:
    assert (HERE.partition, HERE.account_id) == ("aws", "123456789012")


def test_a_developer_may_assume_one_role_and_nothing_else() -> None:
    grants = review().grants
    assert (grants.groups, grants.managed_policies, grants.privileged) == ((), (), False)
    (document,) = grants.inline_policies.values()
    (statement,) = json.loads(document)["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == "arn:aws:iam::123456789012:role/gatehouse/ResourceCreatorRole"


@pytest.mark.parametrize(
    ("profile", "policies", "privileged"),
    [
        ("auditor", {"SecurityAudit", "job-function/ViewOnlyAccess"}, False),
        ("power-user", {"PowerUserAccess"}, True),
        ("migration-admin", {"AdministratorAccess"}, True),
    ],
)
def test_a_profile_grants_its_policies(profile: str, policies: set[str], privileged: bool) -> None:
    grants = review(profile=profile, justification="a migration").grants
    assert set(grants.managed_policies) == {f"arn:aws:iam::aws:policy/{name}" for name in policies}
    assert grants.privileged is privileged
    assert (grants.boundary_enrolling, grants.boundary_member) == (ENROLLING, MEMBER)


def test_a_policy_that_the_profile_has_anyway_may_be_named() -> None:
    arn = "arn:aws:iam::aws:policy/SecurityAudit"
    assert review(profile="auditor", policies=[arn]).grants.managed_policies.count(arn) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("profile", "root"),
        ("kind", "application"),
        ("groups", ["Admins"]),
        ("policies", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ("policies", ["arn:aws:iam::123456789012:policy/own"]),
        ("policies", ["arn:aws:iam::999999999999:policy/foreign"]),
        ("copy_from", "bob"),
        ("permissions_boundary", "none"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:chosen"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:999999999999:secret:chosen"),
    ],
)
def test_what_the_catalogue_does_not_hold_is_refused(field: str, value: object) -> None:
    assert refused(**{field: value}) == {field}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("policies", ["arn:aws:iam::999999999999:policy/foreign"], "policies of AWS or of account 123456789012"),
        ("policies", ["arn:aws:iam::123456789012:policy/own"], "must be within"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:999999999999:secret:x", "of account 123456789012"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:x", "generates the password"),
    ],
)
def test_it_is_told_whether_the_account_or_the_profile_is_in_the_way(field: str, value: object, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        review(**{field: value})


def test_a_profile_may_be_for_one_kind_of_access_only(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = {"developer": catalogue.profiles()["developer"] | {"access": ["console"]}}
    monkeypatch.setattr(profiles, "catalogue", lambda: catalogue)
    assert refused(access=["console", "programmatic"]) == {"access"}
    assert review(access=["console"]).request["access"] == ["console"]


def test_an_unknown_profile_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="auditor, developer, migration-admin, power-user"):
        review(profile="root")


@pytest.mark.parametrize("justification", [None, " ", "\u00a0"])
def test_a_profile_may_want_to_know_why(justification: str | None) -> None:
    assert refused(profile="migration-admin", justification=justification) == {"justification"}


def test_every_way_out_of_the_catalogue_is_named_at_once() -> None:
    assert refused(kind="application", groups=["Admins"], copy_from="bob") == {"kind", "groups", "copy_from"}


@pytest.mark.parametrize(
    ("profile", "days"), [("developer", 365), ("auditor", 365), ("power-user", 180), ("migration-admin", 30)]
)
def test_without_an_end_a_user_ends_after_the_profile_s_longest_duration(profile: str, days: int) -> None:
    assert review(profile=profile, justification="x").request["expires_at"] == times.after(NOW, days * DAY)


@pytest.mark.parametrize("seconds", [1, 365 * DAY])
def test_an_end_within_the_longest_duration_is_kept_in_utc(seconds: int) -> None:
    wanted = times.parse(times.after(NOW, seconds)).isoformat()
    assert review(expires_at=wanted).request["expires_at"] == times.after(NOW, seconds)


@pytest.mark.parametrize("seconds", [-1, 0, 365 * DAY + 1, 10_000 * DAY])
def test_an_end_in_the_past_or_too_far_away_is_refused(seconds: int) -> None:
    assert refused(expires_at=times.after(NOW, seconds)) == {"expires_at"}


LOOKS_LIKE_A_TIME = st.from_regex(
    onboarding_request.schema()["properties"]["expires_at"]["pattern"],
    fullmatch=True,
    alphabet=st.characters(codec="ascii"),
)


@given(LOOKS_LIKE_A_TIME)
def test_whatever_looks_like_a_time_is_taken_or_refused(expires_at: str) -> None:
    try:
        end = review(expires_at=expires_at).request["expires_at"]
    except InvalidRequest as error:
        named = [problem.field for problem in error.problems]
    else:
        named = ["expires_at"] if NOW < end <= times.after(NOW, 365 * DAY) else []
    assert named == ["expires_at"]


def shuffled(request: dict[str, Any], order: list[int]) -> dict[str, Any]:
    items = list(request.items())
    return dict(sorted(items, key=lambda item: order[items.index(item)]))


@given(st.permutations(range(14)), st.permutations(range(4)))
def test_the_digest_does_not_depend_on_the_order_of_keys(order: list[int], tag_order: list[int]) -> None:
    tags = {"a": "1", "b": "2", "c": "3", "d": "4"}
    canonical = onboarding_request.canonical(make_request(tags=tags))
    other = shuffled({**canonical, "tags": shuffled(tags, tag_order)}, order)
    assert profiles.review(other, HERE, NOW).digest == profiles.review(canonical, HERE, NOW).digest


@pytest.mark.parametrize(
    "change",
    [
        {"user_name": "bob"},
        {"email": "eve@example.com"},
        {"profile": "auditor"},
        {"access": ["programmatic"]},
        {"require_password_reset": False},
        {"tags": {"a": "b"}},
        {"justification": "because"},
        {"expires_at": times.after(NOW, 60)},
    ],
)
def test_the_digest_depends_on_everything_that_is_asked_for(change: dict[str, Any]) -> None:
    assert review(**change).digest != review().digest


def test_the_digest_depends_on_what_the_profile_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = review().digest
    catalogue = {name: dict(profile) for name, profile in catalogue.profiles().items()}
    catalogue["developer"]["assumable_roles"] = ["AnotherRole"]
    monkeypatch.setattr(profiles, "catalogue", lambda: catalogue)
    assert review().digest != before


@pytest.mark.parametrize(
    ("profile", "needed"), [("developer", 0), ("auditor", 0), ("power-user", 1), ("migration-admin", 2)]
)
def test_a_profile_says_how_many_have_to_agree(profile: str, needed: int) -> None:
    assert review(profile=profile, justification="x").approval.needed == needed


def test_what_it_amounts_to_is_told_in_words() -> None:
    words = " · ".join(review(profile="power-user").grants.in_words)
    assert "PowerUserAccess, only after MFA is enrolled" in words
    assert "nothing else before MFA" in words
    assert "may assume role ResourceCreatorRole, with MFA" in review().grants.in_words


@pytest.mark.parametrize(("person", "may"), [("alice", True), ("bob", False), (None, False)])
def test_a_profile_may_be_for_some_to_request(monkeypatch: pytest.MonkeyPatch, person: str | None, may: bool) -> None:
    monkeypatch.setattr(
        profiles, "catalogue", lambda: {"closed": {"requesters": ["alice"]}, "open": {"requesters": ["*"]}}
    )
    assert catalogue.may_request("closed", Caller("arn", person)) is may
    assert catalogue.may_request("open", Caller("arn", person))
    assert catalogue.named_requesters() == {"alice"}
