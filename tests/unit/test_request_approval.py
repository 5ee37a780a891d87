"""RequestApproval: the approvers are told, and the machine waits on a token."""

import re
from html import escape
from typing import Any

import pytest

from gatehouse import records, times
from gatehouse.errors import AlreadyDecided, ApprovalTimeout, Cancelled, RecordClosed, TransientFault
from gatehouse.model import Requester, Status
from tests.unit.account import ACCOUNT, AS_APPLICATION, NOW, ONBOARDING_ID, REQUESTER, TASK_TOKEN, USER, Account

STEP = "request_approval"
END = times.after(NOW, 259_200)


def seed(aws: Account, status: Status = Status.REQUESTED, **changes: object) -> None:
    record = {"approval_expires_at": None} | changes
    aws.seed(status, profile="power-user", justification="phase 2", record=record)


def recipients(aws: Account) -> list[str]:
    (mail,) = aws.mails()
    return list(mail["to"])


def test_the_token_is_stored_whole_and_the_status_tells_that_it_waits(aws: Account) -> None:
    seed(aws)
    assert len(TASK_TOKEN) == 2_048
    aws.step(STEP, task_token=TASK_TOKEN)
    assert (aws.record().task_token, aws.record().status) == (TASK_TOKEN, Status.PENDING_APPROVAL)


def test_the_step_hands_nothing_on(aws: Account) -> None:
    seed(aws)
    assert aws.step(STEP) is None


def test_the_time_to_decide_is_that_of_the_state(aws: Account) -> None:
    """From when the state was entered: a slow start of the function wins nobody time that the machine does not have."""
    seed(aws)
    aws.clock.advance(20)
    aws.step(STEP, entered_at=NOW)
    assert aws.record().approval_expires_at == END


def test_the_approvers_of_the_profile_are_told(aws: Account) -> None:
    seed(aws)
    aws.step(STEP)
    assert recipients(aws) == ["alma@example.com", "bob@example.com"]


def test_the_mail_says_what_is_asked_for_and_how_to_decide(aws: Account) -> None:
    seed(aws)
    aws.step(STEP)
    (mail,) = aws.mails()
    url = f"https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/onboardings/{ONBOARDING_ID}/decision"
    for told in (USER, "power-user", "phase 2", REQUESTER, f"POST {url}", "PowerUserAccess", times.in_words(END)):
        assert told in mail["text"]
        assert told in mail["html"]
    assert TASK_TOKEN not in mail["text"] + mail["html"]


def test_the_mail_says_what_goes_beyond_the_profile_and_what_it_risks_in_both_parts(aws: Account) -> None:
    asked: dict[str, Any] = {"groups": ["PowerUsers"], "policies": ["ReadLogs"], "permissions_boundary": "one-region"}
    record = aws.seed(**asked, record={"approval_expires_at": None})
    grants = record.grants
    assert grants.beyond_profile
    assert grants.escalation_risks
    aws.step(STEP)
    (mail,) = aws.mails()
    for told in (*grants.in_words, *grants.beyond_profile, *grants.escalation_risks):
        assert f"- {told}\n" in mail["text"]
        assert f"<li>{escape(told, quote=False)}</li>" in mail["html"].replace("&#39;", "'")
    for heading in ("What it amounts to", "More than the profile", "What it risks", "GatehouseDecide"):
        assert heading in mail["text"]
        assert heading in mail["html"]


def test_what_is_not_so_has_no_heading(aws: Account) -> None:
    requester = Requester(None, None, verified=False)
    aws.seed(profile="auditor", requester=requester, record={"approval_expires_at": None})
    aws.step(STEP)
    (mail,) = aws.mails()
    assert "More than the profile" not in mail["text"] + mail["html"]
    assert "What it risks" not in mail["text"] + mail["html"]


