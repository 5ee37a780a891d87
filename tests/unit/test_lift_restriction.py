"""LiftRestriction: whoever has enrolled gets back exactly what stood before, and nobody else anything."""

import pytest

from gatehouse.compliance import cases, restricting
from gatehouse.compliance.model import Mode
from tests.unit import shapes, sweeping
from tests.unit.account import OPERATOR, USER, Account
from tests.unit.sweeping import DAY, brought_to, member

TAGS = {"email": "alice@example.com"}


@pytest.fixture
def account(aws: Account) -> Account:
    sweeping.begin(aws)
    return aws


def lift(aws: Account) -> None:
    aws.wire.calls.clear()
    aws.call("lift_restriction", {"user_name": USER})


@pytest.mark.parametrize("boundary", ["boundary-member", "boundary-member-one-region", None, "foreign"])
def test_who_has_enrolled_is_as_before_and_told(account: Account, boundary: str | None) -> None:
    before = member(account, boundary=boundary, tags=TAGS)
    brought_to(account, Mode.RESTRICT)
    account.enrol()
    lift(account)
    assert shapes.picture(account.iam, USER) == before
    assert sweeping.case(account) is None
    (mail,) = account.mails()
    assert mail["subject"] == f"Your AWS access is back: {USER}"
    assert "you have enrolled MFA" in mail["text"]
    lift(account)
    assert len(account.mails()) == 0


@pytest.mark.parametrize(("done", "stands"), [(Mode.RESTRICT, "restriction"), (Mode.SUSPEND, "suspension")])
def test_who_has_not_is_looked_at_again_later(account: Account, done: Mode, stands: str) -> None:
    member(account)
    brought_to(account, done)
    before = shapes.picture(account.iam, USER)
    lift(account)
    assert shapes.picture(account.iam, USER) == before
    account.call("follow_up", {})
    assert not account.wire.made("Invoke")
    account.clock.advance(restricting.LOOK_SECONDS[stands] + 1)
    account.call("follow_up", {})
    (asked,) = account.wire.made("Invoke")
    assert (asked["FunctionName"], asked["InvocationType"]) == ("gatehouse-LiftRestriction", "Event")


def test_who_has_no_password_any_more_is_as_before_and_told(account: Account) -> None:
    before = member(account, tags=TAGS)
    brought_to(account, Mode.RESTRICT)
    account.iam.delete_login_profile(UserName=USER)
    lift(account)
    assert shapes.picture(account.iam, USER) == before | {"password": None}
    assert sweeping.case(account) is None
    (mail,) = account.mails()
    assert "you have no password any more" in mail["text"]


def test_a_suspension_does_not_end_by_itself(account: Account) -> None:
    member(account)
    brought_to(account, Mode.SUSPEND)
    account.enrol()
    before = shapes.picture(account.iam, USER)
    lift(account)
    assert shapes.picture(account.iam, USER) == before
    account.api("restore_user", {"what": "suspension"}, caller=OPERATOR, pathParameters={"name": USER})
    lift(account)
    assert sweeping.case(account) is None


def test_nothing_is_put_back_while_a_reset_is_under_way(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    account.seed()
    account.enrol()
    before = shapes.picture(account.iam, USER)
    lift(account)
    assert shapes.picture(account.iam, USER) == before


def test_what_stood_before_is_not_forgotten_because_iam_shows_nobody_for_once(account: Account) -> None:
    before = member(account, tags=TAGS)
    brought_to(account, Mode.RESTRICT)
    known = sweeping.case(account)
    account.wire.calls.clear()
    account.wire.refuse("GetUser", "NoSuchEntity", status=404)
    account.call("lift_restriction", {"user_name": USER})
    assert sweeping.case(account) == known
    account.enrol()
    account.clock.advance(DAY + 1)
    account.call("follow_up", {})
    assert len(account.wire.made("Invoke")) == 1
    lift(account)
    assert shapes.picture(account.iam, USER) == before


def test_a_user_who_is_renamed_and_renamed_back_can_be_restored(account: Account) -> None:
    before = member(account)
    brought_to(account, Mode.SUSPEND)
    account.iam.update_user(UserName=USER, NewUserName="alice.new")
    lift(account)
    account.iam.update_user(UserName="alice.new", NewUserName=USER)
    lift(account)
    assert "ttl" not in (account.table.get(cases.key(USER)) or {})
    for _ in range(2):
        account.api("restore_user", {}, caller=OPERATOR, pathParameters={"name": USER})
    assert shapes.picture(account.iam, USER) == before


def test_what_is_known_of_a_user_who_is_gone_goes_in_the_end_or_when_there_is_another_one(account: Account) -> None:
    member(account, keys=())
    brought_to(account, Mode.RESTRICT)
    account.iam.delete_login_profile(UserName=USER)
    account.iam.delete_user(UserName=USER)
    ends = []
    for _ in range(2):
        lift(account)
        ends.append((account.table.get(cases.key(USER)) or {})["ttl"])
        account.clock.advance(DAY)
    assert ends[0] == ends[1]
    member(account, keys=())
    lift(account)
    assert sweeping.case(account) is None
    lift(account)


def test_a_boundary_that_somebody_changed_stays(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    account.enrol()
    foreign = "arn:aws:iam::123456789012:policy/foreign"
    account.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=foreign)
    before = shapes.picture(account.iam, USER)
    lift(account)
    assert shapes.picture(account.iam, USER) == before
    assert sweeping.case(account) is None


@pytest.mark.parametrize("by", ["enrolment", "operator"])
def test_the_boundary_is_put_back_whatever_iam_still_shows(account: Account, by: str) -> None:
    """Here what stood before the restriction."""
    before = member(account)
    stale = account.iam.get_user(UserName=USER)
    brought_to(account, Mode.RESTRICT)
    account.enrol()
    account.wire.answer("GetUser", stale)
    if by == "operator":
        account.api("restore_user", {}, caller=OPERATOR, pathParameters={"name": USER})
    else:
        account.call("lift_restriction", {"user_name": USER})
    account.wire.standing.clear()
    assert shapes.picture(account.iam, USER) == before


def test_what_changes_until_nobody_else_acts_on_the_user_is_seen(account: Account) -> None:
    before = member(account)
    brought_to(account, Mode.RESTRICT)
    account.wire.calls.clear()
    account.wire.first("UpdateItem", account.enrol)
    account.call("lift_restriction", {"user_name": USER})
    assert shapes.picture(account.iam, USER) == before


def test_the_event_of_an_enrolment_asks_for_the_look_at_once(account: Account) -> None:
    member(account)
    account.step("mfa_device_enabled")
    assert not account.wire.made("Invoke")
    brought_to(account, Mode.RESTRICT)
    account.step("mfa_device_enabled")
    (asked,) = account.wire.made("Invoke")
    assert asked["Payload"] == b'{"user_name": "alice.developer"}'
