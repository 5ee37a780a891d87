"""What a final decision tells people: the requester and the other approvers, once, whatever becomes of the mail."""

import io
from typing import Any

import pytest

from gatehouse.model import Onboarding, Requester, Status
from tests.unit.account import (
    APPROVER,
    OPERATOR,
    REQUESTER,
    SECOND_APPROVER,
    SECURITY_APPROVER,
    Account,
    arn_of,
)

ADDRESS = "alma@example.com"


def pending(aws: Account, profile: str = "power-user", **described: Any) -> Onboarding:
    return aws.seed(Status.PENDING_APPROVAL, profile=profile, justification="a migration", **described)


def decide(aws: Account, choice: str = "approve", caller: str = APPROVER, reason: str | None = "because") -> int:
    return aws.api("decide_onboarding", {"decision": choice, "reason": reason}, caller=caller).status


@pytest.mark.parametrize(("choice", "outcome"), [("approve", "approved"), ("reject", "rejected")])
def test_requester_and_other_approvers_read_who_decided_what_when_why_and_where(
    aws: Account, choice: str, outcome: str
) -> None:
    pending(aws)
    assert decide(aws, choice) == 200
    (mail,) = aws.mails()
    assert set(mail["to"]) == {REQUESTER, SECOND_APPROVER}
    assert mail["subject"] == f"Decided: alice.developer as power-user is {outcome}"
    for told in (f"{outcome} by {APPROVER}", "2 March 2026, 09:00 UTC", "because", "the API", "nothing more to do"):
        assert told in mail["text"]
    assert aws.record().mails_sent.keys() == {"decided"}


def test_nobody_is_told_of_half_a_quorum_and_of_the_whole_everybody_who_did_not_complete_it(aws: Account) -> None:
    pending(aws, "migration-admin")
    decide(aws)
    assert aws.mails() == []
    decide(aws, caller=SECURITY_APPROVER)
    (mail,) = aws.mails()
    assert set(mail["to"]) == {REQUESTER, ADDRESS, SECOND_APPROVER}
    assert f"approved by {SECURITY_APPROVER}" in mail["text"]


def test_a_decision_that_changes_nothing_tells_nobody(aws: Account) -> None:
    pending(aws)
    decide(aws)
    for choice in ("approve", "reject"):
        assert decide(aws, choice, SECOND_APPROVER) == 409
    assert len(aws.mails()) == 1


@pytest.mark.parametrize(
    ("requester", "address"), [(OPERATOR, "olga@example.com"), ("rita", None)], ids=["operator", "no address"]
)
def test_a_requester_is_written_to_where_the_parameters_say(aws: Account, requester: str, address: str | None) -> None:
    pending(aws, requester=Requester(arn_of(requester), requester, verified=True))
    decide(aws)
    assert set(aws.mails()[0]["to"]) == {SECOND_APPROVER} | ({address} if address else set())


def test_who_is_onboarded_is_not_told_before_there_is_anything_to_do(aws: Account) -> None:
    pending(aws, email=SECOND_APPROVER)
    decide(aws)
    assert aws.mails()[0]["to"] == [REQUESTER]


@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_a_mail_that_fails_changes_nothing_and_is_logged(aws: Account, log: io.StringIO, choice: str) -> None:
    pending(aws)
    aws.wire.refuse("SendEmail", "MessageRejected", message="Email address is not verified: alma@example.com")
    assert decide(aws, choice) == 200
    assert aws.record().status in (Status.PROVISIONING, Status.ROLLING_BACK)
    assert aws.record().mails_sent == {}
    assert "mail not sent" in log.getvalue()
    assert "alma@example.com" not in log.getvalue()


def test_the_machine_is_woken_before_anybody_is_written_to(aws: Account) -> None:
    pending(aws, record={"task_token": "a token"})
    decide(aws)
    assert aws.wire.names("SendTaskSuccess", "SendEmail") == ["SendTaskSuccess", "SendEmail"]


def test_an_approval_whose_answer_was_lost_is_not_told_as_one_after_a_cancellation(aws: Account) -> None:
    """Half a quorum was recorded, and the onboarding was undone before the decision was tried again."""
    pending(aws, "migration-admin")
    aws.wire.first("GetItem", lambda: None)
    aws.wire.first("GetItem", lambda: aws.change(status=Status.ROLLING_BACK, cancelled_by=OPERATOR))
    aws.wire.send_twice("UpdateItem")
    assert decide(aws) == 200
    assert len(aws.record().approval.decisions) == 1
    assert aws.mails() == []
