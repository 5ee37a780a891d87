"""ReissueSecret: an operator has a password or an access key replaced; the old one is dead at once."""

import io
import json
import re
from typing import Any

import pytest
from botocore.response import StreamingBody

from gatehouse import claims, records
from gatehouse.issuing import MINIMUM_INTERVAL
from gatehouse.model import Purpose, Requester, Status
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    AS_APPLICATION,
    MEMBER,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    STEPS,
    USER,
    Account,
    Answer,
    arn_of,
)

FUNCTIONS = {
    "gatehouse-IssuePassword": "issue_password",
    "gatehouse-SendSignInInstructions": "send_sign_in_instructions",
    "gatehouse-CompleteOnboarding": "complete_onboarding",
}
KINDS = ("password", "access_key")
REASON = "laptop was stolen"


@pytest.fixture
def complete(aws: Account) -> Account:
    """An account with somebody who has a password and a key, and functions that really answer when asked."""
    finish(aws, access=["console", "programmatic"])
    return aws


def finish(aws: Account, **request: Any) -> None:
    aws.seed(**request)
    for stem in STEPS[:-1]:
        aws.step(stem)
    aws.enrol()
    aws.step("complete_onboarding")
    listen(aws)


def listen(aws: Account) -> None:
    aws.clock.advance(MINIMUM_INTERVAL)
    aws.wire.answer("Invoke", lambda asked: invoked(aws, asked))


def invoked(aws: Account, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = aws.call(FUNCTIONS[asked["FunctionName"]], json.loads(asked["Payload"]))
    except Exception as error:
        return failed(type(error).__name__)
    return {"StatusCode": 200, "Payload": payload(answer)}


def failed(error: str) -> dict[str, Any]:
    document = {"errorType": error, "errorMessage": "canary"}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload(document)}


def payload(document: Any) -> StreamingBody:
    content = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(content), len(content))


def reissue(aws: Account, what: object = "password", caller: str = OPERATOR, **body: Any) -> Answer:
    return aws.api("reissue_secret", {"what": what, "reason": REASON} | body, caller=caller)


def links(aws: Account, subject: str) -> list[str]:
    """The claim tokens of the mails whose subject begins so, oldest first."""
    sent = [mail["text"] for mail in aws.mails() if mail["subject"].startswith(subject)]
    return [token for text in sent for token in re.findall(r"/claim#([\w-]{43})$", text, re.MULTILINE)]


def claim(aws: Account, token: str, code: str) -> Answer:
    return aws.api("claim_secret", {"token": token, "code": code})


def keys(aws: Account, name: str = USER) -> list[str]:
    return [key["AccessKeyId"] for key in aws.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]


def tags(aws: Account) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in (aws.user() or {})["Tags"]}


def test_a_new_password_replaces_the_old_one_at_once(complete: Account) -> None:
    complete.iam.update_login_profile(UserName=USER, Password="My-0wn-password!")
    answer = reissue(complete)
    assert answer.status == 200
    assert answer.json.keys() == {"claim_code", "claim_expires_at"}
    assert complete.password() == complete.secret(generation=2) != "My-0wn-password!"
    (token,) = links(complete, "Your new AWS password")
    revealed = claim(complete, token, answer.json["claim_code"])
    assert revealed.json["password"] == complete.password()
    assert revealed.json["kind"] == "console_password"


def test_a_new_password_has_to_be_changed_whatever_the_request_said(aws: Account) -> None:
    """An operator has the code: the password must not stay what two people may have seen."""
    finish(aws, require_password_reset=False)
    code = reissue(aws).json["claim_code"]
    assert aws.wire.made("UpdateLoginProfile")[-1]["PasswordResetRequired"] is True
    (token,) = links(aws, "Your new AWS password")
    assert claim(aws, token, code).json["reset_required"] is True


def test_a_password_that_was_issued_anew_is_deleted_once_it_was_claimed(complete: Account) -> None:
    """Nothing comes after it that would."""
    code = reissue(complete).json["claim_code"]
    (token,) = links(complete, "Your new AWS password")
    assert claim(complete, token, code).status == 200
    assert complete.secret(generation=2) is None
    assert claim(complete, token, code).problem == (410, "claim-used")


def test_a_new_key_replaces_the_old_one_with_its_description(complete: Account) -> None:
    (old,) = keys(complete)
    answer = reissue(complete, "access_key")
    (new,) = keys(complete)
    assert new != old
    assert tags(complete)[new] == f"Gatehouse onboarding {ONBOARDING_ID}"
    assert old not in tags(complete)
    assert complete.secret("access-key", 1) is None
    revealed = claim(complete, links(complete, "Your AWS access key")[-1], answer.json["claim_code"])
    assert revealed.json["access_key_id"] == new
    assert f"aws_access_key_id = {new}" in revealed.json["cli_config"]


def test_the_description_of_a_key_that_somebody_else_deleted_goes_as_well(complete: Account) -> None:
    """A reset deletes keys, and so does the end of an unclaimed one: a user has 50 tags and no more."""
    (old,) = keys(complete)
    complete.iam.delete_access_key(UserName=USER, AccessKeyId=old)
    before = tags(complete).keys() - {old}
    reissue(complete, "access_key")
    assert tags(complete).keys() == before | set(keys(complete))


