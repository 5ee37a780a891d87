"""The account's password policy: never weakened, never expiring hard because of us."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.clients import client
from gatehouse.compliance import password_policy
from gatehouse.compliance.password_policy import CLASSES, Wanted
from tests.unit.account import Account

AS_SHIPPED = Wanted.of(14, "uppercase,lowercase,numbers,symbols", 90, 24)

POLICIES = st.none() | st.fixed_dictionaries(
    {
        "MinimumPasswordLength": st.integers(6, 128),
        "AllowUsersToChangePassword": st.booleans(),
        "ExpirePasswords": st.booleans(),
        **dict.fromkeys(CLASSES.values(), st.booleans()),
    },
    optional={
        "MaxPasswordAge": st.integers(1, 1095),
        "PasswordReusePrevention": st.integers(1, 24),
        "HardExpiry": st.booleans(),
    },
)
WANTED = st.builds(
    Wanted,
    st.integers(6, 128),
    st.lists(st.sampled_from(sorted(CLASSES)), unique=True).map(tuple),
    st.integers(0, 1095),
    st.integers(0, 24),
)


def expires_hard(policy: dict[str, Any]) -> bool:
    return bool(policy.get("HardExpiry")) and policy.get("MaxPasswordAge", 0) > 0


@given(POLICIES, WANTED)
def test_whatever_stands_is_weakened_in_nothing(stands: dict[str, Any] | None, wanted: Wanted) -> None:
    before = stands or {"MinimumPasswordLength": 8}
    after = password_policy.strengthened(stands, wanted)
    assert after["MinimumPasswordLength"] >= before["MinimumPasswordLength"]
    assert all(after[name] >= before.get(name, False) for name in CLASSES.values())
    assert after.get("MaxPasswordAge", 10**6) <= before.get("MaxPasswordAge", 10**6)
    assert after.get("PasswordReusePrevention", 0) >= before.get("PasswordReusePrevention", 0)
    assert after["AllowUsersToChangePassword"]
    # Without a policy AWS demands three classes of characters.
    assert stands is not None or sum(after[name] for name in CLASSES.values()) >= 3


@given(POLICIES, WANTED)
def test_nobody_is_locked_out_by_an_expiry_that_was_not_hard_before(
    stands: dict[str, Any] | None, wanted: Wanted
) -> None:
    after = password_policy.strengthened(stands, wanted)
    if expires_hard(after):
        assert stands is not None
        assert expires_hard(stands)
        assert after["MaxPasswordAge"] == stands["MaxPasswordAge"]


@given(POLICIES, WANTED)
def test_afterwards_it_lacks_nothing_but_an_age_that_hard_expiry_forbids(
    stands: dict[str, Any] | None, wanted: Wanted
) -> None:
    after = password_policy.strengthened(stands, wanted)
    lacks = password_policy.shortcomings(after, wanted)
    assert [one for one in lacks if not (expires_hard(after) and "expire after" in one)] == []
    assert password_policy.strengthened(after, wanted) == after


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({}, []),
        ({"MinimumPasswordLength": 13}, ["13 characters suffice where 14 are wanted"]),
        ({"RequireSymbols": False}, ["symbols are not required"]),
        ({"AllowUsersToChangePassword": False}, ["users may not change their own password"]),
        ({"MaxPasswordAge": 91}, ["passwords expire after 91 days, 90 days are wanted"]),
        ({"MaxPasswordAge": 0}, ["passwords never expire, 90 days are wanted"]),
        ({"PasswordReusePrevention": 5}, ["the last 5 passwords may not be used again, wanted are 24"]),
    ],
)
def test_what_is_lacking_is_said_in_words(changed: dict[str, Any], lacks: list[str]) -> None:
    stands = password_policy.strengthened(None, AS_SHIPPED) | changed
    assert password_policy.shortcomings(stands, AS_SHIPPED) == lacks


def test_an_account_without_a_policy_lacks_all_of_it() -> None:
    assert len(password_policy.shortcomings(None, AS_SHIPPED)) == 8


@pytest.mark.parametrize(
    ("wanted", "set_are"),
    [
        ("", set(CLASSES)),
        ("lowercase,numbers", set(CLASSES)),
        ("uppercase,lowercase,numbers", {"uppercase", "lowercase", "numbers"}),
    ],
)
def test_an_account_without_a_policy_gets_none_that_demands_fewer_classes_than_aws(
    wanted: str, set_are: set[str]
) -> None:
    stronger = password_policy.strengthened(None, Wanted.of(8, wanted, 0, 0))
    assert {name for name, setting in CLASSES.items() if stronger[setting]} == set_are


def test_it_is_enforced_once(aws: Account) -> None:
    iam = client("iam")
    assert password_policy.standing(iam) is None
    password_policy.enforce(iam, AS_SHIPPED)
    stands = password_policy.standing(iam)
    assert password_policy.shortcomings(stands, AS_SHIPPED) == []
    assert password_policy.enforce(iam, AS_SHIPPED) == stands


def test_a_class_of_characters_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="digits"):
        Wanted.of(14, "uppercase, digits", 90, 24)
