"""PublishAccountsReport tells of all other accounts in one place, and which of them could not be looked into."""

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from gatehouse.compliance import accounts, members, sweeps
from gatehouse.compliance.model import Sweep
from gatehouse.errors import TransientFault
from local import sample_sweep
from tests.unit.account import Account, own_client

STEP = "publish_accounts_report"
BUCKET = "gatehouse-compliance"
SWEEP_ID, AT = "5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44", "2026-03-02T09:00:00.123000Z"
FOLDER = f"accounts/sweeps/2026/03/02/{SWEEP_ID}"
LARGE, SMALL, DENIED = "111111111111", "333333333333", "222222222222"
NO_ROLE = "its role cannot be assumed: no such account, the role is not deployed there, or it trusts another stack"


def sweep_of(account_id: str, size: int, **changes: Any) -> Sweep:
    return replace(sample_sweep.made_up(size), account_id=account_id, sweep_id=SWEEP_ID, at=AT, **changes)


@pytest.fixture
def swept(aws: Account) -> Account:
    """Two accounts were swept, the smaller one first."""
    s3 = own_client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for account_id, size in ((SMALL, 5), (LARGE, 200)):
        sweeps.save(s3, BUCKET, sweep_of(account_id, size), members.folder(account_id))
    return aws


def denied(operation: str = "AssumeRole", account_id: str = DENIED) -> dict[str, str]:
    cause = json.dumps({"errorMessage": f'{operation}: AccessDenied (User: "x" is not', "errorType": "AccessDenied"})
    return {"account_id": account_id, "error": "AccessDenied", "cause": cause[:60]}


OUTCOMES = [{"account_id": SMALL}, denied(), {"account_id": LARGE}]


def publish(swept: Account, outcomes: list[dict[str, str]]) -> dict[str, Any]:
    told: dict[str, Any] = swept.step(STEP, account_ids=[one["account_id"] for one in outcomes], outcomes=outcomes)
    return told


def text(name: str) -> str:
    return str(own_client("s3").get_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}")["Body"].read().decode())


def test_the_worst_account_comes_first_and_who_could_not_be_swept_is_told_with_the_reason(swept: Account) -> None:
    answer = publish(swept, OUTCOMES)
    assert answer == {"report_key": f"{FOLDER}/accounts.html", "swept": 2, "not_swept": 1}
    told = json.loads(text("accounts.json"))
    assert [one["account_id"] for one in told["swept"]] == [LARGE, SMALL]
    assert told["not_swept"] == [{"account_id": DENIED, "reason": NO_ROLE, "last_swept_at": None}]
    large, counts = told["swept"][0], sweep_of(LARGE, 200).counts
    assert (large["users"], large["console_users"]) == (counts.users, counts.console_users)
    assert large["without_mfa"] == counts.console_users - counts.console_users_with_mfa > 0
    assert sum(large["severities"].values()) == counts.findings
    assert large["page"] == f"accounts/{LARGE}/sweeps/2026/03/02/{SWEEP_ID}/report.html"


def test_the_table_has_a_line_for_each_account(swept: Account) -> None:
    publish(swept, OUTCOMES)
    header, *lines = csv.reader(io.StringIO(text("accounts.csv")))
    assert {len(line) for line in (header, *lines)} == {16}
    assert [(line[0], line[1], line[2]) for line in lines] == [
        (DENIED, "no", NO_ROLE),
        (LARGE, "yes", ""),
        (SMALL, "yes", ""),
    ]


def test_the_page_needs_nothing_but_itself_and_escapes_what_others_wrote(swept: Account) -> None:
    bad = {"account_id": DENIED, "error": "<script>alert(1)</script>", "cause": "&<b>"}
    publish(swept, [{"account_id": LARGE}, bad])
    page = text("accounts.html")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;: &amp;&lt;b&gt;" in page
    assert "1 of 2 could not be swept." in page
    assert re.findall(r'(?:src|href)="([^#"][^"]*)"', page) == []
    assert "default-src &#39;none&#39;" in page


