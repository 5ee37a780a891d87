"""SendSignInInstructions: how to sign in, and a link that reveals the password to who has the code."""

import re

import pytest

from gatehouse import claims, clients, iam_users, records, times
from gatehouse.errors import AccessDenied, Cancelled, RecordClosed, TransientFault
from gatehouse.model import Requester, Status, TimelineEntry
from tests.unit.account import ACCOUNT, NOW, USER, Account

CLAIM_URL = "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/v1/claim"
STEP = "send_sign_in_instructions"


def token(aws: Account) -> str:
    """The token of the newest mail's link, which stands alone on its line."""
    (found,) = re.findall(rf"^{re.escape(CLAIM_URL)}#(\S+)$", aws.mails()[-1]["text"], re.MULTILINE)
    return str(found)


def test_the_user_is_told_where_and_as_whom_to_sign_in(aws: Account) -> None:
    aws.steps(STEP)
    (mail,) = aws.mails()
    assert (mail["from"], mail["to"]) == ("gatehouse@example.com", ["alice@example.com"])
    for told in ("https://example-corp.signin.aws.amazon.com/console", USER, times.in_words(times.after(NOW, 86_400))):
        assert told in mail["text"]
        assert told in mail["html"]


def test_without_an_alias_the_account_s_number_is_in_the_address(aws: Account) -> None:
    aws.iam.delete_account_alias(AccountAlias="example-corp")
    aws.steps(STEP)
    assert "https://123456789012.signin.aws.amazon.com/console" in aws.mails()[0]["text"]


def test_the_alias_is_looked_up_once_a_minute(aws: Account) -> None:
    for pause, looks in ((0, 1), (0, 1), (60, 2)):
        aws.clock.advance(pause)
        iam_users.sign_in_url(clients.client("iam"), ACCOUNT)
        assert len(aws.wire.made("ListAccountAliases")) == looks


def test_neither_password_nor_code_is_in_the_mail(aws: Account) -> None:
    record = aws.steps(STEP)
    mac = aws.wire.standing["GenerateMac"]
    kms = type("Kms", (), {"generate_mac": lambda _, **asked: mac(asked)})()
    code = claims.code(kms, "key", record.onboarding_id, 1)
    (mail,) = aws.mails()
    for secret in (aws.secret(), code):
        assert secret
        assert secret not in mail["text"] + mail["html"] + mail["subject"]


def test_the_token_stands_in_the_table_as_a_hash_only(aws: Account) -> None:
    record = aws.steps(STEP)
    assert claims.is_token(token(aws))
    assert record.claims == {"password": claims.token_hash(token(aws))}
    assert token(aws) not in str(aws.dynamodb.scan(TableName="gatehouse"))


def test_the_claim_waits_for_its_time_with_five_attempts(aws: Account) -> None:
    record = aws.steps(STEP)
    row = aws.table.get(records.claim_key(record.claims["password"])) or {}
    assert (row["state"], row["tried"], row["generation"]) == ("open", {}, 1)
    assert row["expires_at"] == record.claim_expires_at == times.after(NOW, 86_400)
    kept = times.parse(times.after(row["expires_at"], 30 * 86_400)).timestamp()
    assert row["ttl"] == int(kept)


def test_what_the_claim_shows_beside_the_password_is_settled_now(aws: Account) -> None:
    record = aws.steps(STEP, require_password_reset=False)
    row = aws.table.get(records.claim_key(record.claims["password"])) or {}
    assert row["shown_with"] == {
        "user_name": USER,
        "sign_in_url": "https://example-corp.signin.aws.amazon.com/console",
        "reset_required": False,
    }


def test_calling_twice_sends_one_mail_whose_link_goes_on_working(aws: Account) -> None:
    aws.steps(STEP)
    aws.step(STEP)
    assert len(aws.mails()) == 1
    assert aws.record().claims == {"password": claims.token_hash(token(aws))}


