"""ClaimSecret: a secret is revealed once, to who has both the link and the code."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatehouse import claims, records, times
from gatehouse.claims import ATTEMPTS
from gatehouse.clients import client
from gatehouse.edges import claim_secret
from gatehouse.model import Onboarding, Requester, Status
from tests.unit.account import NOW, ONBOARDING_ID, REQUESTER, USER, Account, Answer, arn_of

TOKEN = "Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1iYXNlNjQ"
NEWER = "bmV3ZXI" + TOKEN[7:]
PASSWORD = "canary-Passw0rd-7f3a"
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "canary-secret-access-key"}
SHOWN: dict[str, dict[str, Any]] = {
    "password": {"user_name": USER, "sign_in_url": "https://example-corp.signin.example", "reset_required": True},
    "access_key": {
        "user_name": USER,
        "access_key_id": KEY["access_key_id"],
        "mfa_serial": "arn:aws:iam::123456789012:mfa/phone",
        "roles": [],
    },
}
SECONDS = 600


def invite(aws: Account, what: str = "password", *, status: Status = Status.PENDING_MFA, **record: Any) -> Onboarding:
    """An onboarding whose user got a link, with the secret that it reveals."""
    seeded = aws.seed(Status.PENDING_MFA)
    records.open_claim(aws.table, seeded, what, claims.token_hash(TOKEN), SECONDS, SHOWN[what])
    store(aws, what)
    return aws.change(status=status, **record) if record or status is not Status.PENDING_MFA else aws.record()


def store(aws: Account, what: str, generation: int = 1) -> None:
    name = f"gatehouse/{ONBOARDING_ID}/{what.replace('_', '-')}/{generation}"
    aws.secretsmanager.create_secret(Name=name, SecretString=PASSWORD if what == "password" else json.dumps(KEY))


def code(generation: int = 1) -> str:
    return claims.code(client("kms"), "key", ONBOARDING_ID, generation)


def claim(aws: Account, typed: str | None = None, token: str = TOKEN) -> Answer:
    answer = aws.api("claim_secret", {"token": token, "code": code() if typed is None else typed})
    assert answer.status == 200 or PASSWORD not in answer.body
    return answer


def attempts_left(aws: Account) -> int:
    return ATTEMPTS - len(row(aws)["tried"])


def row(aws: Account, token: str = TOKEN) -> dict[str, Any]:
    found = aws.table.get(records.claim_key(claims.token_hash(token)))
    assert found is not None
    return found


@pytest.mark.parametrize("status", [Status.PROVISIONING, Status.PENDING_MFA])
def test_the_password_is_revealed_with_what_is_needed_to_sign_in(aws: Account, status: Status) -> None:
    invite(aws, status=status)
    answer = claim(aws)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {"kind": "console_password", "password": PASSWORD, **SHOWN["password"]}


def test_the_access_key_is_revealed_with_its_profile_for_the_command_line_and_its_secret_deleted(aws: Account) -> None:
    invite(aws, "access_key", status=Status.COMPLETE)
    answer = claim(aws)
    assert answer.status == 200
    assert answer.json.keys() == {"kind", "access_key_id", "secret_access_key", "cli_config"}
    assert answer.json["kind"] == "access_key"
    assert f"aws_secret_access_key = {KEY['secret_access_key']}" in answer.json["cli_config"]
    assert aws.secret("access-key") is None


def test_the_password_s_secret_stays_until_it_opens_nothing_any_more(aws: Account) -> None:
    invite(aws)
    claim(aws)
    assert aws.secret() == PASSWORD


def test_a_claim_is_noted_and_its_hash_forgotten(aws: Account) -> None:
    invite(aws)
    claim(aws)
    record = aws.record()
    assert record.claims == {}
    assert [entry.by for entry in record.timeline if entry.event == "password_claimed"] == ["claim"]
    assert row(aws)["state"] == "used"


def test_the_requester_is_told_by_mail_once_and_nothing_secret(aws: Account) -> None:
    invite(aws)
    typed = code()
    assert claim(aws, typed).status == 200
    assert claim(aws, typed).status == 410
    (mail,) = aws.mails()
    assert mail["to"] == [REQUESTER]
    assert mail["subject"] == f"Claimed: the password of {USER}"
    assert f"on {times.in_words(NOW)}, from 203.0.113.10" in mail["text"]
    assert not [secret for secret in (PASSWORD, TOKEN, claims.token_hash(TOKEN), typed) if secret in str(mail)]


def test_a_key_is_told_of_as_well(aws: Account) -> None:
    invite(aws, "access_key", status=Status.COMPLETE)
    claim(aws)
    (mail,) = aws.mails()
    assert mail["subject"] == f"Claimed: the access key of {USER}"
    assert KEY["secret_access_key"] not in str(mail)


def test_the_mail_goes_out_when_the_secret_has_been_read(aws: Account) -> None:
    invite(aws)
    claim(aws)
    assert aws.wire.names("GetSecretValue", "SendEmail") == ["GetSecretValue", "SendEmail"]


@pytest.mark.parametrize("fault", ["MessageRejected", "Throttling"])
def test_a_mail_that_fails_fails_no_claim(aws: Account, log: io.StringIO, fault: str) -> None:
    invite(aws)
    aws.wire.refuse("SendEmail", fault)
    assert claim(aws).json["password"] == PASSWORD
    assert "mail not sent" in log.getvalue()


def test_nobody_is_told_of_what_was_not_revealed(aws: Account) -> None:
    invite(aws)
    claim(aws, "22222222")
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    claim(aws)
    assert aws.mails() == []


def test_a_requester_without_an_address_is_no_reason_to_load_what_mails_need(aws: Account) -> None:
    invite(aws, requester=Requester(arn_of("rita"), "rita", verified=True))
    assert claim(aws).status == 200
    assert aws.wire.names("SendEmail") == []


def test_a_wrong_code_is_answered_without_what_mails_need() -> None:
    """Otherwise every guess would make the function read Jinja2 at its start."""
    program = (
        "import sys, gatehouse.edges.claim_secret\n"
        "assert not {'jinja2', 'gatehouse.mails', 'gatehouse.mailing'} & set(sys.modules)"
    )
    root = Path(claim_secret.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_requester_sees_from_where_it_was_claimed(aws: Account) -> None:
    invite(aws)
    claim(aws)
    told = [entry.detail for entry in aws.record().timeline if entry.event == "password_claimed"]
    assert told == ["from 203.0.113.10"]


def test_the_requester_sees_every_wrong_code_and_not_what_it_was(aws: Account) -> None:
    invite(aws)
    for typed in ("22222222", "2222WRNG"):
        claim(aws, typed)
    noted = [entry for entry in aws.record().timeline if entry.event == "wrong_claim_code"]
    assert [(entry.by, entry.detail) for entry in noted] == [
        ("claim", "password, attempts left: 4"),
        ("claim", "password, attempts left: 3"),
    ]
    shown = json.dumps(aws.record().public())
    for secret in (TOKEN, claims.token_hash(TOKEN), code(), "2222WRNG"):
        assert secret not in shown


def test_a_wrong_code_that_cannot_be_noted_is_refused_all_the_same(aws: Account, log: io.StringIO) -> None:
    invite(aws)
    table, noting = aws.table, records.key(ONBOARDING_ID)
    aws.wire.first("GenerateMac", lambda: aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": noting}}))
    refused = claim(aws, "22222222")
    assert refused.problem == (403, "wrong-code")
    assert refused.json["attempts_left"] == ATTEMPTS - 1
    assert table.get(noting) is None
    assert "wrong code not noted" in log.getvalue()


def test_there_is_one_answer(aws: Account) -> None:
    invite(aws)
    assert claim(aws).status == 200
    for typed in (code(), "22222222"):
        assert claim(aws, typed).problem == (410, "claim-used")
    assert len(aws.wire.made("GetSecretValue")) == 1


@pytest.mark.parametrize("operation", ["GenerateMac", "TransactWriteItems"])
def test_of_two_claims_at_once_one_is_answered(aws: Account, operation: str) -> None:
    invite(aws)
    typed, other = code(), list[Answer]()
    aws.wire.first(operation, lambda: other.append(claim(aws, typed)))
    assert claim(aws, typed).problem == (410, "claim-used")
    assert [answer.status for answer in other] == [200]


def test_it_is_marked_used_before_it_is_revealed(aws: Account) -> None:
    invite(aws)
    seen: list[str] = []
    aws.wire.first("GetSecretValue", lambda: seen.append(row(aws)["state"]))
    assert claim(aws).status == 200
    assert seen == ["used"]


def test_a_wrong_code_costs_an_attempt_and_reveals_nothing(aws: Account) -> None:
    invite(aws)
    left = []
    for _ in range(ATTEMPTS):
        refused = claim(aws, "22222222")
        assert refused.problem == (403, "wrong-code")
        left.append(refused.json["attempts_left"])
    assert left == [4, 3, 2, 1, 0]
    assert aws.wire.names("GetSecretValue") == []


def test_the_right_code_at_the_last_attempt_still_reveals(aws: Account) -> None:
    invite(aws)
    for _ in range(ATTEMPTS - 1):
        claim(aws, "22222222")
    assert claim(aws).status == 200


def test_the_fifth_wrong_code_burns_the_claim(aws: Account) -> None:
    invite(aws)
    for _ in range(ATTEMPTS):
        claim(aws, "22222222")
    assert claim(aws).problem == (410, "claim-burnt")
    assert attempts_left(aws) == 0


def test_the_attempt_is_taken_before_the_code_is_compared(aws: Account) -> None:
    """Otherwise a hundred guesses at once would all be compared before the first is counted."""
    invite(aws)
    seen: list[int] = []
    aws.wire.first("GenerateMac", lambda: seen.append(attempts_left(aws)))
    aws.api("claim_secret", {"token": TOKEN, "code": "22222222"})
    assert seen == [ATTEMPTS - 1]


def test_an_attempt_that_the_sdk_sends_again_costs_one(aws: Account) -> None:
    invite(aws)
    aws.wire.send_twice("UpdateItem")
    assert claim(aws, "22222222").json["attempts_left"] == ATTEMPTS - 1
    assert attempts_left(aws) == ATTEMPTS - 1


def test_the_last_attempt_sent_again_by_the_sdk_is_still_an_attempt(aws: Account) -> None:
    invite(aws)
    for _ in range(ATTEMPTS - 1):
        claim(aws, "22222222")
    typed = code()
    aws.wire.send_twice("UpdateItem")
    assert claim(aws, typed).status == 200


def test_an_attempt_at_which_nothing_was_compared_costs_nothing(aws: Account) -> None:
    invite(aws)
    typed = code()
    aws.wire.refuse("GenerateMac", "KMSInternalException", status=500)
    assert claim(aws, typed).status == 503
    assert attempts_left(aws) == ATTEMPTS
    assert claim(aws, typed).status == 200


def test_an_attempt_that_cannot_be_returned_is_logged(aws: Account, log: io.StringIO) -> None:
    invite(aws)
    typed = code()
    aws.wire.refuse("GenerateMac", "KMSInternalException", status=500)
    aws.wire.first("GenerateMac", lambda: aws.wire.refuse("UpdateItem", "InternalServerError", status=500))
    aws.wire.turns["GenerateMac"] = [_both(*reversed(aws.wire.turns["GenerateMac"]))]
    assert claim(aws, typed).status == 503
    assert attempts_left(aws) == ATTEMPTS - 1
    assert "attempt not returned" in log.getvalue()


def test_a_right_code_that_met_another_write_costs_no_attempt(aws: Account) -> None:
    invite(aws)
    meet_another_write(aws)
    assert claim(aws).status == 503
    assert attempts_left(aws) == ATTEMPTS
    assert claim(aws).status == 200


@pytest.mark.parametrize("change", [str.lower, lambda text: f" {text[:4]}-{text[4:]} "])
def test_a_code_may_be_typed_as_people_type(aws: Account, change: Any) -> None:
    invite(aws)
    assert claim(aws, change(code())).status == 200


def test_the_code_of_an_earlier_generation_is_wrong(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"generation": 2})
    records.open_claim(aws.table, aws.record(), "password", claims.token_hash(TOKEN), SECONDS, SHOWN["password"])
    store(aws, "password", generation=2)
    assert claim(aws, code(1)).problem == (403, "wrong-code")
    assert claim(aws, code(2)).status == 200


@pytest.mark.parametrize(("early", "status"), [(0, 410), (1, 200)])
def test_a_claim_ends_with_its_time(aws: Account, early: float, status: int) -> None:
    invite(aws)
    aws.clock.moment = times.after(NOW, SECONDS - early)
    assert claim(aws).status == status


def test_one_that_came_too_late_is_told_so_also_after_wrong_codes(aws: Account) -> None:
    invite(aws)
    for _ in range(ATTEMPTS):
        claim(aws, "22222222")
    aws.clock.advance(SECONDS)
    assert claim(aws).problem == (410, "claim-expired")


def test_a_link_that_a_newer_one_replaced_is_withdrawn(aws: Account) -> None:
    invite(aws)
    records.open_claim(aws.table, aws.record(), "password", claims.token_hash(NEWER), SECONDS, SHOWN["password"])
    assert claim(aws).problem == (410, "claim-withdrawn")
    assert claim(aws, token=NEWER).status == 200


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING_MFA, Status.PROVISIONING}))
def test_an_onboarding_that_has_ended_reveals_no_password(aws: Account, status: Status) -> None:
    invite(aws, status=status)
    assert claim(aws).problem == (410, "claim-withdrawn")
    assert aws.wire.names("GetSecretValue") == []


@pytest.mark.parametrize("status", [Status.ROLLING_BACK, Status.CANCELLED, Status.ROLLBACK_INCOMPLETE])
def test_an_onboarding_that_was_undone_reveals_no_key(aws: Account, status: Status) -> None:
    invite(aws, "access_key", status=status)
    assert claim(aws).problem == (410, "claim-withdrawn")


def test_an_onboarding_that_somebody_cancelled_reveals_nothing(aws: Account) -> None:
    invite(aws, cancelled_by="olga")
    assert claim(aws).problem == (410, "claim-withdrawn")


def test_a_link_is_dead_from_the_moment_of_a_resend(aws: Account) -> None:
    """The resend comes between the attempt and the mark, and its new link is not out yet."""
    invite(aws)
    typed = code()
    aws.wire.first("GenerateMac", lambda: aws.change(claims={}))
    assert claim(aws, typed).problem == (410, "claim-withdrawn")


def test_a_link_withdrawn_between_attempt_and_mark_says_so(aws: Account) -> None:
    invite(aws)
    table, typed = aws.table, code()
    aws.wire.first("GenerateMac", lambda: table.transact(records.withdrawal(table, claims.token_hash(TOKEN))))
    assert claim(aws, typed).problem == (410, "claim-withdrawn")
    assert aws.wire.names("GetSecretValue") == []


@pytest.mark.parametrize("token", [NEWER, "", "short", "x" * 42, "x" * 44, f"{TOKEN}\n", "é" * 43, "\ud800" * 43])
def test_an_unknown_or_malformed_token_is_not_found(aws: Account, token: str) -> None:
    invite(aws)
    assert claim(aws, token=token).problem == (404, "claim-unknown")


def test_the_sample_token_is_nobody_s(aws: Account) -> None:
    assert aws.api("claim_secret").problem == (404, "claim-unknown")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"token", "code"}),
        ({"token": TOKEN}, {"code"}),
        ({"code": "23456789"}, {"token"}),
        ({"token": TOKEN, "code": 23456789}, {"code"}),
        ({"token": [TOKEN], "code": None}, {"token", "code"}),
        ({"token": TOKEN, "code": "23456789", "user_name": USER}, {"user_name"}),
        (f'{{"token": "{TOKEN}", "token": "{TOKEN}", "code": "x"}}', {"token"}),
        ("[]", {"body"}),
        ("{", {"body"}),
        ("", {"body"}),
    ],
)
def test_a_claim_of_another_form_is_refused_and_costs_no_attempt(aws: Account, body: Any, fields: set[str]) -> None:
    invite(aws)
    answer = aws.api("claim_secret", body)
    assert answer.problem == (400, "invalid-request")
    assert answer.fields == fields
    assert attempts_left(aws) == ATTEMPTS


def test_a_claim_above_32_kb_is_too_large(aws: Account) -> None:
    assert claim(aws, "x" * 32 * 1024).problem == (413, "payload-too-large")


@pytest.mark.parametrize(
    ("code", "status", "answered"),
    [("ResourceNotFoundException", 400, 500), ("AccessDeniedException", 400, 500), ("InternalServiceError", 500, 503)],
)
def test_a_claim_that_revealed_nothing_is_given_back(aws: Account, code: str, status: int, answered: int) -> None:
    before = invite(aws)
    aws.wire.refuse("GetSecretValue", code, status=status)
    failed = claim(aws)
    assert failed.status == answered
    assert PASSWORD not in failed.body
    assert (row(aws)["state"], attempts_left(aws)) == ("open", ATTEMPTS)
    assert aws.record().claims == before.claims
    assert claim(aws).json["password"] == PASSWORD


def test_a_lost_answer_of_the_reveal_gives_the_claim_back(aws: Account) -> None:
    invite(aws)
    aws.wire.lose_answer("GetSecretValue")
    assert claim(aws).status == 503
    assert claim(aws).json["password"] == PASSWORD


def test_a_failing_reveal_gives_no_more_attempts_than_there_were(aws: Account) -> None:
    invite(aws)
    claim(aws, "22222222")
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    claim(aws)
    assert attempts_left(aws) == ATTEMPTS - 1


def test_a_claim_is_not_given_back_where_a_newer_one_stands(aws: Account, log: io.StringIO) -> None:
    invite(aws)

    def open_newer() -> None:
        records.open_claim(aws.table, aws.record(), "password", claims.token_hash(NEWER), SECONDS, SHOWN["password"])

    aws.wire.first("GetSecretValue", open_newer)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    aws.wire.turns["GetSecretValue"] = [_both(*aws.wire.turns["GetSecretValue"])]
    assert claim(aws).problem == (410, "claim-withdrawn")
    assert row(aws)["state"] == "used"
    assert aws.record().claims == {"password": claims.token_hash(NEWER)}
    assert "not given back" in log.getvalue()
    assert claim(aws, token=NEWER).status == 200


@pytest.mark.parametrize("overtaken", [{"generation": 2}, {"cancelled_by": "olga"}, {"status": Status.CANCELLED}])
def test_a_failed_reveal_of_what_a_resend_or_a_cancel_overtook_is_withdrawn(
    aws: Account, overtaken: dict[str, Any]
) -> None:
    """A resend has counted up and has not opened its own claim yet: the old link may not come back to life."""
    invite(aws)
    aws.wire.refuse("GetSecretValue", "ResourceNotFoundException")
    aws.wire.first("GetSecretValue", lambda: aws.change(**overtaken))
    aws.wire.turns["GetSecretValue"] = [_both(*reversed(aws.wire.turns["GetSecretValue"]))]
    assert claim(aws).problem == (410, "claim-withdrawn")
    assert row(aws)["state"] == "used"
    assert aws.record().claims == {}


def test_a_claim_is_given_back_also_where_another_write_comes_between(aws: Account) -> None:
    invite(aws)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    aws.wire.first("GetSecretValue", lambda: meet_another_write(aws))
    aws.wire.turns["GetSecretValue"] = [_both(*reversed(aws.wire.turns["GetSecretValue"]))]
    assert claim(aws).status == 500
    assert row(aws)["state"] == "open"
    assert aws.slept
    assert claim(aws).json["password"] == PASSWORD


def test_a_claim_that_was_given_back_says_so_in_the_timeline(aws: Account) -> None:
    invite(aws)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    claim(aws)
    claim(aws)
    assert [entry.event for entry in aws.record().timeline if entry.by == "claim"] == [
        "password_claimed",
        "password_not_revealed",
        "password_claimed",
    ]


def test_a_key_s_secret_lives_until_its_answer_is_formed(aws: Account) -> None:
    invite(aws, "access_key", status=Status.COMPLETE)
    key = records.claim_key(claims.token_hash(TOKEN))
    good = row(aws)["shown_with"]
    aws.table.update(key, sets={"shown_with": {**good, "roles": None}})
    assert claim(aws).status == 500
    assert aws.secret("access-key") is not None
    aws.table.update(key, sets={"shown_with": good})
    assert claim(aws).json["secret_access_key"] == KEY["secret_access_key"]


@pytest.mark.parametrize("status", [400, 500])
def test_a_key_is_revealed_also_where_its_secret_could_not_be_deleted(aws: Account, status: int) -> None:
    invite(aws, "access_key", status=Status.COMPLETE)
    aws.wire.refuse("DeleteSecret", "InternalServiceError", status=status)
    assert claim(aws).json["secret_access_key"] == KEY["secret_access_key"]
    assert claim(aws).problem == (410, "claim-used")


def meet_another_write(aws: Account) -> None:
    """The next transaction finds that another one changes the same row."""
    error = {
        "Error": {"Code": "TransactionCanceledException", "Message": "conflict"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    aws.wire.turns.setdefault("TransactWriteItems", []).append(lambda _: error)


def _both(before: Any, then: Any) -> Any:
    """One turn out of two: something else happens, and then the call is answered."""

    def turn(parameters: dict[str, Any]) -> Any:
        before(parameters)
        return then(parameters)

    return turn


def test_an_answer_lost_after_the_mark_is_no_second_answer(aws: Account) -> None:
    """Who saw nothing needs a resend: nobody can tell whether somebody else saw it."""
    invite(aws)
    aws.wire.lose_answer("TransactWriteItems")
    assert claim(aws).status == 503
    assert claim(aws).problem == (410, "claim-used")


def test_no_token_code_or_password_is_logged(aws: Account, log: io.StringIO) -> None:
    invite(aws)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException", message=PASSWORD.lower())
    claim(aws)
    claim(aws, "2222WRNG")
    assert claim(aws).status == 200
    claim(aws)
    claim(aws, token=NEWER)
    aws.api("claim_secret", {"token": TOKEN, "code": code(), TOKEN: 1})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["status"] for line in lines if "status" in line} == {200, 400, 403, 404, 410, 500}
    assert [line["onboarding_id"] for line in lines if line["message"] == "claimed"] == [ONBOARDING_ID]
    written = log.getvalue()
    for secret in (TOKEN, NEWER, code(), "2222WRNG", PASSWORD, claims.token_hash(TOKEN)):
        assert secret not in written


def test_no_access_key_is_logged(aws: Account, log: io.StringIO) -> None:
    invite(aws, "access_key", status=Status.COMPLETE)
    aws.wire.refuse("GetSecretValue", "AccessDeniedException")
    aws.wire.refuse("DeleteSecret", "AccessDeniedException")
    assert claim(aws).status == 500
    assert claim(aws).status == 200
    assert "secret left behind" in log.getvalue()
    assert "claimed" in log.getvalue()
    assert KEY["secret_access_key"] not in log.getvalue()
