"""ExpireClaim: what nobody claimed opens nothing any more, and those who can go on hear of it."""

import io
import json
from typing import Any

import pytest

from gatehouse import claims, iam_users, passwords, records, times
from gatehouse.clients import client
from gatehouse.edges.expire_claim import TAKEN_SECONDS
from gatehouse.errors import AccessDenied, TemporarilyUnmodifiable, TransientFault
from gatehouse.issuing import MINIMUM_INTERVAL
from gatehouse.model import Onboarding, Purpose, Status
from tests.unit import resets
from tests.unit.account import (
    ENROLLING,
    NOW,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    USER,
    Account,
    Answer,
)

TOKEN = "Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1iYXNlNjQ"
HASH = claims.token_hash(TOKEN)
NEWER = claims.token_hash("bmV3ZXI" + TOKEN[7:])
SECONDS = 600
PASSWORD = "Somebody-3lse!"
OF_THE_FIRST = {"purpose": Purpose.MFA_RESET, "of": "the-first"}
UNCLAIMED = {"password": Status.PENDING_MFA, "access_key": Status.COMPLETE}
KINDS = pytest.mark.parametrize("what", UNCLAIMED)
TOUCHING = ("UpdateLoginProfile", "DeleteAccessKey", "DeleteSecret", "SendEmail")


def sent(aws: Account, what: str = "password", *, generation: int = 1, due: bool = True) -> Onboarding:
    """An onboarding whose user got a link, and a while later has not used it."""
    seeded = aws.seed(Status.PENDING_MFA, record={"generation": generation})
    tags = [{"Key": iam_users.ID_TAG, "Value": ONBOARDING_ID}]
    aws.iam.create_user(UserName=USER, Path=iam_users.PATH, PermissionsBoundary=ENROLLING, Tags=tags)
    secret, shown = PASSWORD, {"user_name": USER, "sign_in_url": "https://example.com", "reset_required": True}
    if what == "password":
        aws.iam.create_login_profile(UserName=USER, Password=PASSWORD, PasswordResetRequired=True)
    else:
        key = aws.iam.create_access_key(UserName=USER)["AccessKey"]
        shown = {"user_name": USER, "access_key_id": key["AccessKeyId"], "mfa_serial": None, "roles": []}
        secret = json.dumps({"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]})
    name = f"gatehouse/{ONBOARDING_ID}/{what.replace('_', '-')}/{generation}"
    aws.secretsmanager.create_secret(Name=name, SecretString=secret)
    records.open_claim(aws.table, seeded, what, HASH, SECONDS, shown)
    if due:
        aws.clock.advance(SECONDS)
    return aws.change(status=UNCLAIMED[what]) if UNCLAIMED[what] is not Status.PENDING_MFA else aws.record()


def expire(aws: Account) -> None:
    assert aws.step("expire_claim", claim=HASH) is None


def row(aws: Account) -> dict[str, Any]:
    found = aws.table.get(records.claim_key(HASH))
    assert found is not None
    return found


def is_due(aws: Account) -> bool:
    """Whether the follow-up would find the claim."""
    found, _ = aws.table.query("by_time", ("entity", records.OPEN_CLAIM))
    return [item["pk"] for item in found] == [records.claim_key(HASH)]


def keys(aws: Account) -> list[str]:
    return [key["AccessKeyId"] for key in aws.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]]


def claim(aws: Account, code: str | None = None) -> Answer:
    code = code or claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    return aws.api("claim_secret", {"token": TOKEN, "code": code})


def test_the_password_is_replaced_by_one_that_nobody_knows(aws: Account, log: io.StringIO) -> None:
    sent(aws)
    expire(aws)
    (replaced,) = aws.wire.made("UpdateLoginProfile")
    made = replaced["Password"]
    assert aws.password() == made != PASSWORD
    assert len(made) == passwords.LENGTH
    assert replaced["PasswordResetRequired"] is True
    told = [json.dumps(aws.record().public()), json.dumps(aws.mails()), log.getvalue(), json.dumps(row(aws))]
    assert not [text for text in told if made in text or PASSWORD in text]
    assert aws.wire.names("CreateSecret", "PutSecretValue", "GetSecretValue") == []


def test_the_access_key_is_deleted_and_no_other_one(aws: Account) -> None:
    sent(aws, "access_key")
    other = aws.iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]
    expire(aws)
    assert keys(aws) == [other]
    assert aws.wire.names("UpdateLoginProfile") == []


