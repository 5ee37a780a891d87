"""ActOnUsers: remind, restrict, suspend, each in its turn, and nobody who must not be touched."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import times
from gatehouse.compliance import cases, live
from gatehouse.compliance.model import ROOT, Mode
from tests.unit import shapes, sweeping
from tests.unit.account import BOUNDARY_PREFIX, ENROLLING, RESTRICTED, SUSPENDED, USER, Account
from tests.unit.shapes import Shape
from tests.unit.sweeping import DAY, brought_to, finding, member, sweep
from tests.unit.swept import RULES, exempting

TAGS = {"email": "alice@example.com"}
WRITES = {
    "AttachUserPolicy", "DetachUserPolicy", "PutUserPermissionsBoundary", "UpdateAccessKey", "UpdateItem", "SendEmail",
    "DeleteItem", "TransactWriteItems",
}  # fmt: skip


@pytest.fixture
def account(aws: Account) -> Account:
    sweeping.begin(aws)
    return aws


def outcomes(acted: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["action"], one["outcome"]) for one in acted]


def subjects(aws: Account) -> list[str]:
    return [mail["subject"] for mail in aws.mails()]


def goes_at(aws: Account) -> int | None:
    """When the table drops the user's case, if ever."""
    return (aws.table.get(cases.key(USER)) or {}).get("ttl")


def test_a_user_is_reminded_then_restricted_then_suspended_and_told_each_time(account: Account) -> None:
    before = member(account, path="/", boundary=None, tags=TAGS)
    rules = replace(RULES, outsiders=True)
    found = finding(account, days=0)
    seen = []
    for day in range(1, 32):
        account.clock.moment = times.after(found.since, day * DAY)
        ((action, outcome),) = outcomes(sweep(account, found, rules=rules))
        if outcome == "done":
            seen.append((day, action))
    assert seen == [(1, "remind"), (8, "remind"), (14, "restrict"), (21, "restrict"), (28, "restrict"), (30, "suspend")]
    reminder, restricted, suspended = "MFA is missing", "Your AWS access is restricted", "Your AWS access is suspended"
    told = [reminder, reminder, restricted, reminder, reminder, suspended]
    assert [subject.startswith(start) for subject, start in zip(subjects(account), told, strict=True)] == [True] * 6
    assert {mail["to"][0] for mail in account.mails()} == {TAGS["email"]}
    after = shapes.picture(account.iam, USER)
    assert after["attached"] == sorted([RESTRICTED, SUSPENDED])
    assert set(after["keys"].values()) == {"Inactive"}
    assert after["user"] == before["user"]


def test_a_reminder_whose_sweep_ended_right_after_the_mail_counts_from_the_mail_on(account: Account) -> None:
    member(account, path="/", boundary=None, tags=TAGS)
    found = finding(account, days=3)
    sweep(account, found)
    reminded = account.table.get(cases.key(USER))["reminded_at"]
    account.table.update(cases.key(USER), sets={}, removes=("reminded_at",))
    account.clock.advance(60)
    sweep(account, found)
    assert account.table.get(cases.key(USER))["reminded_at"] == reminded
    assert len(account.mails()) == 1


