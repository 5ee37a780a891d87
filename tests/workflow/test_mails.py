"""What becomes of mails: those that do not arrive, and those that remind."""

from typing import Any

import pytest

from gatehouse import times
from local.client import wait_for
from tests.workflow import evidence, faults, people
from tests.workflow.people import Onboarding


@pytest.mark.parametrize(
    ("to", "event", "said"),
    [
        ("bounce", "mail_bounced", "Permanent, General. The user has no link: cancel, and request it again"),
        ("complaint", "mail_complained", "abuse. Ask the user"),
    ],
)
def test_instructions_that_do_not_arrive_are_told_to_the_operators(
    stack: dict[str, Any], to: str, event: str, said: str
) -> None:
    address = f"{to}@simulator.amazonses.com"
    onboarding = people.requested(stack, to, email=address)
    people.awaited(onboarding, "PENDING_MFA")
    entry = wait_for(lambda: told(onboarding, event), f"{event} in the timeline")[0]
    assert entry["by"] == "ses"
    assert entry["detail"].startswith(f"sign_in_instructions_1 to {address}: {said}")
    alert = wait_for(lambda: people.mails(onboarding, "A mail did not arrive"), "the operators' mail")
    assert len(alert) == 1
    assert alert[0]["to"] == ["operator@example.com"]
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")
    withdrawn = wait_for(lambda: people.mails(onboarding, "Your AWS access was withdrawn", address), "the last mail")
    assert "You need do nothing" in withdrawn[0]["text"]


def test_a_forged_bounce_of_a_mail_that_nobody_sent_changes_nothing(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "forged-bounce", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    wait_for(lambda: people.mails(onboarding, "Approval wanted"), "the approvers' mail")
    before = evidence.record(onboarding)
    tags = {"onboarding_id": [onboarding.id], "mail": ["sign_in_instructions_1"]}
    detail = {"eventType": "Bounce", "mail": {"tags": tags}, "bounce": {"bounceType": "Permanent"}}
    faults.invoke(stack, "MailBounced", {"source": "aws.ses", "detail": detail})
    assert evidence.record(onboarding)["timeline"] == before["timeline"]
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")


@pytest.mark.alone
def test_people_are_reminded_once_and_without_a_link(stack: dict[str, Any]) -> None:
    undecided = people.requested(stack, "reminded-approver", "power-user")
    slow = people.requested(stack, "reminded-user")
    people.awaited(undecided, "PENDING_APPROVAL")
    people.awaited(slow, "PENDING_MFA")
    wait_for(lambda: people.mails(undecided, "Approval wanted"), "the approvers' mail")
    for event, onboarding, subject, part in (
        ("request_approval", undecided, "Reminder, approval wanted", 0.6),
        ("await_mfa", slow, "Reminder, enrol MFA", 0.6),
        ("await_mfa", slow, "Last reminder, enrol MFA", 0.8),
    ):
        elapse(onboarding, event, part)
        faults.follow_up(stack)
        faults.follow_up(stack)
        (reminder,) = people.mails(onboarding, subject)
        assert "://" not in reminder["text"]
    assert people.mails(slow, "Reminder, enrol MFA")[0]["to"] == sorted([slow.email, "requester@example.com"])
    approvers = people.mails(undecided, "Reminder, approval wanted")[0]["to"]
    assert {"approver@example.com", "second-approver@example.com"} <= set(approvers)
    people.approve(undecided)
    people.awaited(undecided, "PENDING_MFA")
    for onboarding in (undecided, slow):
        people.enrol(onboarding)
        evidence.completed(onboarding)


def told(onboarding: Onboarding, event: str) -> list[dict[str, Any]]:
    return [entry for entry in evidence.record(onboarding)["timeline"] if entry["event"] == event]


def elapse(onboarding: Onboarding, event: str, part: float) -> None:
    """Let a wait have begun so long ago that this part of it is over."""
    record = evidence.record(onboarding)
    until = record["mfa_expires_at" if event == "await_mfa" else "approval_expires_at"]
    left = (times.parse(until) - times.parse(people.now())).total_seconds()
    began = times.after(people.now(), -left * part / (1 - part))
    timeline = [entry | ({"at": began} if entry["event"] == event else {}) for entry in record["timeline"]]
    faults.rewrite(onboarding, timeline=timeline)
