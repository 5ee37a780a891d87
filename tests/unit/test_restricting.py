"""Restrict and suspend are undone exactly, for users of every shape, and whatever call a function ends at."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto.iam.models import iam_backends

from gatehouse.compliance import cases, live, restricting
from gatehouse.compliance.cases import Busy, Case
from gatehouse.compliance.live import Live
from gatehouse.compliance.restricting import ChangedMeanwhile, NoRoom, Policies
from gatehouse.table import Table
from tests.unit import shapes
from tests.unit.account import ACCOUNT, BOUNDARY_PREFIX, ENROLLING, MEMBER, RESTRICTED, STACK, SUSPENDED, Account
from tests.unit.shapes import Shape

POLICIES = Policies.of(BOUNDARY_PREFIX)
ACTS: dict[str, Callable[..., Case]] = {
    "restriction": restricting.ensure_restricted,
    "suspension": restricting.ensure_suspended,
}
NUMBERS = itertools.count()
PROPERTY = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Ended(BaseException):
    """The function's process ended."""


class Mortal:
    """A client whose caller ends at the call of that number, before its effect or after it, and calls nothing more."""

    def __init__(self, client: Any, life: list[int]) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name in ("exceptions", "get_paginator"):
            return found

        def call(**parameters: Any) -> Any:
            self._go_on()
            answer = found(**parameters)
            self._go_on()
            return answer

        return call

    def _go_on(self) -> None:
        if self._life[0] == 1:
            raise Ended
        self._life[0] -= 1


@pytest.fixture
def account(aws: Account) -> Account:
    shapes.prepare(aws.iam)
    return aws


def picture(name: str) -> dict[str, Any]:
    """As `shapes.picture`, but not through the API, which would take most of the time."""
    iam = iam_backends[ACCOUNT]["aws"]
    user = iam.users[name]
    return {
        "user": (
            user.arn,
            user.id,
            user.path,
            vars(user).get("boundary_arn"),
            iam.tagger.get_tag_dict_for_resource(user.arn),
        ),
        "attached": sorted(user.managed_policies),
        "inline": dict(user.policies),
        "keys": {key.access_key_id: key.status for key in user.access_keys},
        "groups": sorted(group.name for group in iam.groups.values() if user in group.users),
        "password": user.password,
    }


def fresh(aws: Account, shape: Shape) -> str:
    name = f"user-{next(NUMBERS)}"
    shapes.make(aws.iam, name, shape, BOUNDARY_PREFIX)
    return name


def seen(aws: Account, name: str) -> Live:
    found = live.look(aws.iam, aws.table, name)
    assert found
    return found


def act(aws: Account, name: str, what: str, ends_at: int = 0) -> Case:
    """Do it as a sweep does: as IAM shows the user now, with its case in hand."""
    life = [ends_at]
    iam, table, user = Mortal(aws.iam, life), Table(Mortal(aws.dynamodb, life), STACK), seen(aws, name)
    with cases.held(table, name, user.user_id) as case:
        return ACTS[what](iam, table, case, user, POLICIES)


def restore(aws: Account, name: str, what: str, ends_at: int = 0) -> list[str]:
    life = [ends_at]
    iam, table, user = Mortal(aws.iam, life), Table(Mortal(aws.dynamodb, life), STACK), seen(aws, name)
    with cases.held(table, name, user.user_id) as case:
        return restricting.restore(iam, table, case, user, POLICIES, what)[1] if case.stands == what else []


def half(aws: Account, function: Callable[..., Any], name: str, what: str, ends_at: int) -> None:
    """With a sudden end at that call, until whoever had the case then has it no longer."""
    with suppress(Ended):
        function(aws, name, what, ends_at)
    if (aws.table.get(cases.key(name)) or {}).get("held_until", "") > aws.clock.now():
        with pytest.raises(Busy):
            function(aws, name, what)
    aws.clock.advance(cases.HELD_SECONDS + 1)


@PROPERTY
@given(shapes.SHAPES, st.permutations(["restriction", "suspension"]), st.integers(1, 2))
@example(Shape(boundary=None, policies=8, quarantined=True), ["restriction", "suspension"], 2)
def test_whatever_was_done_is_put_back_exactly(account: Account, shape: Shape, order: list[str], many: int) -> None:
    name = fresh(account, shape)
    pictures = [picture(name)]
    done = []
    for what in order[:many]:
        if order == ["suspension", "restriction"] and what == "restriction":
            break
        with suppress(NoRoom):
            act(account, name, what)
            done.append(what)
            pictures.append(picture(name))
    for what in reversed(done):
        assert picture(name) == pictures.pop() != pictures[-1]
        restore(account, name, what)
    assert picture(name) == pictures[0]
    after = cases.find(account.table, name)
    assert after is None or after.stands is None


