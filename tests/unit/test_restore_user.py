"""RestoreUser: an operator puts back what stood before, exactly, and only for the very user it was taken from."""

import json
from typing import Any

import pytest

from gatehouse.compliance import cases
from gatehouse.compliance.model import Mode
from tests.unit import shapes, sweeping
from tests.unit.account import BOUNDARY_PREFIX, OPERATOR, REQUESTER, USER, Account, Answer
from tests.unit.shapes import Shape
from tests.unit.sweeping import DAY, brought_to, finding, member, sweep

TAGS = {"email": "alice@example.com"}


@pytest.fixture
def account(aws: Account) -> Account:
    sweeping.begin(aws)
    return aws


def restore(aws: Account, body: Any = "", name: str = USER, caller: str = OPERATOR) -> Answer:
    return aws.api("restore_user", body, caller=caller, pathParameters={"name": name})


def test_one_call_ends_the_suspension_and_the_next_one_the_restriction(account: Account) -> None:
    before = member(account, tags=TAGS)
    brought_to(account, Mode.RESTRICT)
    restricted = shapes.picture(account.iam, USER)
    brought_to(account, Mode.SUSPEND)
    first = restore(account, {"what": "suspension", "reason": "is at the service desk"})
    assert (first.status, first.json["stands"]) == (200, "restriction")
    assert len(first.json["put_back"]) == 2
    assert shapes.picture(account.iam, USER) == restricted
    second = restore(account)
    assert (second.status, second.json["stands"]) == (200, None)
    assert shapes.picture(account.iam, USER) == before
    assert restore(account).problem == (409, "nothing-to-restore")
    told = account.mails()
    assert [mail["subject"] for mail in told] == [f"Your AWS access is back: {USER}"] * 2
    assert "is at the service desk" in told[0]["text"]
    assert "nothing but enrol" in told[0]["text"]
    assert "nothing but enrol" not in told[1]["text"]


def test_a_call_that_says_what_does_no_more_when_it_is_repeated(account: Account) -> None:
    member(account)
    brought_to(account, Mode.SUSPEND)
    assert restore(account, {"what": "restriction"}).problem == (409, "nothing-to-restore")
    assert restore(account, {"what": "suspension"}).status == 200
    answer = restore(account, {"what": "suspension"})
    assert answer.problem == (409, "nothing-to-restore")
    assert "restriction" in answer.json["detail"]


def test_after_a_restore_the_days_begin_anew(account: Account) -> None:
    member(account, tags=TAGS)
    brought_to(account, Mode.SUSPEND)
    restore(account)
    restore(account)
    before = shapes.picture(account.iam, USER)
    for _ in range(13):
        account.clock.advance(DAY)
        sweep(account, finding(account, days=60))
    assert shapes.picture(account.iam, USER) == before
    account.clock.advance(2 * DAY)
    assert sweep(account, finding(account, days=60))[0]["action"] == "restrict"


@pytest.mark.parametrize(
    ("caller", "name", "problem"),
    [
        (REQUESTER, USER, (403, "not-an-operator")),
        ("arn:aws:sts::123456789012:assumed-role/admin/olga", USER, (403, "not-an-operator")),
        (OPERATOR, OPERATOR, (403, "own-user")),
        (OPERATOR, OPERATOR.upper(), (403, "own-user")),
        (OPERATOR, "nobody", (404, "not-found")),
        (OPERATOR, "<root_account>", (404, "not-found")),
        (OPERATOR, "a" * 65, (404, "not-found")),
        (OPERATOR, USER, (409, "nothing-to-restore")),
    ],
)
def test_who_may_not_or_finds_nothing_is_told_why(
    account: Account, caller: str, name: str, problem: tuple[int, str]
) -> None:
    member(account)
    assert restore(account, name=name, caller=caller).problem == problem


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"what": "everything"}, {"what"}),
        ({"what": ["suspension"], "reason": "<b>"}, {"what", "reason"}),
        ({"user": "x"}, {"user"}),
        ("[]", {"body"}),
    ],
)
def test_a_wrong_body_is_refused_by_its_fields(account: Account, body: Any, fields: set[str]) -> None:
    answer = restore(account, body)
    assert (answer.status, answer.fields) == (400, fields)


def test_another_user_of_the_same_name_gets_nothing_back(account: Account) -> None:
    member(account, keys=())
    brought_to(account, Mode.SUSPEND)
    for arn in shapes.picture(account.iam, USER)["attached"]:
        account.iam.detach_user_policy(UserName=USER, PolicyArn=arn)
    account.iam.delete_login_profile(UserName=USER)
    account.iam.delete_user(UserName=USER)
    shapes.make(account.iam, USER, Shape(boundary="boundary-enrolling", keys=(False,)), BOUNDARY_PREFIX)
    before = shapes.picture(account.iam, USER)
    assert restore(account).problem == (409, "user-changed")
    assert shapes.picture(account.iam, USER) == before


def test_a_boundary_that_somebody_changed_meanwhile_is_said_and_left(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    foreign = "arn:aws:iam::123456789012:policy/foreign"
    account.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=foreign)
    answer = restore(account)
    assert answer.problem == (409, "user-changed")
    assert foreign in answer.json["detail"]
    known = sweeping.case(account)
    assert known
    assert known.stands == "restriction"


def test_a_boundary_that_is_changed_until_nobody_else_acts_on_the_user_is_left_too(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    foreign = "arn:aws:iam::123456789012:policy/foreign"
    account.wire.first(
        "UpdateItem", lambda: account.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=foreign)
    )
    assert restore(account).problem == (409, "user-changed")


def test_while_a_sweep_is_at_the_user_the_operator_is_asked_to_wait(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    known = sweeping.case(account)
    assert known
    with cases.held(account.table, USER, known.user_id):
        assert restore(account).problem == (409, "busy")
    assert restore(account).status == 200


def test_while_a_reset_is_under_way_its_user_stays_as_the_reset_needs_it(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    account.seed()
    assert restore(account).problem == (409, "under-way")


def test_a_restore_that_was_interrupted_is_finished_by_the_operator_and_undone_by_no_sweep(account: Account) -> None:
    before = member(account)
    brought_to(account, Mode.RESTRICT)
    restricted = shapes.picture(account.iam, USER)
    brought_to(account, Mode.SUSPEND)
    account.wire.end("DetachUserPolicy", 1, SystemExit(), after=False)
    with pytest.raises(SystemExit):
        restore(account)
    account.wire.turns.clear()
    account.clock.advance(cases.HELD_SECONDS + 1)
    halfway = shapes.picture(account.iam, USER)
    assert sweep(account, finding(account, days=60))[0]["reason"] == "the suspension is being ended"
    account.call("lift_restriction", {"user_name": USER})
    assert shapes.picture(account.iam, USER) == halfway
    assert json.loads(restore(account, {"what": "suspension"}).body)["stands"] == "restriction"
    assert shapes.picture(account.iam, USER) == restricted != before