@KINDS
def test_its_secret_is_deleted_its_claim_ended_and_nothing_due_any_more(aws: Account, what: str) -> None:
    sent(aws, what)
    assert is_due(aws)
    expire(aws)
    assert aws.secret(what.replace("_", "-")) is None
    assert row(aws)["state"] == "expired"
    assert not is_due(aws)
    record = aws.record()
    assert (record.claims, record.status, record.expiring_until) == ({}, UNCLAIMED[what], None)
    assert claim(aws).problem == (410, "claim-expired")


@KINDS
def test_the_timeline_tells_what_was_not_claimed(aws: Account, what: str) -> None:
    sent(aws, what)
    expire(aws)
    told = [entry for entry in aws.record().timeline if entry.event == "claim_expired"]
    assert [(entry.by, entry.detail) for entry in told] == [("gatehouse", f"{what}, nobody claimed it")]


@KINDS
def test_operators_and_requester_are_told_once(aws: Account, what: str) -> None:
    sent(aws, what)
    expire(aws)
    expire(aws)
    (mail,) = aws.mails()
    assert set(mail["to"]) == {"olga@example.com", "otto@example.com", REQUESTER}
    assert mail["subject"] == f"Not claimed: the {what.replace('_', ' ')} of {USER}"
    assert f"/onboardings/{ONBOARDING_ID}/{'resend' if what == 'password' else 'reissue'}" in mail["text"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"status": Status.COMPLETE}, f"/onboardings/{ONBOARDING_ID}/reissue"),
        (
            {"status": Status.COMPLETE, "purpose": Purpose.MFA_RESET, "of": "the-first"},
            "/onboardings/the-first/reissue",
        ),
        ({"purpose": Purpose.MFA_RESET, "of": "the-first"}, f"/onboardings/{ONBOARDING_ID}/resend"),
    ],
    ids=["re-issued", "by a reset that is complete", "by a reset"],
)
def test_who_is_told_reads_what_goes_on_from_here(aws: Account, change: dict[str, Any], path: str) -> None:
    sent(aws)
    aws.change(**change)
    expire(aws)
    (mail,) = aws.mails()
    assert f"POST {path})" in mail["text"]


@KINDS
def test_a_claim_that_is_not_due_yet_is_left_alone(aws: Account, what: str) -> None:
    sent(aws, what, due=False)
    aws.clock.advance(SECONDS - 1)
    expire(aws)
    assert (row(aws)["state"], aws.wire.names(*TOUCHING)) == ("open", [])
    assert is_due(aws)


@pytest.mark.parametrize("what", ["password"])
def test_a_burnt_claim_ends_before_its_time(aws: Account, what: str) -> None:
    sent(aws, what, due=False)
    for _ in range(claims.ATTEMPTS):
        assert claim(aws, "22222222").status == 403
    expire(aws)
    assert aws.password() != PASSWORD
    assert (row(aws)["state"], is_due(aws)) == ("burnt", False)
    assert aws.record().timeline[-2].detail == "password, the code was wrong too often"
    assert "wrong five times" in aws.mails()[-1]["text"]
    assert claim(aws).problem == (410, "claim-burnt")


def test_a_burnt_claim_that_could_not_be_brought_forward_ends_with_its_time(aws: Account, log: io.StringIO) -> None:
    sent(aws, due=False)
    for _ in range(claims.ATTEMPTS - 1):
        claim(aws, "22222222")
    aws.wire.turns["UpdateItem"] = [lambda _: None, lambda _: None]
    aws.wire.refuse("UpdateItem", "AccessDeniedException")
    assert claim(aws, "22222222").status == 403
    assert "burnt claim not due before its time" in log.getvalue()
    expire(aws)
    assert row(aws)["state"] == "open"
    aws.clock.advance(SECONDS)
    expire(aws)
    assert row(aws)["state"] == "expired"


def test_what_was_claimed_is_left_to_who_claimed_it(aws: Account) -> None:
    sent(aws, due=False)
    assert claim(aws).status == 200
    assert not is_due(aws)
    aws.clock.advance(SECONDS)
    expire(aws)
    assert (aws.password(), row(aws)["state"]) == (PASSWORD, "used")
    assert "UpdateLoginProfile" not in aws.wire.names()


