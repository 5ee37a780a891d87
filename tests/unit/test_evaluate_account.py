"""EvaluateAccount writes what is wrong, and says on whom to act."""

import logging
from typing import Any

import boto3
import pytest

from gatehouse import times
from gatehouse.compliance import sweeps
from gatehouse.compliance.model import Kind, Mode, Sweep
from gatehouse.errors import InvalidRequest, MalformedReport, ReportNotReady
from gatehouse.model import Status
from tests.unit.account import ENROLLING, NOW, ONBOARDING_ID, REGION, STACK, Account
from tests.unit.swept import account, ago, report, user, without_mfa
from tests.unit.swept_iam import stand_in

BUCKET = f"{STACK}-compliance"
KEY = "sweeps/2026/03/02/5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44/findings.json"


@pytest.fixture
def s3(aws: Account) -> Any:
    made = boto3.client("s3", region_name=REGION)
    made.create_bucket(Bucket=BUCKET)
    return made


def written(s3: Any) -> Sweep:
    return sweeps.load(s3, BUCKET, KEY)


def test_it_writes_what_it_finds_and_tells_the_machine_where(aws: Account, s3: Any) -> None:
    stand_in(aws.wire, account(without_mfa("ann"), user("bob")))
    told = aws.step("evaluate_account")
    swept = written(s3)
    assert [(one.kind, one.subject) for one in swept.findings] == [(Kind.CONSOLE_WITHOUT_MFA, "ann")]
    assert told == {
        "sweep_id": "5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44",
        "findings_key": KEY,
        "reported_at": swept.reported_at,
        "batches": [],
        "counts": {
            "users": 2,
            "console_users": 2,
            "console_users_with_mfa": 1,
            "findings": 1,
            "exempt": 0,
            "by_kind": {"console-without-mfa": 1},
        },
        "broken": None,
    }


def test_the_rules_are_the_stack_s_parameters(aws: Account, s3: Any) -> None:
    aws.values |= {"ComplianceMode": "restrict", "ComplianceDryRun": "false"}
    aws.values |= {"KeyAgeDays": "30", "ActOnOutsiders": "true"}
    stand_in(aws.wire, account())
    aws.step("evaluate_account")
    rules = written(s3).rules
    assert (rules.mode, rules.dry_run, rules.outsiders) == (Mode.RESTRICT, False, True)
    assert (rules.remind_after_days, rules.remind_every_days, rules.restrict_after_days) == (1, 7, 14)
    assert (rules.suspend_after_days, rules.circuit_breaker_percent, rules.key_age_days) == (30, 5, 30)
    assert (rules.unused_days, rules.password_age_days, rules.root_used_days, rules.stuck_days) == (45, 90, 30, 14)


def test_as_shipped_it_reminds_and_only_says_so(aws: Account, s3: Any) -> None:
    stand_in(aws.wire, account())
    aws.step("evaluate_account")
    rules = written(s3).rules
    assert (rules.mode, rules.dry_run, rules.outsiders) == (Mode.REMIND, True, False)


def test_it_goes_on_from_the_sweep_that_was_published_last(aws: Account, s3: Any) -> None:
    """Whom it acts on comes in batches."""
    stand_in(aws.wire, account(*(without_mfa(f"stray-{number:02}") for number in range(60))))
    aws.step("evaluate_account", started_at=ago(3))
    sweeps.save_latest(s3, BUCKET, sweeps.load(s3, BUCKET, KEY.replace("03/02", "02/27")))
    told = aws.step("evaluate_account")
    assert [len(batch) for batch in told["batches"]] == [25, 25, 10]
    assert {one.since for one in written(s3).findings} == {ago(3)}
    assert [past.at for past in written(s3).past] == [ago(3)]


@pytest.mark.parametrize("left", [None, b"{", b'{"sweep_id": "x"}', b"[]"])
def test_without_an_earlier_sweep_that_can_be_read_all_is_found_anew_and_nobody_is_acted_on(
    aws: Account, s3: Any, left: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    if left is not None:
        s3.put_object(Bucket=BUCKET, Key="latest.json", Body=left)
    stand_in(aws.wire, account(without_mfa("ann")))
    with caplog.at_level(logging.WARNING):
        assert aws.step("evaluate_account")["batches"] == []
    assert {one.since for one in written(s3).findings} == {times.text(times.parse("2026-03-02T09:00:00.123Z"))}


def test_called_again_it_writes_the_same(aws: Account, s3: Any) -> None:
    stand_in(aws.wire, account(without_mfa("ann")))
    first, found = aws.step("evaluate_account"), written(s3)
    assert aws.step("evaluate_account") == first
    assert written(s3) == found


def test_an_onboarding_that_is_open_for_too_long_is_stuck(aws: Account, s3: Any) -> None:
    aws.seed(Status.PENDING_MFA, record={"created_at": ago(20)})
    aws.seed(Status.PENDING_MFA, onboarding_id="fresh", user_name="fresh", record={"created_at": ago(1)})
    aws.seed(Status.COMPLETE, onboarding_id="done", user_name="done", record={"created_at": ago(20)})
    stand_in(aws.wire, account(user("alice.developer", boundary=ENROLLING)))
    aws.step("evaluate_account")
    (found,) = written(s3).findings
    assert (found.kind, found.subject) == (Kind.ONBOARDING_STUCK, "alice.developer")
    assert found.reason == f"onboarding {ONBOARDING_ID} is open for more than 14 days"
    assert found.arn.endswith("user/gatehouse/alice.developer")


@pytest.mark.parametrize("name", ["a sweep", "../latest", "größer", ""])
def test_an_execution_name_that_can_be_no_key_is_refused(aws: Account, s3: Any, name: str) -> None:
    with pytest.raises(InvalidRequest):
        aws.step("evaluate_account", sweep_id=name)
    assert aws.wire.names() == []


def test_by_a_malformed_report_nobody_is_judged(aws: Account, s3: Any) -> None:
    stand_in(aws.wire, account(without_mfa("ann")))
    text = report([without_mfa("ann").credentials])  # type: ignore[list-item]
    aws.wire.answer("GetCredentialReport", {"Content": text.encode(), "GeneratedTime": times.parse(NOW)})
    with pytest.raises(MalformedReport):
        aws.step("evaluate_account")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_a_report_that_is_still_made_is_waited_for(aws: Account, s3: Any) -> None:
    stand_in(aws.wire, account())
    aws.wire.refuse("GetCredentialReport", "ReportInProgress", status=404)
    with pytest.raises(ReportNotReady):
        aws.step("evaluate_account")
