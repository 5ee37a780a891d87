"""An account is read whole, in few calls however large it is."""

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from gatehouse import catalogue, times
from gatehouse.clients import client
from gatehouse.compliance import inventory, password_policy
from gatehouse.compliance.evaluation import evaluate
from gatehouse.compliance.model import Account, Credentials, Kind, User
from gatehouse.compliance.password_policy import Wanted
from gatehouse.errors import MalformedReport, ReportGone, ReportNotReady
from tests.unit.account import NOW
from tests.unit.account import Account as Aws
from tests.unit.swept import GUARD, REPORTED, RULES, account, accounts, ago, credentials, report, user, without_mfa
from tests.unit.swept_iam import stand_in

WANTED = Wanted.of(14, "uppercase,lowercase,numbers,symbols", 90, 24)
SECURITY_KEY = "arn:aws:iam::123456789012:u2f/user/ann/key"


def read(stuck: Any = None) -> Account:
    return inventory.read(client("iam"), WANTED, stuck or {})


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(accounts())
def test_what_iam_tells_is_read(aws: Aws, of: Account) -> None:
    # Who was there before the report has a line in it.
    lines = [one.credentials or credentials(one.user_name, created_at=one.created_at) for one in of.users]
    of = replace(of, users=tuple(replace(one, credentials=line) for one, line in zip(of.users, lines, strict=True)))
    stand_in(aws.wire, of)
    found = read(of.stuck)
    older = {one.user_name for one in of.users if one.created_at <= of.reported_at}
    told = [
        replace(one, devices=None, credentials=one.credentials if one.user_name in older else None) for one in of.users
    ]
    assert [replace(one, devices=None) for one in found.users] == told
    assert replace(found, users=()) == replace(of, users=(), password_lacks=())


def test_the_line_of_somebody_of_the_same_name_who_is_gone_is_not_taken(aws: Aws) -> None:
    stand_in(aws.wire, account(user("ann", created_at=NOW)))
    assert read().users[0].credentials is None


def without_lines(aws: Aws, *users: User, left: Sequence[Credentials] = ()) -> None:
    """An account whose report has lines of others only, and these users besides."""
    of = account(*users)
    assert of.root
    stand_in(aws.wire, of)
    content = report([of.root, *left]).encode()
    aws.wire.answer("GetCredentialReport", {"Content": content, "GeneratedTime": times.parse(of.reported_at)})


@pytest.mark.parametrize(("hours", "is_cut"), [(0.9, False), (1.1, True)])
def test_a_report_without_a_user_who_was_there_for_an_hour_was_cut_off(aws: Aws, hours: float, is_cut: bool) -> None:
    """By one that was cut off between two lines findings would be resolved, and their days lost."""
    without_lines(aws, user("ann", created_at=times.after(REPORTED, -hours * 3600)))
    if is_cut:
        with pytest.raises(MalformedReport, match="1 users have no line"):
            read()
    else:
        assert read().users[0].credentials is None


def test_somebody_who_was_renamed_since_the_report_has_a_line_under_the_old_name(aws: Aws) -> None:
    without_lines(aws, user("new.name"), left=[credentials("old.name", created_at=user("new.name").created_at)])
    assert read().users[0].credentials is None
    again = user("old.name", created_at=ago(0.01))
    left = [credentials("old.name", created_at=user("new.name").created_at)]
    without_lines(aws, user("new.name"), again, left=left)
    assert {one.credentials for one in read().users} == {None}
    without_lines(aws, user("ann"), left=[credentials("somebody.deleted", created_at=ago(7))])
    with pytest.raises(MalformedReport):
        read()


def test_what_the_password_policy_lacks_is_told(aws: Aws) -> None:
    stand_in(aws.wire, account())
    aws.wire.answer("GetAccountPasswordPolicy", {"PasswordPolicy": password_policy.WITHOUT_POLICY})
    assert read().password_lacks[0] == "8 characters suffice where 14 are wanted"


@pytest.mark.parametrize(
    ("code", "error"),
    [("ReportInProgress", ReportNotReady), ("ReportNotPresent", ReportGone), ("ReportExpired", ReportGone)],
)
def test_a_report_that_is_being_made_is_waited_for_and_one_that_is_not_there_is_to_be_made(
    aws: Aws, code: str, error: type[Exception]
) -> None:
    stand_in(aws.wire, account())
    aws.wire.refuse("GetCredentialReport", code, status=410)
    with pytest.raises(error):
        read()