@pytest.mark.parametrize("operation", ["TransactWriteItems", "SendEmail"])
def test_after_a_lost_answer_the_newest_link_is_the_one_that_works(aws: Account, operation: str) -> None:
    aws.steps("attach_policies")
    aws.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        aws.step(STEP)
    earlier = aws.record().claims["password"]
    aws.clock.advance(records.MAIL_SECONDS + 1)
    aws.step(STEP)
    assert aws.record().claims["password"] == claims.token_hash(token(aws)) != earlier
    assert (aws.table.get(records.claim_key(earlier)) or {})["state"] == "withdrawn"


def test_the_sdk_never_sends_a_mail_twice_by_itself(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.wire.refuse("SendEmail", "ServiceUnavailable", status=503)
    with pytest.raises(TransientFault):
        aws.step(STEP)
    assert len(aws.wire.made("SendEmail")) == 1


def test_a_sender_that_is_not_verified_ends_it(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.wire.refuse("SendEmail", "AccessDeniedException", status=403, message="not authorized to perform ses:SendEmail")
    with pytest.raises(AccessDenied, match="ses:SendEmail"):
        aws.step(STEP)
    assert aws.record().mails_sent == {}


def test_a_new_generation_gets_a_mail_and_a_link_of_its_own(aws: Account) -> None:
    aws.steps("await_mfa")
    first = token(aws)
    aws.change(generation=2, claims={})
    aws.step(STEP)
    assert token(aws) != first
    assert "earlier password no longer work: Your administrator asked" in aws.mails()[-1]["text"]
    assert "no longer work" not in aws.mails()[0]["text"].split("If something")[0]
    assert set(aws.record().mails_sent) == {"sign_in_instructions_1", "sign_in_instructions_2"}


def test_a_resend_wins_no_time_to_enrol(aws: Account) -> None:
    record = aws.steps("await_mfa")
    aws.clock.advance(3_600)
    aws.change(generation=2, claims={})
    aws.step(STEP)
    assert f"Finish before: {times.in_words(str(record.mfa_expires_at))}\n" in aws.mails()[-1]["text"]


@pytest.mark.parametrize(
    ("requester", "named"),
    [
        (Requester("arn:aws:iam::123456789012:user/rita", "rita", verified=True), "rita"),
        (Requester("arn:aws:sts::123456789012:assumed-role/Deployer/x", None, verified=True), "Your administrator"),
    ],
)
def test_the_user_is_told_who_has_the_code(aws: Account, requester: Requester, named: str) -> None:
    aws.steps(STEP, requester=requester)
    assert f"\n{named} has a claim code for you" in aws.mails()[0]["text"]


def test_after_a_resend_the_user_is_told_who_has_the_new_code(aws: Account) -> None:
    aws.steps("await_mfa")
    resent = TimelineEntry(aws.clock.now(), "resend", "olga")
    aws.change(generation=2, claims={}, timeline=(*aws.record().timeline, resent))
    aws.step(STEP)
    assert "\nolga has a claim code for you" in aws.mails()[-1]["text"]


def test_an_access_that_ends_before_the_time_to_enrol_has_to_be_used_before_its_end(aws: Account) -> None:
    ends = times.after(NOW, 86_400)
    aws.steps(STEP, expires_at=ends)
    assert f"Finish before: {times.in_words(ends)}\n" in aws.mails()[-1]["text"]


def test_a_cancellation_is_seen_before_a_mail_goes_out(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        aws.step(STEP)
    assert aws.mails() == []


def test_a_cancellation_in_the_last_moment_opens_no_claim(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.wire.first("TransactWriteItems", lambda: aws.change(cancelled_by="olga"))
    with pytest.raises(Cancelled):
        aws.step(STEP)
    assert aws.mails() == []
    assert aws.record().claims == {}


@pytest.mark.parametrize("status", sorted(set(Status) - {"PROVISIONING", "PENDING_MFA"}))
def test_no_mail_goes_out_for_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    aws.seed(status)
    with pytest.raises(RecordClosed, match=status):
        aws.step(STEP)
    assert aws.mails() == []
