"""MailBounced: what SES tells of a mail is noted, told once, and believed only of mails that were sent."""

from typing import Any

import pytest

from gatehouse import records
from gatehouse.edges.mail_bounced import LONGEST_DETAIL
from gatehouse.errors import NotYetConsistent
from gatehouse.model import TimelineEntry
from tests.unit.account import ONBOARDING_ID, Account, event

STEP = "mail_bounced"
MAIL = "sign_in_instructions_1"
TO_OPERATORS = ["olga@example.com", "otto@example.com"]
FORGED = "bad\n<b>550</b> " * 200


def told(aws: Account) -> list[TimelineEntry]:
    return [entry for entry in aws.record().timeline if entry.by == "ses"]


def alerts(aws: Account) -> list[dict[str, Any]]:
    return [mail for mail in aws.mails() if mail["subject"].startswith("A mail did not arrive")]


def bounce(mail: str = MAIL, *, onboarding_id: str = ONBOARDING_ID, **changes: Any) -> dict[str, Any]:
    sample = event(STEP)
    sample["detail"]["mail"]["tags"] |= {"onboarding_id": [onboarding_id], "mail": [mail]}
    sample["detail"]["bounce"] |= changes
    return sample


def test_a_bounce_of_the_instructions_says_to_whom_why_and_what_to_do(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    (entry,) = told(aws)
    assert entry.event == "mail_bounced"
    assert entry.detail == (
        "sign_in_instructions_1 to alice@example.com: Permanent, General."
        " The user has no link: cancel, and request it again with the right address."
    )
    (alert,) = alerts(aws)
    assert alert["to"] == TO_OPERATORS
    for fact in ("alice@example.com", MAIL, "Permanent, General", "cancel, and request it again", ONBOARDING_ID):
        assert fact in alert["text"]
        assert fact in alert["html"]


def test_what_the_foreign_server_said_is_kept_nowhere(aws: Account) -> None:
    aws.steps("await_mfa")
    recipient = {"emailAddress": "alice@example.com", "diagnosticCode": FORGED, "status": FORGED}
    aws.call(STEP, bounce(bouncedRecipients=[recipient], bounceType=FORGED, bounceSubType=FORGED))
    assert "550" not in str(aws.record()) + str(alerts(aws))
    assert told(aws)[0].detail == (
        "sign_in_instructions_1 to alice@example.com: bounced. Ask the user; resend if nothing arrived."
    )


@pytest.mark.parametrize("address", [FORGED, "<script>@example.com", "a b@example.com", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_not_noted_as_one(aws: Account, address: str) -> None:
    aws.steps("await_mfa")
    aws.call(STEP, bounce(bouncedRecipients=[{"emailAddress": address}]))
    assert "to nobody named:" in str(told(aws)[0].detail)


def test_a_note_has_its_longest(aws: Account) -> None:
    aws.steps("await_mfa")
    longest = [{"emailAddress": f"{number}{'x' * 60}@{'y' * 180}.com"} for number in range(9)]
    aws.call(STEP, bounce(bouncedRecipients=longest))
    assert len(str(told(aws)[0].detail)) == LONGEST_DETAIL


def test_the_same_event_twice_is_one_note_and_one_mail(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    aws.step(STEP)
    assert (len(told(aws)), len(alerts(aws))) == (1, 1)


def test_a_second_recipient_is_noted_and_not_told_again(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    aws.call(STEP, bounce(bouncedRecipients=[{"emailAddress": "bob@example.com"}]))
    assert (len(told(aws)), len(alerts(aws))) == (2, 1)


def test_a_complaint_is_another_matter_than_a_bounce(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    aws.call(STEP, event(STEP, "complaint"))
    assert [entry.event for entry in told(aws)] == ["mail_bounced", "mail_complained"]
    assert len(alerts(aws)) == 2
    assert "abuse" in alerts(aws)[1]["text"]


def test_a_delay_is_noted_and_nobody_is_called(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.call(STEP, event(STEP, "delayed"))
    assert [entry.event for entry in told(aws)] == ["mail_delayed"]
    assert alerts(aws) == []


@pytest.mark.parametrize(
    "change",
    [
        {"mail": "onboarding_complete"},
        {"mail": ""},
        {"onboarding_id": "another"},
        {"onboarding_id": "../x"},
    ],
    ids=str,
)
def test_an_event_about_a_mail_that_nobody_sent_changes_nothing(aws: Account, change: dict[str, str]) -> None:
    before = aws.steps("await_mfa")
    aws.call(STEP, bounce(**change))
    assert aws.record() == before
    assert alerts(aws) == []


@pytest.mark.parametrize("tags", [{}, {"onboarding_id": ONBOARDING_ID}, {"onboarding_id": [], "mail": [MAIL]}], ids=str)
def test_an_event_without_our_tags_changes_nothing(aws: Account, tags: dict[str, Any]) -> None:
    before = aws.steps("await_mfa")
    sample = event(STEP)
    sample["detail"]["mail"]["tags"] = tags
    aws.call(STEP, sample)
    assert aws.record() == before


def test_an_event_of_another_kind_changes_nothing(aws: Account) -> None:
    before = aws.steps("await_mfa")
    sample = event(STEP)
    sample["detail"]["eventType"] = "Delivery"
    aws.call(STEP, sample)
    assert aws.record() == before


def test_an_alert_that_bounces_is_noted_and_raises_no_other(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    aws.call(STEP, bounce(f"mail_bounced_{MAIL}", bouncedRecipients=[{"emailAddress": "olga@example.com"}]))
    assert (len(told(aws)), len(alerts(aws))) == (2, 1)


def test_a_refused_alert_is_sent_by_the_retry(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.wire.refuse("SendEmail", "ThrottlingException")
    with pytest.raises(Exception, match="ThrottlingException"):
        aws.step(STEP)
    aws.step(STEP)
    assert f"mail_bounced_{MAIL}" in aws.record().mails_sent
    assert len(told(aws)) == 1


def test_a_record_that_changes_meanwhile_is_read_again(aws: Account) -> None:
    aws.steps("await_mfa")
    meanwhile = (*aws.record().timeline, TimelineEntry(aws.clock.now(), "mail_sent", "gatehouse"))
    aws.wire.first("UpdateItem", lambda: aws.change(timeline=meanwhile))
    aws.step(STEP)
    assert [entry.event for entry in aws.record().timeline[-3:-1]] == ["mail_sent", "mail_bounced"]


def test_while_another_try_tells_the_operators_this_one_waits(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    sent = {name: at for name, at in aws.record().mails_sent.items() if name == MAIL}
    aws.change(mails_sent=sent)
    with pytest.raises(NotYetConsistent):
        aws.step(STEP)
    aws.clock.advance(records.MAIL_SECONDS + 1)
    aws.step(STEP)
    assert len(alerts(aws)) == 2