def test_a_claim_of_the_same_second_wins_if_it_finds_the_claim_open(aws: Account) -> None:
    sent(aws, due=False)
    late: list[int] = []

    def claim_just_in_time() -> None:
        aws.clock.advance(-1)
        late.append(claim(aws).status)
        aws.clock.advance(1)

    aws.clock.advance(SECONDS)
    aws.wire.first("TransactWriteItems", claim_just_in_time)
    expire(aws)
    assert (late, aws.password(), row(aws)["state"]) == ([200], PASSWORD, "used")


def test_a_claim_of_the_same_second_is_told_that_it_expired_if_it_does_not(aws: Account) -> None:
    sent(aws, due=False)
    aws.clock.advance(SECONDS - 1)

    def expire_meanwhile() -> None:
        aws.clock.advance(1)
        expire(aws)

    code = claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    aws.wire.first("TransactWriteItems", expire_meanwhile)
    assert claim(aws, code).problem == (410, "claim-expired")
    assert aws.password() != PASSWORD


CALLS = ("UpdateItem", "GetUser", "DeleteSecret", "SendEmail")


@KINDS
@pytest.mark.parametrize("broken", [*CALLS, "TransactWriteItems"])
@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer lost"])
def test_whatever_breaks_off_is_found_again_and_brought_to_its_end(
    aws: Account, what: str, broken: str, lost: bool
) -> None:
    sent(aws, what)
    if lost:
        aws.wire.lose_answer(broken)
    else:
        aws.wire.refuse(broken, "InternalServerError", status=500)
    with pytest.raises(TransientFault):
        expire(aws)
    finished = lost and broken == "UpdateItem" and not is_due(aws)
    assert finished or is_due(aws)
    aws.clock.advance(TAKEN_SECONDS)
    expire(aws)
    assert aws.secret(what.replace("_", "-")) is None
    assert not is_due(aws)
    assert (aws.password() != PASSWORD) if what == "password" else (keys(aws) == [])
    assert [entry.event for entry in aws.record().timeline].count("claim_expired") == 1
    assert {mail["subject"] for mail in aws.mails()} == {f"Not claimed: the {what.replace('_', ' ')} of {USER}"}


@pytest.mark.parametrize(
    ("code", "raised"), [("EntityTemporarilyUnmodifiable", TemporarilyUnmodifiable), ("AccessDenied", AccessDenied)]
)
def test_a_password_that_iam_does_not_take_yet_keeps_its_claim_due(
    aws: Account, code: str, raised: type[Exception]
) -> None:
    sent(aws)
    aws.wire.refuse("UpdateLoginProfile", code)
    with pytest.raises(raised):
        expire(aws)
    assert is_due(aws)
    assert aws.mails() == []
    aws.clock.advance(TAKEN_SECONDS)
    expire(aws)
    assert aws.password() != PASSWORD


def test_two_calls_at_once_are_one(aws: Account) -> None:
    sent(aws)
    aws.wire.first("GetUser", lambda: expire(aws))
    expire(aws)
    assert [len(aws.wire.made(name)) for name in ("UpdateLoginProfile", "SendEmail")] == [1, 1]


def test_a_resend_waits_until_the_password_is_replaced(aws: Account) -> None:
    """Otherwise the replacement could hit the password that the resend has just issued."""
    sent(aws)
    answers: list[Answer] = []
    aws.wire.first("UpdateLoginProfile", lambda: answers.append(aws.api("resend_instructions", caller=REQUESTER)))
    expire(aws)
    assert answers[0].problem == (429, "too-soon")
    assert answers[0].headers["Retry-After"] == str(TAKEN_SECONDS)
    assert aws.record().generation == 1


def test_a_resend_that_read_the_record_before_waits_as_well(aws: Account) -> None:
    sent(aws)

    def begin_and_break_off() -> None:
        aws.wire.refuse("GetUser", "ServiceUnavailable", status=503)
        with pytest.raises(TransientFault):
            expire(aws)

    aws.wire.first("TransactWriteItems", begin_and_break_off)
    assert aws.api("resend_instructions", caller=REQUESTER).problem == (429, "too-soon")
    assert aws.record().generation == 1
    aws.clock.advance(TAKEN_SECONDS)
    assert aws.api("resend_instructions", caller=REQUESTER).status == 200


def test_a_resend_that_began_before_is_not_disturbed(aws: Account) -> None:
    """It withdraws the claim in the moment in which it counts the generation up."""
    sent(aws)
    aws.wire.first("TransactWriteItems", lambda: aws.api("resend_instructions", caller=REQUESTER))
    expire(aws)
    assert (aws.record().generation, aws.password(), row(aws)["state"]) == (2, PASSWORD, "withdrawn")
    assert not is_due(aws)


