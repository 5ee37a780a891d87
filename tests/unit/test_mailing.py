"""A mail goes out once: also where functions end in the middle, answers get lost, or two try at once."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gatehouse import clients, mailing, mails, records
from gatehouse.errors import NotYetConsistent
from gatehouse.model import Status
from gatehouse.table import Table
from tests.unit.account import ONBOARDING_ID, STACK, Account

SENDER = mailing.Sender("gatehouse@example.com", "gatehouse")
TO = {"alice@example.com"}
MAIL = mails.Mail("Subject", "text", "<p>text</p>")


class Killed(BaseException):
    """The function ends here, as if Lambda had taken its process away: nothing of it runs any more."""


def ses() -> Any:
    return clients.client("sesv2", retries=False)


def send(aws: Account, intent: str | None = None) -> None:
    table = Table(clients.client("dynamodb"), STACK)
    mailing.send_once(ses(), table, aws.record(), "told", MAIL, sender=SENDER, to=TO, intent=intent)


def test_every_mail_goes_through_the_configuration_set_and_says_what_it_is(aws: Account) -> None:
    aws.steps("await_mfa")
    (sent,) = aws.wire.made("SendEmail")
    assert sent["ConfigurationSetName"] == "gatehouse"
    assert {tag["Name"]: tag["Value"] for tag in sent["EmailTags"]} == {
        "onboarding_id": ONBOARDING_ID, "mail": "sign_in_instructions_1"
    }  # fmt: skip


def test_of_two_tries_at_once_one_sends(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    met: list[type[Exception]] = []

    def another() -> None:
        with pytest.raises(NotYetConsistent) as refused:
            send(aws)
        met.append(refused.type)

    aws.wire.first("SendEmail", another)
    send(aws)
    send(aws)
    assert met == [NotYetConsistent]
    assert len(aws.wire.made("SendEmail")) == 1


def test_who_read_the_record_before_the_other_sent_it_sends_nothing(aws: Account) -> None:
    stale = aws.seed(Status.PENDING_MFA)
    send(aws)
    mailing.send_once(ses(), aws.table, stale, "told", MAIL, sender=SENDER, to=TO)
    assert len(aws.wire.made("SendEmail")) == 1


def test_what_ses_refuses_may_be_tried_again_at_once(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("SendEmail", "MessageRejected")
    with pytest.raises(Exception, match="MessageRejected"):
        send(aws)
    assert aws.record().mails_begun == {}
    send(aws)
    assert set(aws.record().mails_sent) == {"told"}


def test_a_mail_that_is_out_is_out_although_it_could_not_be_noted(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.first("SendEmail", lambda: aws.wire.refuse("UpdateItem", "AccessDeniedException"))
    send(aws)
    assert aws.record().mails_sent == {}
    with pytest.raises(NotYetConsistent):
        send(aws)
    assert len(aws.wire.made("SendEmail")) == 1


def asked(aws: Account) -> Callable[[], Any]:
    aws.seed(Status.REQUESTED, profile="power-user")
    return lambda: aws.step("request_approval", entered_at=aws.clock.now())


def told_how(aws: Account) -> Callable[[], Any]:
    aws.steps("attach_policies")
    return lambda: aws.step("send_sign_in_instructions")


def told_done(aws: Account) -> Callable[[], Any]:
    aws.steps("await_mfa")
    aws.enrol()
    return lambda: aws.step("complete_onboarding")


def told_of_the_key(aws: Account) -> Callable[[], Any]:
    aws.steps("await_mfa", access=["console", "programmatic"])
    aws.enrol()
    return lambda: aws.step("complete_onboarding")


def told_of_the_end(aws: Account) -> Callable[[], Any]:
    aws.steps("await_mfa")
    return lambda: aws.step("roll_back")


SENDERS = {
    asked: {"approval_wanted"},
    told_how: {"sign_in_instructions_1"},
    told_done: {"sign_in_instructions_1", "onboarding_complete"},
    told_of_the_key: {"sign_in_instructions_1", "access_key_ready_1", "onboarding_complete"},
    told_of_the_end: {"sign_in_instructions_1", "onboarding_ended", "withdrawn"},
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems", "SendEmail"])
@pytest.mark.parametrize("prepare", SENDERS, ids=lambda one: one.__name__)
def test_wherever_a_function_ends_no_mail_is_lost_and_none_comes_twice_that_was_noted(
    aws: Account, prepare: Callable[[Account], Callable[[], Any]], operation: str, number: int, after: bool
) -> None:
    """Where it ends before a call or after it, and the machine tries again: which mails SES took, and what is noted."""
    step = prepare(aws)
    aws.wire.end(operation, number, Killed(), after=after)
    unknown: set[str] = set()
    not_sent: list[str] = []
    try:
        step()
    except Killed:
        taken = [*names(aws)]
        if operation == "SendEmail" and not after:
            not_sent = [taken.pop()]
        unknown = set(taken) - set(aws.record().mails_sent)
        aws.clock.advance(records.MAIL_SECONDS + 1)
        step()
    sent = Counter(names(aws)) - Counter(not_sent)
    assert set(sent) == SENDERS[prepare] == set(aws.record().mails_sent)
    assert {name for name, times in sent.items() if times > 1} == unknown
    assert len([row for row in rows(aws) if row.get("state") == "open"]) == len(aws.record().claims) <= 1


def names(aws: Account) -> list[str]:
    """Which mails SES was called for, in order."""
    return [{tag["Name"]: tag["Value"] for tag in call["EmailTags"]}["mail"] for call in aws.wire.made("SendEmail")]


def rows(aws: Account) -> list[dict[str, Any]]:
    """The claims' rows of the table."""
    found = aws.dynamodb.scan(TableName="gatehouse")["Items"]
    claims = [row for row in found if row["pk"]["S"].startswith("claim#")]
    return [{"state": row["state"]["S"]} for row in claims]
