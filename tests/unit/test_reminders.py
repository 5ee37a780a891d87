"""Reminders: who is reminded of what, and when."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import people, reminders, times
from gatehouse.model import Decision, Onboarding, Status, TimelineEntry
from tests.unit.account import (
    APPROVER,
    CHOSEN,
    NOW,
    ONBOARDING_ID,
    SECOND_APPROVER,
    TASK_TOKEN,
    USER,
    Account,
    arn_of,
    make_record,
)

WEEK = 604_800
BEGINS = {Status.PENDING_APPROVAL: "request_approval", Status.PENDING_MFA: "await_mfa"}
DIRECTORY = people.Directory.parse(CHOSEN["Approvers"], "")


def waiting(status: Status, seconds: float = WEEK, **record: object) -> Onboarding:
    """A record whose wait began at NOW, after it had rested for a day."""
    until = times.after(NOW, seconds)
    described = {
        "created_at": times.after(NOW, -86_400),
        "timeline": (TimelineEntry(NOW, BEGINS[status], "gatehouse"),) if status in BEGINS else (),
        "approval_expires_at": until,
        "mfa_expires_at": until,
        **record,
    }
    return make_record(status, profile="power-user", record=described)


def name(record: Onboarding, seconds: float) -> str | None:
    found = reminders.due(record, times.after(NOW, seconds))
    return found.name if found else None


@pytest.mark.parametrize(
    ("part", "expected"), [(0, None), (0.49, None), (0.5, "mfa_reminder_1"), (0.74, "mfa_reminder_1"),
                           (0.75, "mfa_reminder_2"), (0.99, "mfa_reminder_2"), (1, None), (2, None)],
)  # fmt: skip
def test_the_user_is_reminded_at_half_and_in_the_last_quarter(part: float, expected: str | None) -> None:
    assert name(waiting(Status.PENDING_MFA), part * WEEK) == expected


@pytest.mark.parametrize(("part", "expected"), [(0.49, None), (0.5, True), (0.99, True), (1, None)])
def test_approvers_are_reminded_once_at_half(part: float, expected: bool | None) -> None:
    assert name(waiting(Status.PENDING_APPROVAL), part * WEEK) == (expected and "approval_reminder_1")


@pytest.mark.parametrize("status", sorted(set(Status) - set(BEGINS)))
def test_nobody_is_reminded_where_nobody_is_waited_for(status: Status) -> None:
    assert name(waiting(status), 0.8 * WEEK) is None


@pytest.mark.parametrize("status", BEGINS)
def test_a_wait_that_somebody_cancelled_or_without_an_end_reminds_nobody(status: Status) -> None:
    assert name(waiting(status, cancelled_by="olga"), 0.8 * WEEK) is None
    assert name(waiting(status, approval_expires_at=None, mfa_expires_at=None), 0.8 * WEEK) is None


moments = st.floats(min_value=-2, max_value=3)


@given(
    status=st.sampled_from(list(Status)),
    seconds=st.integers(min_value=-5, max_value=2_592_000),
    parts=st.lists(moments, max_size=12).map(sorted),
    cancelled=st.booleans(),
)
def test_whenever_the_schedule_runs_each_reminder_comes_once_and_within_the_wait(
    status: Status, seconds: int, parts: list[float], cancelled: bool
) -> None:
    sent: dict[str, str] = {}
    for part in parts:
        now = times.after(NOW, part * max(seconds, 1))
        record = waiting(status, seconds, mails_sent=sent, cancelled_by="olga" if cancelled else None)
        reminder = reminders.due(record, now)
        if reminder is None:
            continue
        assert status in BEGINS
        assert not cancelled
        assert reminder.name not in sent
        assert reminder.reason.endswith(".")
        half = times.after(NOW, seconds / 2 - 0.001)
        assert half <= now < reminder.until == times.after(NOW, seconds)
        sent[reminder.name] = now
    # After the last one no earlier one follows.
    assert list(sent) == sorted(sent)


def test_only_approvers_who_have_not_decided_are_reminded() -> None:
    record = waiting(Status.PENDING_APPROVAL)
    reminder = reminders.Reminder(reminders.APPROVAL, "x.", NOW)
    assert reminders.addresses(record, reminder, DIRECTORY) == {"alma@example.com", SECOND_APPROVER}
    one = Decision(APPROVER, arn_of(APPROVER), "approve", None, record.digest, NOW)
    decided = make_record(Status.PENDING_APPROVAL, profile="power-user", record={"approval": _with(record, one)})
    assert reminders.addresses(decided, reminder, DIRECTORY) == {SECOND_APPROVER}


def _with(record: Onboarding, decision: Decision) -> object:
    return replace(record.approval, decisions=(decision,))


def test_user_and_requester_are_reminded_of_mfa() -> None:
    reminder = reminders.Reminder(reminders.MFA, "x.", NOW)
    found = reminders.addresses(waiting(Status.PENDING_MFA), reminder, DIRECTORY)
    assert found == {"alice@example.com", "requester@example.com"}


def enrolling(aws: Account, number: int = 0) -> Onboarding:
    record = waiting(Status.PENDING_MFA)
    described = {"onboarding_id": f"onboarding-{number}", "user_name": f"user-{number}"} if number else {}
    fields = ("timeline", "approval_expires_at", "mfa_expires_at")
    return aws.seed(Status.PENDING_MFA, record={name: getattr(record, name) for name in fields}, **described)


def test_the_schedule_sends_each_reminder_once_without_link_or_code(aws: Account) -> None:
    aws.wire.answer("DescribeExecution", {"status": "RUNNING"})
    enrolling(aws)
    for _ in range(16):
        aws.clock.advance(WEEK / 16)
        aws.step("follow_up")
    assert [mail["subject"] for mail in aws.mails()] == [
        f"Reminder, enrol MFA: {USER}", f"Last reminder, enrol MFA: {USER}"
    ]  # fmt: skip
    assert set(aws.record().mails_sent) == {"mfa_reminder_1", "mfa_reminder_2"}
    for mail in aws.mails():
        assert mail["to"] == ["alice@example.com", "requester@example.com"]
        assert "use the link of that mail" in mail["text"]
        assert "://" not in mail["text"]


def test_a_user_who_has_enrolled_is_not_reminded(aws: Account) -> None:
    aws.iam.create_user(UserName=USER, Path="/gatehouse/")
    enrolling(aws)
    aws.change(task_token=TASK_TOKEN)
    aws.enrol()
    aws.clock.advance(0.6 * WEEK)
    aws.step("follow_up")
    assert aws.mails() == []
    assert len(aws.wire.made("SendTaskSuccess")) == 1


def test_a_reminder_that_fails_stops_neither_the_others_nor_the_run(aws: Account, log: io.StringIO) -> None:
    aws.wire.answer("DescribeExecution", {"status": "RUNNING"})
    enrolling(aws)
    enrolling(aws, number=1)
    aws.wire.refuse("SendEmail", "MessageRejected")
    aws.clock.advance(0.6 * WEEK)
    assert aws.step("follow_up") == {"seen": 2}
    sent = [aws.record(one).mails_sent.keys() for one in (ONBOARDING_ID, "onboarding-1")]
    assert sorted(map(list, sent)) == [[], ["mfa_reminder_1"]]
    assert "not reminded" in log.getvalue()
    aws.step("follow_up")
    assert all("mfa_reminder_1" in aws.record(one).mails_sent for one in (ONBOARDING_ID, "onboarding-1"))