def test_a_member_is_brought_back_to_enrolling(account: Account) -> None:
    before = member(account)
    brought_to(account, Mode.RESTRICT)
    after = shapes.picture(account.iam, USER)
    assert after["user"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == ENROLLING
    assert {**after, "user": before["user"]} == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(account: Account) -> None:
    before = member(account, tags=TAGS)
    acted = sweep(account, finding(account), rules=replace(RULES, dry_run=True))
    assert outcomes(acted) == [("remind", "dry-run")]
    assert shapes.picture(account.iam, USER) == before
    assert not set(account.wire.names()) & WRITES


UNTOUCHED: dict[str, tuple[Shape, str]] = {
    "exempt": (Shape(tags=exempting("2999-01-01")), "exempt until 2999-01-01"),
    "an application": (Shape(path="/gatehouse/applications/", boundary="boundary-application"), "application"),
    "keys only": (Shape(console=False, keys=(True,)), "no password"),
    "outside Gatehouse": (Shape(path="/", boundary=None), "no mail address"),
}


@pytest.mark.parametrize("who", UNTOUCHED)
def test_nobody_is_touched_who_must_not_be(account: Account, who: str) -> None:
    shape, reason = UNTOUCHED[who]
    before = member(account, **vars(shape))
    account.wire.calls.clear()
    (acted,) = sweep(account, finding(account))
    assert acted["outcome"] == "skipped"
    assert reason in acted["reason"]
    assert shapes.picture(account.iam, USER) == before
    assert not account.wire.made("SendEmail")


def test_who_enrolled_between_report_and_act_is_left_alone(account: Account) -> None:
    member(account)
    brought_to(account, Mode.REMIND)
    account.enrol()
    before = shapes.picture(account.iam, USER)
    account.clock.advance(30 * DAY)
    (acted,) = sweep(account, finding(account))
    assert (acted["outcome"], acted["reason"]) == ("skipped", "the user has enrolled MFA since")
    assert shapes.picture(account.iam, USER) == before


@pytest.mark.parametrize("name", ["nobody", ROOT])
def test_who_is_not_there_is_skipped_and_keeps_nobody_waiting(account: Account, name: str) -> None:
    member(account, tags=TAGS)
    acted = sweep(account, finding(account, name), finding(account))
    assert [one["outcome"] for one in acted] == ["skipped", "done"]


def test_a_user_made_anew_under_the_name_is_another_one(account: Account) -> None:
    member(account)
    brought_to(account, Mode.RESTRICT)
    account.iam.delete_login_profile(UserName=USER)
    for key in shapes.picture(account.iam, USER)["keys"]:
        account.iam.delete_access_key(UserName=USER, AccessKeyId=key)
    account.iam.delete_user(UserName=USER)
    before = member(account)
    (acted,) = sweep(account, finding(account, days=200))
    assert acted["reason"].startswith("the user was made after this was found")
    assert outcomes(sweep(account, finding(account, days=50))) == [("remind", "skipped")]
    assert shapes.picture(account.iam, USER) == before


def test_one_that_fails_keeps_nobody_else_from_what_is_due(account: Account) -> None:
    for name in ("bob", "carol"):
        member(account, name, tags=TAGS)
    account.wire.refuse("GetUser", "ServiceFailure", status=500)
    acted = sweep(account, finding(account, "bob"), finding(account, "carol"))
    assert [one["outcome"] for one in acted] == ["failed", "done"]
    assert acted[0]["reason"].startswith("TransientFault: GetUser")


def test_a_mail_that_fails_is_sent_by_the_next_sweep_and_its_days_begin_then(account: Account) -> None:
    member(account, tags=TAGS)
    account.wire.refuse("SendEmail", "MessageRejected")
    assert outcomes(sweep(account, finding(account))) == [("remind", "failed")]
    known = sweeping.case(account)
    assert known
    assert known.reminded_at is None
    assert outcomes(sweep(account, finding(account))) == [("remind", "done")]


def test_a_suspension_that_failed_half_way_does_not_look_like_one_and_is_finished_by_the_next_sweep(
    account: Account,
) -> None:
    member(account, tags=TAGS)
    brought_to(account, Mode.RESTRICT)
    account.clock.advance(16 * DAY)
    first = finding(account, days=30)
    account.wire.refuse("UpdateAccessKey", "ServiceFailure", status=500)
    assert outcomes(sweep(account, first)) == [("suspend", "failed")]
    assert SUSPENDED not in shapes.picture(account.iam, USER)["attached"]
    assert outcomes(sweep(account, first)) == [("suspend", "done")]
    after = shapes.picture(account.iam, USER)
    assert SUSPENDED in after["attached"]
    assert set(after["keys"].values()) == {"Inactive"}


def test_whom_an_ended_function_has_in_hand_still_counts_as_failed_and_the_next_sweep_comes_again(
    account: Account,
) -> None:
    member(account, tags=TAGS)
    known = live.look(account.iam, account.table, USER)
    assert known
    with cases.held(account.table, USER, known.user_id):
        (acted,) = sweep(account, finding(account))
    assert (acted["outcome"], acted["reason"]) == ("failed", f"somebody else is at {USER}")
    assert outcomes(sweep(account, finding(account))) == [("remind", "done")]


@pytest.mark.parametrize(("action", "days"), [(Mode.RESTRICT, 14), (Mode.SUSPEND, 30)])
def test_a_mail_about_an_act_that_fails_counts_as_failed_and_is_sent_by_the_next_sweep(
    account: Account, action: Mode, days: int
) -> None:
    member(account, tags=TAGS)
    before = list(Mode)[list(Mode).index(action) - 1]
    first = finding(account, days=0)
    brought_to(account, before)
    account.clock.moment = times.after(first.since, days * DAY)
    account.wire.refuse("SendEmail", "MessageRejected")
    assert outcomes(sweep(account, first)) == [(action.value, "failed")]
    account.wire.calls.clear()
    account.clock.advance(DAY)
    assert outcomes(sweep(account, first)) == [(action.value, "done")]
    assert len(account.mails()) == 1


def test_what_stood_before_is_kept_for_as_long_as_anything_stands(account: Account) -> None:
    """Also where the finding began anew, and so did the reminders, as after a loss of `latest.json`."""
    member(account, tags=TAGS)
    brought_to(account, Mode.REMIND)
    assert goes_at(account)
    brought_to(account, Mode.RESTRICT)
    account.clock.advance(10 * DAY)
    assert outcomes(sweep(account, finding(account, days=2, action=Mode.REMIND))) == [("remind", "done")]
    assert goes_at(account) is None


def test_a_retry_tells_what_the_first_try_of_the_sweep_did_and_the_next_sweep_does_not(account: Account) -> None:
    member(account)
    brought_to(account, Mode.REMIND)
    account.clock.advance(13 * DAY)
    first = finding(account, days=14)
    key = sweeping.kept(account, first)
    for _ in range(2):
        assert outcomes(sweeping.acted_on(account, key, USER)) == [("restrict", "done")]
        account.clock.advance(60)
    assert outcomes(sweep(account, first)) == [("restrict", "skipped")]


def test_a_function_that_ends_after_sending_does_not_send_again_that_day(account: Account) -> None:
    member(account, tags=TAGS)
    for _ in range(3):
        account.wire.end("SendEmail", 1, SystemExit(), after=True)
        with pytest.raises(SystemExit):
            sweep(account, finding(account))
        account.wire.ended.clear()
        for _ in range(5):
            account.clock.advance(cases.HELD_SECONDS + 1)
            sweep(account, finding(account))
        account.clock.advance(DAY)
    assert len(account.mails()) == 3


def test_without_an_address_the_days_go_by_all_the_same_and_the_report_says_so(account: Account) -> None:
    member(account)
    (acted,) = sweep(account, finding(account))
    assert (acted["outcome"], acted["reason"]) == ("skipped", "no mail address is known")
    known = sweeping.case(account)
    assert known
    assert known.reminded_at == account.clock.now()


def test_an_address_comes_from_the_onboarding_of_our_own_users(account: Account) -> None:
    record = account.seed()
    member(account, tags={"gatehouse:onboarding-id": record.onboarding_id, "email": "someone@example.com"})
    account.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": f"user#{USER}"}})
    sweep(account, finding(account))
    assert [mail["to"] for mail in account.mails()] == [["alice@example.com"]]


def test_nobody_is_touched_while_an_onboarding_or_a_reset_is_under_way(account: Account) -> None:
    record = account.seed()
    member(account)
    (acted,) = sweep(account, finding(account))
    assert acted["outcome"] == "skipped"
    assert record.onboarding_id in acted["reason"]


def test_what_is_answered_is_short(account: Account) -> None:
    """It crosses the machine: eight hundred of them have to fit."""
    shapes.make(account.iam, USER, Shape(tags=exempting("2999-01-01", reason="x" * 200)), BOUNDARY_PREFIX)
    acted = sweep(account, finding(account))
    assert len(json.dumps(acted)) < 256_000 / 800