def test_a_link_that_was_not_used_yet_is_dead(complete: Account) -> None:
    (old,) = links(complete, "Your AWS access key")
    code = reissue(complete, "access_key").json["claim_code"]
    assert claim(complete, old, code).problem == (410, "claim-withdrawn")


def test_a_new_password_leaves_the_key_s_link_as_it_is(complete: Account) -> None:
    before = complete.record().claims["access_key"]
    reissue(complete)
    assert complete.record().claims["access_key"] == before


@pytest.mark.parametrize("what", KINDS)
def test_the_user_stays_a_member_with_the_device(complete: Account, what: str) -> None:
    """What is issued anew opens nothing without the device that stands."""
    reissue(complete, what)
    assert (complete.user() or {})["PermissionsBoundary"]["PermissionsBoundaryArn"] == MEMBER
    assert len(complete.iam.list_mfa_devices(UserName=USER)["MFADevices"]) == 1
    assert complete.record().status is Status.COMPLETE


@pytest.mark.parametrize("what", KINDS)
def test_it_is_noted_who_asked_and_why_and_user_and_requester_are_told(complete: Account, what: str) -> None:
    reissue(complete, what)
    (noted,) = [entry for entry in complete.record().timeline if entry.event == "reissued"]
    assert (noted.by, noted.detail) == (OPERATOR, f"{what}: {REASON}")
    (told,) = [mail for mail in complete.mails() if mail["subject"].startswith("New ")]
    assert told["to"] == ["alice@example.com", REQUESTER]
    assert f"By:      {OPERATOR}" in told["text"]
    assert REASON in told["text"]


@pytest.mark.parametrize("what", KINDS)
def test_afterwards_nothing_can_be_issued_by_calling_the_functions(complete: Account, what: str) -> None:
    reissue(complete, what)
    before = (complete.password(), keys(complete), len(complete.mails()))
    for stem in ("issue_password", "send_sign_in_instructions"):
        with pytest.raises(Exception, match="the record is COMPLETE"):
            complete.step(stem)
    complete.step("complete_onboarding")
    assert (complete.password(), keys(complete), len(complete.mails())) == before


def test_of_a_password_that_is_under_way_no_key_is_made_and_the_other_way_round(complete: Account) -> None:
    (key,) = keys(complete)
    password = complete.password()
    complete.change(reissuing="password")
    complete.step("complete_onboarding")
    complete.change(reissuing="access_key")
    with pytest.raises(Exception, match="the record is COMPLETE"):
        complete.step("issue_password")
    assert (keys(complete), complete.password()) == ([key], password)


def test_an_application_gets_a_new_key_without_a_device(aws: Account) -> None:
    aws.seed(Status.PROVISIONING, approved_by=(APPROVER,), **AS_APPLICATION)
    for stem in ("create_user", "attach_policies", "complete_onboarding"):
        aws.step(stem)
    name = AS_APPLICATION["user_name"]
    (old,) = keys(aws, name)
    listen(aws)
    assert reissue(aws, "access_key").status == 200
    assert keys(aws, name) != [old]
    assert reissue(aws).problem == (409, "not-granted")


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize(
    "caller", [REQUESTER, APPROVER, "mallory", f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/{OPERATOR}"]
)
def test_nobody_but_an_operator_has_anything_issued_anew(complete: Account, caller: str, what: str) -> None:
    assert reissue(complete, what, caller).problem == (403, "not-an-operator")
    assert complete.wire.names("Invoke") == []


@pytest.mark.parametrize("caller", ["olga", "otto@example.com"])
@pytest.mark.parametrize("name", ["olga", "OLGA", "olga@example.com", "otto@example.com"])
def test_no_operator_does_it_for_the_own_user(aws: Account, caller: str, name: str) -> None:
    """Whether the operator signs in as that user or through IAM Identity Center."""
    aws.seed(Status.COMPLETE, user_name=name)
    expected = (403, "own-user") if caller[:2] == name[:2].lower() else (409, "user-gone")
    assert reissue(aws, caller=caller).problem == expected


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMPLETE}))
def test_there_is_something_to_replace_only_where_the_onboarding_is_complete(
    aws: Account, status: Status, what: str
) -> None:
    before = aws.seed(status, access=["console", "programmatic"])
    assert reissue(aws, what).problem == (409, "not-complete")
    assert aws.record() == before
    assert aws.wire.names("Invoke") == []


@pytest.mark.parametrize(("access", "what"), [("console", "access_key"), ("programmatic", "password")])
def test_only_what_was_granted_is_issued_anew(aws: Account, access: str, what: str) -> None:
    finish(aws, access=[access])
    assert reissue(aws, what).problem == (409, "not-granted")


def test_after_the_end_nothing_is_issued_anew(complete: Account) -> None:
    complete.clock.advance(366 * 86_400)
    assert reissue(complete).problem == (409, "ended")