def test_after_it_the_instructions_can_be_sent_again(aws: Account) -> None:
    sent(aws)
    expire(aws)
    replaced = aws.password()
    aws.clock.advance(MINIMUM_INTERVAL)
    aws.wire.answer("Invoke", lambda _: {"StatusCode": 200, "Payload": io.BytesIO(b"null")})
    assert aws.api("resend_instructions", caller=REQUESTER).status == 200
    for step in ("issue_password", "send_sign_in_instructions"):
        aws.step(step)
    assert aws.password() == aws.secret(generation=2) != replaced
    assert aws.record().claims.keys() == {"password"}


def test_a_call_that_broke_off_leaves_the_password_of_a_resend_alone(aws: Account) -> None:
    sent(aws)
    aws.wire.refuse("GetUser", "ServiceUnavailable", status=503)
    with pytest.raises(TransientFault):
        expire(aws)
    aws.clock.advance(TAKEN_SECONDS)
    aws.change(generation=2)
    expire(aws)
    assert (aws.password(), aws.secret(), is_due(aws)) == (PASSWORD, None, False)
    assert aws.mails() == []


@pytest.mark.parametrize("overtaken", [{"cancelled_by": "olga"}, {"status": Status.ROLLING_BACK}])
def test_what_is_being_undone_is_left_to_the_roll_back(aws: Account, overtaken: dict[str, Any]) -> None:
    sent(aws)
    aws.change(**overtaken)
    expire(aws)
    assert aws.wire.names(*TOUCHING) == []
    assert aws.record().claims == {"password": HASH}


@pytest.mark.parametrize(
    "change", [{"claims": {}}, {"claims": {"password": "another"}}, {"status": Status.FAILED}], ids=str
)
def test_a_claim_that_no_record_answers_for_is_withdrawn(aws: Account, change: dict[str, Any]) -> None:
    """Somebody has changed the record, or it is gone: the claim would be due for ever."""
    sent(aws)
    aws.change(**change)
    expire(aws)
    assert (row(aws)["state"], is_due(aws)) == ("withdrawn", False)
    assert aws.wire.names(*TOUCHING) == []


def test_a_claim_without_a_record_is_withdrawn(aws: Account) -> None:
    sent(aws)
    aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": records.key(ONBOARDING_ID)}})
    expire(aws)
    assert (row(aws)["state"], is_due(aws)) == ("withdrawn", False)


def test_a_claim_that_is_used_while_its_record_is_looked_at_stays_used(aws: Account) -> None:
    sent(aws)
    aws.change(claims={})
    used = aws.table.updating(records.claim_key(HASH), sets={"state": "used"})
    aws.wire.first("GetItem", lambda: None)
    aws.wire.first("GetItem", lambda: aws.table.transact(used))
    expire(aws)
    assert row(aws)["state"] == "used"


def test_a_call_that_broke_off_goes_on_where_the_onboarding_was_completed_meanwhile(aws: Account) -> None:
    sent(aws)
    aws.wire.refuse("GetUser", "ServiceUnavailable", status=503)
    with pytest.raises(TransientFault):
        expire(aws)
    aws.clock.advance(TAKEN_SECONDS)
    aws.change(status=Status.COMPLETE)
    expire(aws)
    assert aws.password() != PASSWORD
    assert not is_due(aws)


@pytest.mark.parametrize("overtaken", [{"cancelled_by": "olga"}, {"status": Status.CANCELLED}])
def test_a_call_that_broke_off_stops_where_somebody_cancelled(aws: Account, overtaken: dict[str, Any]) -> None:
    sent(aws)
    aws.wire.refuse("GetUser", "ServiceUnavailable", status=503)
    with pytest.raises(TransientFault):
        expire(aws)
    aws.clock.advance(TAKEN_SECONDS)
    aws.change(**overtaken)
    expire(aws)
    assert aws.wire.names("UpdateLoginProfile", "SendEmail") == []
    assert (aws.secret(), is_due(aws)) == (None, False)


def test_the_roll_back_leaves_no_claim_due(aws: Account) -> None:
    sent(aws)
    aws.step("roll_back")
    assert not is_due(aws)
    expire(aws)
    assert aws.record().status is Status.EXPIRED


@KINDS
def test_a_user_of_that_name_who_is_somebody_else_s_is_left_alone(aws: Account, what: str) -> None:
    sent(aws, what)
    before = keys(aws)
    aws.iam.untag_user(UserName=USER, TagKeys=[iam_users.ID_TAG])
    expire(aws)
    assert aws.wire.names("UpdateLoginProfile", "DeleteAccessKey") == []
    assert keys(aws) == before
    assert aws.secret(what.replace("_", "-")) is None