@PROPERTY
@given(shapes.SHAPES, st.sampled_from(sorted(ACTS)), st.integers(1, 20), st.integers(1, 20), st.booleans())
@example(Shape(keys=(True, True)), "suspension", 10, 20, False)
@example(Shape(keys=(True, True)), "suspension", 20, 10, True)
@example(Shape(keys=(True, True)), "suspension", 10, 1, False)
def test_wherever_a_function_ends_the_next_one_goes_on(
    account: Account, shape: Shape, what: str, first: int, second: int, finished: bool
) -> None:
    name = fresh(account, shape)
    before = picture(name)
    with suppress(NoRoom):
        half(account, act, name, what, first)
        done = picture(name)
        # Whom a sweep sees suspended is suspended: it does not come again.
        assert SUSPENDED not in done["attached"] or "Active" not in done["keys"].values()
        if finished:
            act(account, name, what)
            done = picture(name)
            assert done != before
        assert set(done["attached"]) >= set(before["attached"])
        half(account, restore, name, what, second)
        restore(account, name, what)
    assert picture(name) == before


def test_a_restricted_member_is_back_at_the_enrolling_boundary_and_has_no_policy_more(account: Account) -> None:
    name = fresh(account, Shape(keys=(True,)))
    before = picture(name)
    case = act(account, name, "restriction")
    assert case.restriction
    assert case.restriction.boundary == MEMBER
    assert seen(account, name).boundary == ENROLLING
    assert picture(name) | {"user": before["user"]} == before
    assert restore(account, name, "restriction") == [f"the boundary is {MEMBER} again"]
    assert picture(name) == before


@pytest.mark.parametrize("boundary", [None, "foreign", "boundary-member"])
def test_a_restricted_user_outside_gatehouse_keeps_its_boundary_and_gets_the_policy(
    account: Account, boundary: str | None
) -> None:
    name = fresh(account, Shape(path="/", boundary=boundary))
    before = picture(name)
    act(account, name, "restriction")
    assert picture(name) == before | {"attached": [RESTRICTED]}


def test_a_suspended_user_keeps_password_and_policies_and_only_active_keys_come_back(account: Account) -> None:
    name = fresh(account, Shape(keys=(True, False), policies=1, quarantined=True))
    before = picture(name)
    act(account, name, "suspension")
    after = picture(name)
    assert set(after["keys"].values()) == {"Inactive"}
    assert after["attached"] == sorted([*before["attached"], SUSPENDED])
    assert after["password"] == before["password"]
    assert len(restore(account, name, "suspension")) == 2
    assert picture(name) == before


@pytest.mark.parametrize("what", ACTS)
def test_a_user_with_ten_policies_is_left_as_it_is(account: Account, what: str) -> None:
    name = fresh(account, Shape(path="/", boundary=None, keys=(True,), policies=10))
    before = picture(name)
    with pytest.raises(NoRoom, match="10 managed policies are attached"):
        act(account, name, what)
    assert picture(name) == before
    case = cases.find(account.table, name)
    assert case
    assert case.stands is None


@pytest.mark.parametrize(("what", "policy"), [("restriction", RESTRICTED), ("suspension", SUSPENDED)])
def test_a_policy_that_somebody_attached_by_hand_is_not_ours_to_detach(
    account: Account, what: str, policy: str
) -> None:
    name = fresh(account, Shape(path="/", boundary=None))
    account.iam.attach_user_policy(UserName=name, PolicyArn=policy)
    with pytest.raises(NoRoom, match="already"):
        act(account, name, what)


def test_a_boundary_that_somebody_changed_meanwhile_is_left_alone(account: Account) -> None:
    name = fresh(account, Shape())
    act(account, name, "restriction")
    foreign = f"arn:aws:iam::{MEMBER.split(':')[4]}:policy/foreign"
    account.iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=foreign)
    for function in (act, restore):
        with pytest.raises(ChangedMeanwhile, match=f"is {foreign} now"):
            function(account, name, "restriction")
        assert seen(account, name).boundary == foreign


def test_a_key_that_was_deleted_meanwhile_is_said_and_the_others_come_back(account: Account) -> None:
    name = fresh(account, Shape(keys=(True, True)))
    act(account, name, "suspension")
    gone, left = sorted(picture(name)["keys"])
    account.iam.delete_access_key(UserName=name, AccessKeyId=gone)
    assert f"access key {gone} is gone: somebody has deleted it" in restore(account, name, "suspension")
    assert picture(name)["keys"] == {left: "Active"}


def test_of_two_at_once_the_second_is_sent_away(account: Account) -> None:
    name = fresh(account, Shape())
    user = seen(account, name)
    with cases.held(account.table, name, user.user_id), pytest.raises(Busy):
        act(account, name, "suspension")
    act(account, name, "suspension")


def test_who_was_away_for_too_long_writes_nothing_any_more(account: Account) -> None:
    name = fresh(account, Shape())
    user = seen(account, name)
    with cases.held(account.table, name, user.user_id) as late:
        account.clock.advance(cases.HELD_SECONDS + 1)
        act(account, name, "suspension")
        with pytest.raises(Busy):
            restricting.ensure_restricted(account.iam, account.table, late, user, POLICIES)
    assert seen(account, name).boundary == MEMBER


def test_what_was_done_to_an_earlier_user_of_the_name_is_forgotten(account: Account) -> None:
    name = fresh(account, Shape())
    act(account, name, "restriction")
    account.iam.delete_login_profile(UserName=name)
    account.iam.delete_user(UserName=name)
    shapes.make(account.iam, name.upper(), Shape(), BOUNDARY_PREFIX)
    user = seen(account, name.upper())
    with cases.held(account.table, user.user_name, user.user_id) as case:
        assert (case.user_id, case.stands) == (user.user_id, None)