def test_by_a_reset_s_id_nothing_is_issued_anew_and_the_answer_names_the_other(complete: Account) -> None:
    complete.change(purpose=Purpose.MFA_RESET, of="the-first")
    answer = reissue(complete)
    assert answer.problem == (409, "is-a-reset")
    assert "the-first" in answer.json["detail"]


@pytest.mark.parametrize("name", [None, "somebody else's"])
def test_a_user_who_is_gone_or_somebody_else_s_gets_nothing(complete: Account, name: str | None) -> None:
    if name:
        complete.iam.tag_user(UserName=USER, Tags=[{"Key": "gatehouse:onboarding-id", "Value": "another"}])
    else:
        complete.wire.refuse("GetUser", "NoSuchEntity", status=404)
    assert reissue(complete).problem == (409, "user-gone")
    assert complete.record().generation == 1


@pytest.mark.parametrize("what", KINDS)
def test_while_something_else_is_under_way_for_the_user_nothing_is_issued(complete: Account, what: str) -> None:
    lock = {"pk": records.lock_key(USER), "onboarding_id": "another"}
    complete.table.transact(complete.table.putting(lock))
    assert reissue(complete, what).problem == (409, "under-way")
    assert complete.record().generation == 1


def test_without_a_device_no_key_is_made(complete: Account) -> None:
    (old,) = keys(complete)
    complete.wire.answer("ListMFADevices", {"MFADevices": [], "IsTruncated": False})
    assert reissue(complete, "access_key").problem == (409, "no-mfa")
    assert keys(complete) == [old]


@pytest.mark.parametrize("what", KINDS)
def test_sooner_than_a_minute_it_is_refused(complete: Account, what: str) -> None:
    assert reissue(complete).status == 200
    refused = reissue(complete, what)
    assert refused.problem == (429, "too-soon")
    complete.clock.advance(int(refused.headers["Retry-After"]))
    assert reissue(complete, what).status == 200


def test_of_two_at_once_one_is_done(complete: Account) -> None:
    other: list[Answer] = []
    complete.wire.first("TransactWriteItems", lambda: other.append(reissue(complete)))
    assert reissue(complete).problem == (429, "too-soon")
    assert [answer.status for answer in other] == [200]
    assert complete.record().generation == 2


def test_what_could_not_be_issued_is_said_without_its_message_and_can_be_tried_again(complete: Account) -> None:
    complete.wire.turns["Invoke"] = [lambda _: failed("TemporarilyUnmodifiable")]
    refused = reissue(complete)
    assert refused.problem == (502, "not-sent")
    assert "canary" not in refused.body
    complete.clock.advance(MINIMUM_INTERVAL)
    assert reissue(complete).status == 200
    assert complete.secret(generation=2) is None


def test_a_record_that_was_changed_behind_our_back_gets_nothing(complete: Account) -> None:
    """Its user might be anybody's."""
    password, issued = complete.password(), keys(complete)
    complete.table.update(records.key(ONBOARDING_ID), sets={"digest": "another"})
    for what in KINDS:
        assert reissue(complete, what).problem == (409, "changed-meanwhile")
        complete.clock.advance(MINIMUM_INTERVAL)
    assert (complete.password(), keys(complete)) == (password, issued)


def test_a_notice_that_cannot_be_sent_undoes_nothing(complete: Account) -> None:
    complete.wire.turns["SendEmail"] = [lambda _: None]
    complete.wire.refuse("SendEmail", "MessageRejected")
    assert reissue(complete).status == 200
    assert set(complete.record().mails_sent) >= {"password_reissued_2"}
    assert "reissued_2" not in complete.record().mails_sent


def test_a_requester_without_an_address_is_left_out(complete: Account) -> None:
    complete.change(requester=Requester(arn_of("robot"), "robot", verified=True))
    reissue(complete)
    assert complete.mails()[-1]["to"] == ["alice@example.com"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"what": "mfa"}, "what"),
        ({"what": None}, "what"),
        ({"what": ["password"]}, "what"),
        ({"reason": None}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "<b>"}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 7}, "reason"),
        ({"why": "x"}, "why"),
    ],
)
def test_a_wrong_request_is_told_what_would_be_right(complete: Account, body: dict[str, Any], field: str) -> None:
    answer = reissue(complete, **body)
    assert answer.problem == (400, "invalid-request")
    assert answer.fields == {field}


def test_an_id_that_is_none_is_not_found(aws: Account) -> None:
    assert reissue(aws).problem == (404, "not-found")


@pytest.mark.parametrize("what", KINDS)
def test_no_secret_link_or_code_is_logged_or_answered(complete: Account, what: str, log: io.StringIO) -> None:
    answer = reissue(complete, what)
    assert "answered" in log.getvalue()
    secret = str(complete.secret(what.replace("_", "-"), 2))
    secret = json.loads(secret)["secret_access_key"] if what == "access_key" else secret
    token = links(complete, "Your new AWS password" if what == "password" else "Your AWS access key")[-1]
    for hidden in (secret, token, claims.token_hash(token), answer.json["claim_code"]):
        assert hidden not in log.getvalue()
    assert secret not in answer.body
    assert token not in answer.body
    assert not [mail for mail in complete.mails() if answer.json["claim_code"] in mail["text"] + mail["html"]]