def test_of_an_application_the_owner_is_told(aws: Account) -> None:
    aws.seed(**AS_APPLICATION, record={"approval_expires_at": None})
    aws.step(STEP)
    (mail,) = aws.mails()
    assert "asks for an IAM user for an application" in mail["text"]
    assert re.search(r"^Owner: +alice@example\.com$", mail["text"], re.MULTILINE)
    assert '<th scope="row">Owner</th><td>alice@example.com</td>' in mail["html"]


@pytest.mark.parametrize("approver", ["alma", "bob@example.com"])
def test_who_asked_is_not_asked_to_approve(aws: Account, approver: str) -> None:
    requester = Requester(f"arn:aws:iam::{ACCOUNT}:user/{approver}", approver, verified=True)
    aws.seed(profile="power-user", requester=requester, record={"approval_expires_at": None})
    aws.step(STEP)
    assert len(recipients(aws)) == 1
    assert not [address for address in recipients(aws) if address.startswith(approver.split("@")[0])]


def test_whom_it_concerns_is_not_asked_to_approve(aws: Account) -> None:
    aws.seed(profile="power-user", email="Bob@example.com", record={"approval_expires_at": None})
    aws.step(STEP)
    assert recipients(aws) == ["alma@example.com"]


def test_who_has_no_address_is_left_out(aws: Account) -> None:
    aws.values["Approvers"] = '{"platform": ["alma"], "security": []}'
    seed(aws)
    aws.step(STEP)
    assert aws.mails() == []
    assert aws.record().status is Status.PENDING_APPROVAL


def test_an_unverified_requester_is_named_as_such(aws: Account) -> None:
    nobody = Requester(None, None, verified=False)
    aws.seed(profile="power-user", requester=nobody, record={"approval_expires_at": None})
    aws.step(STEP)
    assert "Somebody in the Step Functions console asks" in aws.mails()[0]["text"]


def test_calling_twice_sends_one_mail_and_keeps_the_newest_token(aws: Account) -> None:
    seed(aws)
    aws.step(STEP, task_token="first")
    aws.step(STEP, task_token="second")
    assert len(aws.mails()) == 1
    assert aws.record().task_token == "second"


def test_a_second_wait_wins_no_time(aws: Account) -> None:
    seed(aws)
    aws.step(STEP)
    aws.clock.advance(3_600)
    aws.step(STEP, entered_at=aws.clock.now())
    assert aws.record().approval_expires_at == END


@pytest.mark.parametrize("late", [0, 1])
def test_after_the_first_wait_s_end_nobody_waits_again(aws: Account, late: int) -> None:
    seed(aws)
    aws.step(STEP)
    aws.clock.advance(259_200 + late)
    with pytest.raises(ApprovalTimeout):
        aws.step(STEP, entered_at=aws.clock.now())
    assert len(aws.mails()) == 1


@pytest.mark.parametrize("status", [Status.PROVISIONING, Status.ROLLING_BACK])
def test_a_decision_that_was_faster_is_not_waited_for(aws: Account, status: Status) -> None:
    seed(aws, status)
    with pytest.raises(AlreadyDecided):
        aws.step(STEP)
    assert aws.mails() == []


@pytest.mark.parametrize("operation", ["UpdateItem", "SendEmail"])
def test_a_lost_answer_is_made_good_by_the_retry(aws: Account, operation: str) -> None:
    seed(aws)
    aws.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        aws.step(STEP)
    aws.clock.advance(records.MAIL_SECONDS + 1)
    aws.step(STEP)
    assert aws.record().mails_sent.keys() == {"approval_wanted"}


def test_a_cancellation_is_seen_before_anybody_is_told(aws: Account) -> None:
    seed(aws, cancelled_by="olga")
    with pytest.raises(Cancelled):
        aws.step(STEP)
    assert aws.mails() == []


OTHERS = sorted(set(Status) - {"REQUESTED", "PENDING_APPROVAL", "PROVISIONING", "ROLLING_BACK"})


@pytest.mark.parametrize("status", OTHERS)
def test_nobody_is_asked_about_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    seed(aws, status)
    with pytest.raises(RecordClosed, match=status):
        aws.step(STEP)
    assert aws.mails() == []