def test_a_report_that_is_no_text_is_an_error(aws: Aws) -> None:
    stand_in(aws.wire, account())
    content = {"Content": b"user,\xff", "GeneratedTime": "2026-03-02T08:00:00Z"}
    aws.wire.answer("GetCredentialReport", content)
    with pytest.raises(MalformedReport):
        read()


def test_whom_the_report_shows_without_mfa_is_looked_at_while_calls_are_left(aws: Aws) -> None:
    """Then a security key that was enrolled after the report is seen, of which no list tells."""
    stray = [without_mfa(f"stray-{number:02}") for number in range(20)]
    stand_in(aws.wire, account(*stray, user("good")), devices={"stray-03": [SECURITY_KEY]})
    found = {one.user_name: one for one in read().users}
    assert len(aws.wire.calls) == inventory.MOST_CALLS - 1, "and the request of the report"
    assert (found["stray-03"].devices, found["stray-04"].devices) == (("security_key",), ())
    assert found["stray-03"].has_mfa
    assert (found["stray-19"].devices, found["good"].devices) == (None, None)


def test_somebody_who_is_deleted_meanwhile_is_left_as_the_lists_have_it(aws: Aws) -> None:
    stand_in(aws.wire, account(without_mfa("ann")))
    aws.wire.refuse("ListMFADevices", "NoSuchEntity", status=404)
    assert read().users[0].devices is None


@pytest.fixture
def demanding() -> Iterator[None]:
    changed = json.loads(json.dumps(catalogue._catalogue()))
    changed["profiles"]["auditor"]["mfa"] = "phishing-resistant"
    with patch.object(catalogue, "_catalogue", lambda: changed):
        yield


def test_the_devices_of_those_whose_profile_demands_more_are_looked_at(aws: Aws, demanding: None) -> None:
    tags = {"gatehouse:profile": "auditor"}
    of = account(user("ann", tags=tags), user("bob", tags=tags), user("cy", tags={"gatehouse:profile": "developer"}))
    phone = "arn:aws:iam::123456789012:mfa/phone"
    stand_in(aws.wire, of, devices={"ann": [phone, SECURITY_KEY], "bob": [phone]})
    found = evaluate("s", read(), RULES, GUARD, None, NOW)
    assert [(one.kind, one.subject, one.reason) for one in found.findings] == [
        (Kind.PHISHABLE_MFA, "bob", "its MFA: virtual")
    ]


def large(count: int, one_in: int = 4) -> Account:
    """Users with a virtual device each, but for some."""
    return account(*(without_mfa(f"u-{n:04}") if n % one_in == 0 else user(f"u-{n:04}") for n in range(count)))


def calls_of_a_sweep(aws: Aws, of: Account) -> int:
    aws.wire.clear()
    stand_in(aws.wire, of)
    inventory.request_report(client("iam"))
    read()
    return len(aws.wire.calls)


def test_a_sweep_of_five_thousand_users_takes_twelve_calls_and_one_of_a_hundred_a_third_of_that_at_least(
    aws: Aws,
) -> None:
    assert calls_of_a_sweep(aws, large(5000)) == 12
    assert calls_of_a_sweep(aws, large(100)) == 12, "what is left goes to looks at single users"
    assert 12 / calls_of_a_sweep(aws, account(*map(user, map(str, range(100))))) <= 3


def test_the_worst_case_is_a_call_more_for_each_thousand_devices_beyond_four(aws: Aws) -> None:
    """Nearly all of 5,000 users with a device; and some with two, so that there are six pages of devices."""
    assert calls_of_a_sweep(aws, large(5000, one_in=100)) == 13
    several = (user(f"u-{number:04}", virtual_devices=2 if number < 500 else 1) for number in range(5000))
    assert calls_of_a_sweep(aws, account(*several)) == 14


def test_five_thousand_users_fit_into_a_small_function(aws: Aws) -> None:
    stand_in(aws.wire, large(5000))
    tracemalloc.start()
    try:
        evaluate("s", read(), RULES, GUARD, None, NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
