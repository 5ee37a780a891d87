"""ResendInstructions: a new password, a new link, a new code; the old ones are dead at once."""

import io
import json
import re
from typing import Any

import pytest
from botocore.response import StreamingBody

from gatehouse import claims, records
from gatehouse.clients import client
from gatehouse.issuing import MINIMUM_INTERVAL
from gatehouse.model import Requester, Status
from tests.unit.account import ACCOUNT, APPROVER, ONBOARDING_ID, OPERATOR, REQUESTER, USER, Account, Answer

FUNCTIONS = {
    "gatehouse-IssuePassword": "issue_password",
    "gatehouse-SendSignInInstructions": "send_sign_in_instructions",
}


@pytest.fixture
def waiting(aws: Account) -> Account:
    """An account in which a user got the first mail, and the two functions that a resend asks really answer."""
    aws.seed(Status.PENDING_MFA)
    aws.iam.create_user(UserName=USER, Path="/gatehouse/")
    for stem in FUNCTIONS.values():
        aws.step(stem)
    aws.wire.answer("Invoke", lambda asked: invoked(aws, asked))
    return aws


def invoked(aws: Account, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = aws.call(FUNCTIONS[asked["FunctionName"]], json.loads(asked["Payload"]))
    except Exception as error:
        return failed(type(error).__name__, str(error))
    return {"StatusCode": 200, "Payload": payload(answer)}


def failed(error: str, message: str = "no") -> dict[str, Any]:
    document = {"errorType": error, "errorMessage": message}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload(document)}


def payload(document: Any) -> StreamingBody:
    content = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(content), len(content))


def resend(aws: Account, caller: str = REQUESTER) -> Answer:
    return aws.api("resend_instructions", caller=caller)


def links(aws: Account) -> list[str]:
    """The claim tokens of the mails sent, oldest first."""
    return [token for mail in aws.mails() for token in re.findall(r"/claim#([\w-]{43})$", mail["text"], re.MULTILINE)]


def claim(aws: Account, token: str, code: str) -> Answer:
    return aws.api("claim_secret", {"token": token, "code": code})


def test_the_new_link_and_code_reveal_the_new_password(waiting: Account) -> None:
    first = waiting.password()
    answer = resend(waiting)
    assert answer.status == 200
    assert answer.json.keys() == {"claim_code", "claim_expires_at"}
    revealed = claim(waiting, links(waiting)[1], answer.json["claim_code"])
    assert revealed.json["password"] == waiting.password() != first


def test_the_old_link_and_password_are_dead(waiting: Account) -> None:
    first = waiting.secret()
    code = resend(waiting).json["claim_code"]
    assert waiting.secret(generation=1) is None
    assert waiting.password() != first
    assert claim(waiting, links(waiting)[0], code).problem == (410, "claim-withdrawn")


def test_the_old_code_does_not_open_the_new_link(waiting: Account) -> None:
    waiting.clock.advance(1)
    code = resend(waiting).json["claim_code"]
    waiting.clock.advance(MINIMUM_INTERVAL)
    newer = resend(waiting).json["claim_code"]
    assert newer != code
    assert claim(waiting, links(waiting)[2], code).problem == (403, "wrong-code")


def test_the_answer_says_until_when_the_new_link_is_good(waiting: Account) -> None:
    before = waiting.record().claim_expires_at
    waiting.clock.advance(1)
    answer = resend(waiting)
    assert answer.json["claim_expires_at"] == waiting.record().claim_expires_at != before


def test_the_old_link_is_dead_before_a_new_password_is_made(waiting: Account) -> None:
    seen: list[Any] = []

    def look() -> None:
        row = waiting.table.get(records.claim_key(claims.token_hash(links(waiting)[0]))) or {}
        seen.append((row["state"], waiting.record().claims))

    waiting.wire.first("Invoke", look)
    resend(waiting)
    assert seen == [("withdrawn", {})]


def test_first_the_password_is_issued_then_the_mail_sent_each_told_the_id_and_nothing_else(waiting: Account) -> None:
    resend(waiting)
    asked = waiting.wire.made("Invoke")
    assert [one["FunctionName"] for one in asked] == list(FUNCTIONS)
    assert [json.loads(one["Payload"]) for one in asked] == [{"onboarding_id": ONBOARDING_ID}] * 2


def test_it_is_noted_who_asked(waiting: Account) -> None:
    resend(waiting, OPERATOR)
    record = waiting.record()
    assert record.generation == 2
    assert ("resend", OPERATOR) in [(entry.event, entry.by) for entry in record.timeline]


def test_what_was_claimed_already_can_be_sent_again(waiting: Account) -> None:
    code = claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    assert claim(waiting, links(waiting)[0], code).status == 200
    before = waiting.dynamodb.scan(TableName="gatehouse")["Count"]
    assert resend(waiting).status == 200
    assert claim(waiting, links(waiting)[0], code).problem == (410, "claim-used")
    # The new claim, and nothing else: there was none to withdraw.
    assert waiting.dynamodb.scan(TableName="gatehouse")["Count"] == before + 1