def test_of_an_account_that_was_swept_before_it_says_when(swept: Account) -> None:
    last = sweep_of(DENIED, 5)
    sweeps.save_latest(
        own_client("s3"), BUCKET, replace(last, at="2026-02-27T09:00:00.000000Z"), members.folder(DENIED)
    )
    publish(swept, OUTCOMES)
    (missed,) = json.loads(text("accounts.json"))["not_swept"]
    assert missed["last_swept_at"] == "2026-02-27T09:00:00.000000Z"
    assert "27 Feb 2026" in text("accounts.html")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (denied(), NO_ROLE),
        (
            denied("GetCredentialReport"),
            "its role may not call GetCredentialReport: deploy the role's "
            "template again, or look for a policy that denies",
        ),
        (
            {"error": "ReportNotReady", "cause": "{"},
            "IAM was still making the account's credential report; the next sweep has it",
        ),
        ({"error": "MalformedReport", "cause": "{"}, "the account's credential report is not as AWS documents it"),
        (
            {"error": "InvalidRequest", "cause": '{"errorMessage": "account must be twelve digits", "errorT'},
            "InvalidRequest: account must be twelve digits",
        ),
        ({"error": "States.Timeout", "cause": ""}, "States.Timeout"),
        ({"error": "AwsCallFailed", "cause": "x" * 400}, f"AwsCallFailed: {'x' * 285}"),
    ],
)
def test_why_an_account_was_not_swept_is_said_in_words(outcome: dict[str, str], expected: str) -> None:
    assert accounts.in_words(outcome["error"], outcome["cause"]) == expected


def test_an_entry_that_is_no_account_is_told_and_looked_for_nowhere(swept: Account) -> None:
    wrong = {"account_id": "12345", "error": "InvalidRequest", "cause": ""}
    publish(swept, [{"account_id": LARGE}, wrong])
    assert [one["account_id"] for one in json.loads(text("accounts.json"))["not_swept"]] == ["12345"]
    assert not [call for call in swept.wire.made("GetObject") if "12345/" in call["Key"]]


def test_an_account_whose_execution_left_no_outcome_is_told_as_not_swept(swept: Account) -> None:
    """It was stopped, or failed where no state could catch it: then Step Functions answers with the execution."""
    silent, stopped = "444444444444", "555555555555"
    execution = {"ExecutionArn": "arn", "Name": "x", "Status": "ABORTED", "Input": json.dumps({"account_id": stopped})}
    answer = swept.step(STEP, account_ids=[silent, LARGE, stopped], outcomes=[{"account_id": LARGE}, execution])
    assert (answer["swept"], answer["not_swept"]) == (1, 2)
    missed = {one["account_id"]: one["reason"] for one in json.loads(text("accounts.json"))["not_swept"]}
    assert set(missed) == {silent, stopped}
    assert set(missed.values()) == {
        "its execution ended without an answer: look for it in the map run in Step Functions"
    }


def test_the_operators_get_one_mail_however_often_it_is_tried(swept: Account) -> None:
    swept.wire.refuse("SendEmail", "Throttling")
    with pytest.raises(TransientFault):
        publish(swept, OUTCOMES)
    swept.wire.clear()
    swept.wire.answer("SendEmail", {})
    publish(swept, OUTCOMES)
    publish(swept, OUTCOMES)
    (mail,) = swept.mails()
    assert mail["to"] == ["olga@example.com", "otto@example.com"]
    assert re.fullmatch(
        r"MFA compliance of other accounts: \d+ of \d+ console users in 2 accounts without MFA", mail["subject"]
    )
    assert f"- {DENIED}: {NO_ROLE}" in mail["text"]
    assert f"prefix={FOLDER}/accounts.html" in mail["text"]


def test_a_mail_that_ses_refuses_for_good_fails_nothing(swept: Account, capsys: pytest.CaptureFixture[str]) -> None:
    swept.wire.refuse("SendEmail", "MessageRejected")
    assert publish(swept, OUTCOMES)["swept"] == 2
    assert '"SummariesNotMailed":[1' in capsys.readouterr().out.replace(" ", "")


def test_every_number_becomes_a_metric_of_the_stack(swept: Account, capsys: pytest.CaptureFixture[str]) -> None:
    publish(swept, OUTCOMES)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    told = {one["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"]: one for one in documents}
    expected = [accounts.swept(one, sweep_of(one, size)) for one, size in ((LARGE, 200), (SMALL, 5))]
    assert told["AccountsSwept"]["AccountsSwept"] == [2]
    assert told["AccountsNotSwept"]["AccountsNotSwept"] == [1]
    assert told["MemberConsoleUsersWithoutMfa"]["MemberConsoleUsersWithoutMfa"] == [
        sum(one.without_mfa for one in expected)
    ]
    assert len(told) == 7


def test_where_no_account_was_swept_nobody_is_told_that_all_is_well(swept: Account) -> None:
    answer = publish(swept, [denied()])
    assert (answer["swept"], answer["not_swept"]) == (0, 1)
    assert "No account was swept." in text("accounts.html")
    assert swept.mails()[0]["subject"] == "MFA compliance of other accounts: no account was swept"
