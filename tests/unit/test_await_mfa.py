"""AwaitMfa: the token is stored before IAM is looked at."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gatehouse import iam_users, times
from gatehouse.errors import (
    AccessDenied,
    Cancelled,
    MfaAlreadyEnrolled,
    MfaTimeout,
    NotYetConsistent,
    RecordClosed,
    TransientFault,
)
from gatehouse.model import Status
from tests.unit.account import ACCOUNT, NOW, TASK_TOKEN, USER, Account

STEP = "await_mfa"
END = times.after(NOW, 604_800)


@pytest.fixture
def mailed(aws: Account) -> Account:
    """An account whose new user has the mail and no device yet."""
    aws.steps("send_sign_in_instructions")
    aws.wire.calls.clear()
    return aws


def test_the_token_is_stored_whole_and_the_status_tells_that_it_waits(mailed: Account) -> None:
    mailed.step(STEP, task_token=TASK_TOKEN)
    record = mailed.record()
    assert (record.task_token, record.status, record.mfa_expires_at) == (TASK_TOKEN, Status.PENDING_MFA, END)


def test_the_step_hands_nothing_on(mailed: Account) -> None:
    assert mailed.step(STEP) is None


def test_who_enrolled_before_the_token_stood_is_found_by_the_look(mailed: Account) -> None:
    mailed.enrol()
    with pytest.raises(MfaAlreadyEnrolled):
        mailed.step(STEP)


def test_who_enrols_between_token_and_look_is_found_too(mailed: Account) -> None:
    """Had IAM been looked at first, this user would have been missed."""
    mailed.wire.first("ListMFADevices", mailed.enrol)
    with pytest.raises(MfaAlreadyEnrolled):
        mailed.step(STEP, task_token=TASK_TOKEN)
    assert mailed.record().task_token == TASK_TOKEN
    assert mailed.wire.names() == ["UpdateItem", "ListMFADevices"]


def device(serial: str) -> dict[str, Any]:
    return {"UserName": USER, "SerialNumber": serial, "EnableDate": datetime(2026, 3, 2, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("serial", "kind"),
    [
        (f"arn:aws:iam::{ACCOUNT}:mfa/phone", "virtual"),
        (f"arn:aws:iam::{ACCOUNT}:mfa/path/with-u2f-in-its-name", "virtual"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:mfa/phone", "virtual"),
        (f"arn:aws:iam::{ACCOUNT}:u2f/user/{USER}/yubikey-5C-NFC-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "security_key"),
        (f"arn:aws:iam::{ACCOUNT}:u2f/user/{USER}/passkey-of-the-laptop-7XJ2ZQ4HMPKN3", "security_key"),
        ("GAHT12345678", "hardware"),
        ("GADC00001234", "hardware"),
    ],
)
def test_every_kind_of_device_counts(mailed: Account, serial: str, kind: str) -> None:
    mailed.wire.answer("ListMFADevices", {"MFADevices": [device(serial)], "IsTruncated": False})
    with pytest.raises(MfaAlreadyEnrolled):
        mailed.step(STEP)
    assert iam_users.device_kind(serial) == kind


def test_devices_are_read_to_the_last_page(mailed: Account) -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"MFADevices": [], "IsTruncated": True, "Marker": "page-2"},
        "page-2": {"MFADevices": [], "IsTruncated": True, "Marker": "page-3"},
        "page-3": {"MFADevices": [device("GAHT12345678")], "IsTruncated": False},
    }
    mailed.wire.answer("ListMFADevices", lambda asked: pages[asked.get("Marker")])
    with pytest.raises(MfaAlreadyEnrolled):
        mailed.step(STEP)


def test_a_second_wait_keeps_the_first_deadline_and_the_newest_token(mailed: Account) -> None:
    mailed.step(STEP, task_token="first")
    mailed.clock.advance(3_600)
    mailed.step(STEP, task_token="second", entered_at=mailed.clock.now())
    assert (mailed.record().mfa_expires_at, mailed.record().task_token) == (END, "second")


@pytest.mark.parametrize("late", [0, 1])
def test_after_the_first_deadline_nobody_waits_again(mailed: Account, late: int) -> None:
    mailed.step(STEP)
    mailed.clock.advance(604_800 + late)
    with pytest.raises(MfaTimeout):
        mailed.step(STEP, entered_at=mailed.clock.now())


def test_who_enrolled_in_the_last_moment_is_not_undone(mailed: Account) -> None:
    mailed.step(STEP)
    mailed.enrol()
    mailed.clock.advance(604_801)
    with pytest.raises(MfaAlreadyEnrolled):
        mailed.step(STEP)


def test_a_resend_is_possible_again_once_the_machine_waits_anew(mailed: Account) -> None:
    mailed.step(STEP)
    mailed.table.update(f"onboarding#{mailed.record().onboarding_id}", sets={"completing": True})
    mailed.step(STEP)
    assert "completing" not in (mailed.table.get(f"onboarding#{mailed.record().onboarding_id}") or {})


@pytest.mark.parametrize("operation", ["UpdateItem", "ListMFADevices"])
def test_a_lost_answer_is_made_good_by_the_retry(mailed: Account, operation: str) -> None:
    mailed.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        mailed.step(STEP)
    mailed.step(STEP)
    assert mailed.record().mfa_expires_at == END


@pytest.mark.parametrize(("code", "error"), [("NoSuchEntity", NotYetConsistent), ("AccessDenied", AccessDenied)])
def test_a_user_that_iam_does_not_show_yet_is_looked_at_again(
    mailed: Account, code: str, error: type[Exception]
) -> None:
    mailed.wire.refuse("ListMFADevices", code)
    with pytest.raises(error):
        mailed.step(STEP)
    mailed.step(STEP)


def test_a_cancellation_is_seen(mailed: Account) -> None:
    mailed.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        mailed.step(STEP)


@pytest.mark.parametrize("status", sorted(set(Status) - {"PROVISIONING", "PENDING_MFA"}))
def test_nobody_waits_for_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    aws.seed(status)
    with pytest.raises(RecordClosed, match=status):
        aws.step(STEP)