def test_a_user_whom_somebody_deleted_by_hand_is_not_missed(aws: Account) -> None:
    sent(aws)
    aws.iam.delete_login_profile(UserName=USER)
    aws.iam.delete_user(UserName=USER)
    expire(aws)
    assert (aws.secret(), is_due(aws)) == (None, False)


@KINDS
def test_a_password_or_key_that_somebody_deleted_by_hand_is_not_made_again(aws: Account, what: str) -> None:
    sent(aws, what)
    if what == "password":
        aws.iam.delete_login_profile(UserName=USER)
    for key in keys(aws):
        aws.iam.delete_access_key(UserName=USER, AccessKeyId=key)
    expire(aws)
    assert (aws.password(), keys(aws), is_due(aws)) == (None, [], False)


def test_a_key_is_left_to_who_completes_the_onboarding_until_that_is_done(aws: Account) -> None:
    sent(aws, "access_key")
    aws.change(status=Status.PENDING_MFA)
    expire(aws)
    assert len(keys(aws)) == 1
    assert is_due(aws)


def test_the_secret_of_a_key_that_was_shown_and_could_not_be_deleted_is_deleted_later(aws: Account) -> None:
    sent(aws, "access_key", due=False)
    aws.wire.refuse("DeleteSecret", "InternalServiceError", status=500)
    assert claim(aws).status == 200
    before = keys(aws)
    aws.clock.advance(SECONDS)
    expire(aws)
    assert aws.secret("access-key"), "it may still be on its way"
    aws.clock.advance(TAKEN_SECONDS)
    expire(aws)
    assert (aws.secret("access-key"), keys(aws), is_due(aws)) == (None, before, False)
    assert aws.wire.names("DeleteAccessKey") == []


def test_a_key_that_was_shown_is_not_due_any_more(aws: Account) -> None:
    sent(aws, "access_key", due=False)
    assert claim(aws).status == 200
    assert not is_due(aws)


@pytest.mark.parametrize("what", UNCLAIMED)
def test_a_claim_that_was_given_back_is_due_as_before(aws: Account, what: str) -> None:
    sent(aws, what, due=False)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    assert claim(aws).status == 500
    assert is_due(aws)
    assert row(aws)["created_at"] == row(aws)["expires_at"] == times.after(NOW, SECONDS)


def test_a_claim_that_is_given_back_while_its_secret_is_looked_for_stays_due(aws: Account) -> None:
    sent(aws, "access_key", due=False)
    aws.wire.refuse("DeleteSecret", "InternalServiceError", status=500)
    assert claim(aws).status == 200
    aws.clock.advance(SECONDS + TAKEN_SECONDS)
    table = aws.table
    aws.wire.first("DeleteSecret", lambda: table.update(records.claim_key(HASH), sets={"state": "open"}))
    expire(aws)
    assert is_due(aws)


def test_a_mail_that_ses_refuses_for_good_keeps_nothing_open(aws: Account, log: io.StringIO) -> None:
    sent(aws)
    aws.wire.refuse("SendEmail", "MessageRejected")
    expire(aws)
    assert not is_due(aws)
    assert "mail not sent" in log.getvalue()


def test_an_unknown_claim_is_nothing(aws: Account) -> None:
    aws.step("expire_claim", claim=NEWER)
    assert aws.wire.names(*TOUCHING) == []


def test_what_people_are_shown_in_lists_is_not_disturbed(aws: Account) -> None:
    sent(aws)
    listed = aws.api("read_onboardings", case="list", caller=OPERATOR, queryStringParameters=None)
    assert [item["onboarding_id"] for item in listed.json["items"]] == [ONBOARDING_ID]


def test_what_a_reset_issued_and_nobody_claimed_ends_too(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "await_mfa", access=["console", "programmatic"])
    issued = aws.password()
    aws.clock.advance(86_400)
    aws.step("expire_claim", claim=aws.record(reset_id).claims["password"])
    assert aws.password() != issued
    aws.enrol("new-phone")
    resets.step(aws, "complete_onboarding", reset_id)
    assert len(keys(aws)) == 1
    aws.clock.advance(86_400)
    aws.step("expire_claim", claim=aws.record(reset_id).claims["access_key"])
    assert keys(aws) == []