@pytest.mark.parametrize("elapsed", [0, 0.4, 0.6, 59.999999])
def test_sooner_than_a_minute_it_is_refused_and_who_waits_as_told_is_not(aws: Account, elapsed: float) -> None:
    aws.seed(Status.PENDING_MFA)
    resend(aws)
    aws.clock.advance(elapsed)
    refused = resend(aws)
    assert refused.problem == (429, "too-soon")
    assert aws.record().generation == 2
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= MINIMUM_INTERVAL
    aws.clock.advance(wait)
    assert resend(aws).status == 200


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING_MFA}))
def test_there_is_something_to_resend_only_while_the_machine_waits_for_mfa(aws: Account, status: Status) -> None:
    before = aws.seed(status)
    refused = resend(aws)
    assert refused.problem == (409, "not-pending-mfa")
    assert status in refused.json["detail"]
    assert aws.record() == before
    assert aws.wire.names("Invoke") == []


def test_what_somebody_cancelled_is_not_sent_again(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"cancelled_by": OPERATOR})
    refused = resend(aws)
    assert refused.problem == (409, "not-pending-mfa")
    assert refused.json["detail"] == "The onboarding is cancelled."
    assert aws.wire.names("Invoke") == []


def test_no_password_is_issued_while_the_machine_completes(aws: Account) -> None:
    """It would outlive the onboarding."""
    aws.seed(Status.PENDING_MFA)
    aws.table.update(records.key(ONBOARDING_ID), sets={"completing": True})
    assert resend(aws).problem == (409, "changed-meanwhile")
    assert aws.record().generation == 1
    assert aws.wire.names("Invoke") == []


@pytest.mark.parametrize(
    "change", [{"status": Status.COMPLETE}, {"cancelled_by": OPERATOR}], ids=["ended", "cancelled"]
)
def test_an_onboarding_that_ends_just_before_is_told_to_have_ended(aws: Account, change: dict[str, Any]) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.first("TransactWriteItems", lambda: aws.change(**change))
    assert resend(aws).problem == (409, "not-pending-mfa")
    assert aws.record().generation == 1
    assert aws.wire.names("Invoke") == []


def test_of_two_resends_at_once_one_is_sent(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    other: list[Answer] = []
    aws.wire.first("TransactWriteItems", lambda: other.append(resend(aws)))
    assert resend(aws).problem == (429, "too-soon")
    assert [answer.status for answer in other] == [200]
    assert aws.record().generation == 2
    assert len(aws.wire.made("Invoke")) == len(FUNCTIONS)


@pytest.mark.parametrize(("reached", "error"), [(0, "Cancelled"), (1, "Cancelled"), (1, "RecordClosed")])
def test_an_onboarding_that_ends_while_it_is_sent_again_is_told_to_have_ended(
    aws: Account, error: str, reached: int
) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.turns["Invoke"] = [lambda _: None] * reached + [lambda _: failed(error)]
    assert resend(aws).problem == (409, "not-pending-mfa")
    assert len(aws.wire.made("Invoke")) == reached + 1


def test_a_cancellation_in_between_is_seen_by_the_functions_themselves(waiting: Account) -> None:
    waiting.wire.first("Invoke", lambda: waiting.change(cancelled_by=OPERATOR))
    assert resend(waiting).problem == (409, "not-pending-mfa")
    assert waiting.secret(generation=2) is None


@pytest.mark.parametrize(("reached", "error"), [(0, "TemporarilyUnmodifiable"), (1, "Sandbox.Timedout")])
def test_what_could_not_be_sent_is_said_without_its_message_and_can_be_tried_again(
    aws: Account, error: str, reached: int
) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.turns["Invoke"] = [lambda _: None] * reached + [lambda _: failed(error, "canary")]
    refused = resend(aws)
    assert refused.problem == (502, "not-sent")
    assert error in refused.json["detail"]
    assert "canary" not in refused.body
    assert len(aws.wire.made("Invoke")) == reached + 1
    aws.clock.advance(MINIMUM_INTERVAL)
    assert resend(aws).status == 200


def test_a_function_that_could_not_be_asked_makes_the_answer_busy(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("Invoke", "TooManyRequestsException", status=429)
    assert resend(aws).problem == (503, "busy")
    aws.clock.advance(MINIMUM_INTERVAL)
    assert resend(aws).status == 200


def test_a_lost_answer_of_the_write_costs_a_minute_and_no_more(waiting: Account) -> None:
    waiting.wire.lose_answer("TransactWriteItems")
    assert resend(waiting).problem == (503, "busy")
    assert resend(waiting).problem == (429, "too-soon")
    waiting.clock.advance(MINIMUM_INTERVAL)
    code = resend(waiting).json["claim_code"]
    assert claim(waiting, links(waiting)[-1], code).status == 200


def test_operators_may_resend_and_nobody_else(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/{REQUESTER}"
    for caller in (APPROVER, "mallory", "alice.developer", role):
        assert resend(aws, caller).problem == (403, "not-yours")
    assert resend(aws, OPERATOR).status == 200


def test_what_was_started_in_the_console_is_an_operator_s_to_resend(waiting: Account) -> None:
    waiting.change(requester=Requester(None, None, verified=False))
    assert resend(waiting).problem == (403, "not-yours")
    assert resend(waiting, OPERATOR).status == 200


def test_an_id_that_is_none_is_not_found(aws: Account) -> None:
    assert resend(aws).problem == (404, "not-found")


def test_no_password_link_or_code_is_logged_or_answered(waiting: Account, log: io.StringIO) -> None:
    answer = resend(waiting)
    assert "answered" in log.getvalue()
    password, token = str(waiting.secret(generation=2)), links(waiting)[1]
    for secret in (password, token, claims.token_hash(token), answer.json["claim_code"]):
        assert secret
        assert secret not in log.getvalue()
    assert password not in answer.body
    assert token not in answer.body
