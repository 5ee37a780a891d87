"""Every sample event is accepted by the function it is named after, as `sam local invoke -e` would hand it over."""

import io
import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from gatehouse import claims, records
from gatehouse.compliance import members, sweeps
from gatehouse.compliance.model import Mode
from gatehouse.errors import MfaNotEnrolled, ReportNotReady
from gatehouse.model import Status
from local import sample_sweep
from tests.unit import resets, sweeping, swept, swept_iam
from tests.unit.account import APPROVER, ONBOARDING_ID, REGION, STACK, STEPS, Account, arn_of, event, own_client
from tests.unit.sound_account import SoundAccount
from tests.wiring.template import ROOT, functions

EVENTS = sorted(path.relative_to(ROOT / "events") for path in (ROOT / "events").glob("*.json"))
LARGEST_PAYLOAD = 8 * 1024
"""Bytes that an event, and what a step hands back, may have: it stands in the execution's history."""


def requested(aws: Account) -> None:
    aws.seed()


def pending_approval(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, profile="power-user")


def run_by_an_approver(aws: Account) -> None:
    """Systems Manager knows the sample's run, and an approver fills it in."""
    pending_approval(aws)
    told = {
        "AutomationExecutionId": event("decide_by_runbook")["automation_execution_id"],
        "AutomationExecutionStatus": "InProgress",
        "DocumentName": "GatehouseDecide",
        "ExecutedBy": arn_of(APPROVER),
        "Parameters": {"OnboardingId": [ONBOARDING_ID], "Decision": ["approve"], "Reason": [""]},
    }
    aws.wire.answer("GetAutomationExecution", {"AutomationExecution": told})


def approved(aws: Account) -> None:
    aws.seed(Status.PROVISIONING, profile="power-user", approved_by=(APPROVER,))


def user_made(aws: Account) -> None:
    aws.steps("create_user")


def instructions_sent(aws: Account) -> None:
    aws.steps("send_sign_in_instructions")


def pending_mfa(aws: Account) -> None:
    aws.steps("await_mfa")


def complete(aws: Account) -> None:
    """Somebody with a password and a key."""
    aws.seed(access=["console", "programmatic"])
    for stem in STEPS[:-1]:
        aws.step(stem)
    aws.enrol()
    aws.step("complete_onboarding")


def reset_asked_for(aws: Account) -> None:
    """The samples' onboarding is a reset of another one's user."""
    resets.member(aws, onboarding_id="the-first")
    reset = aws.record(resets.asked_for(aws, "the-first"))
    aws.write(replace(reset, onboarding_id=ONBOARDING_ID))


def reset_approved(aws: Account) -> None:
    reset_asked_for(aws)
    aws.step("validate_request", purpose="mfa_reset")
    aws.step("request_approval", entered_at=aws.clock.now())
    resets.approve(aws, ONBOARDING_ID)


def findings_written(aws: Account) -> None:
    """What the sample's sweep found is in the bucket."""
    s3 = own_client("s3")
    s3.create_bucket(Bucket="gatehouse-compliance")
    sweeps.save(s3, "gatehouse-compliance", sample_sweep.made_up(5))


def accounts_swept(aws: Account) -> None:
    """What the sample's sweep found in the first account is in the bucket."""
    s3 = own_client("s3")
    s3.create_bucket(Bucket="gatehouse-compliance")
    sweep = replace(sample_sweep.made_up(5), sweep_id=SWEEP_ID, at="2026-03-02T09:00:00.123000Z")
    sweeps.save(s3, "gatehouse-compliance", sweep, members.folder("111122223333"))


def nothing_swept(aws: Account) -> None:
    own_client("s3").create_bucket(Bucket="gatehouse-compliance")


def nothing(aws: Account) -> None:
    return


def link_sent(aws: Account) -> None:
    """The claim of the sample's token, with a code that its typed one is not."""
    record = aws.steps("await_mfa")
    token = json.loads(json.loads((ROOT / "events" / "claim_secret.json").read_text())["body"])["token"]
    shown = {"user_name": record.user_name, "sign_in_url": "https://example.com", "reset_required": True}
    records.open_claim(aws.table, record, "password", claims.token_hash(token), 60, shown)


SWEEP_ID = "5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44"
"""The id in the samples of sweeps."""


def account_in_order(aws: Account) -> None:
    boto3.client("s3", region_name=REGION).create_bucket(Bucket=f"{STACK}-compliance")
    swept_iam.stand_in(aws.wire, swept.account(swept.user("ann")))


def sweep_under_way(aws: Account) -> None:
    began = {"name": SWEEP_ID, "status": "RUNNING", "startDate": datetime(2026, 3, 2, 9, tzinfo=UTC)}
    aws.wire.answer("DescribeExecution", began)


def no_sweep_yet(aws: Account) -> None:
    aws.wire.answer("ListExecutions", {"executions": []})
    aws.wire.answer("StartExecution", {"executionArn": "arn", "startDate": datetime(2026, 3, 2, 9, tzinfo=UTC)})


def two_without_mfa(aws: Account) -> None:
    """A sweep found two users without MFA, who have both left since."""
    key = event("act_on_users")["findings_key"]
    found = sweeping.found(aws, *(sweeping.finding(aws, name) for name in event("act_on_users")["user_names"]))
    own_client("s3").create_bucket(Bucket=sweeping.BUCKET)
    own_client("s3").put_object(Bucket=sweeping.BUCKET, Key=key, Body=sweeps.to_json(found).encode())


def suspended(aws: Account) -> None:
    sweeping.begin(aws)
    sweeping.member(aws)
    sweeping.brought_to(aws, Mode.SUSPEND)


GONE = {"action": "suspend", "outcome": "skipped", "reason": "there is no such user any more"}
BEFORE: dict[str, tuple[Callable[[Account], object], Any]] = {
    "account_password_policy": (nothing, None),
    "act_on_users": (two_without_mfa, [{"user_name": "alice.developer"} | GONE, {"user_name": "bob"} | GONE]),
    "lift_restriction": (suspended, None),
    "restore_user": (suspended, 200),
    "account_password_policy.delete": (nothing, None),
    "attach_policies": (user_made, None),
    "await_mfa": (instructions_sent, None),
    "cancel_onboarding": (requested, 202),
    "check_account_health": (SoundAccount, 200),
    "claim_secret": (link_sent, 403),
    "complete_onboarding": (pending_mfa, MfaNotEnrolled),
    "create_user": (approved, None),
    "decide_by_runbook": (
        run_by_an_approver,
        {
            "onboarding_id": ONBOARDING_ID,
            "status": "PROVISIONING",
            "message": "Approved: alice.developer is being created.",
        },
    ),
    "decide_onboarding": (pending_approval, 200),
    "decide_onboarding.reject": (pending_approval, 200),
    "describe_api": (nothing, 200),
    "evaluate_account": (
        account_in_order,
        {
            "sweep_id": SWEEP_ID,
            "findings_key": f"sweeps/2026/03/02/{SWEEP_ID}/findings.json",
            "reported_at": "2026-03-02T08:00:00.000000Z",
            "batches": [],
            "counts": {
                "users": 1,
                "console_users": 1,
                "console_users_with_mfa": 1,
                "findings": 0,
                "exempt": 0,
                "by_kind": {},
            },
            "broken": None,
        },
    ),
    "execution_ended": (pending_mfa, None),
    "execution_ended.failed": (pending_mfa, None),
    "execution_ended.timed_out": (pending_mfa, None),
    "expire_claim": (nothing, None),
    "follow_up": (pending_mfa, {"seen": 1}),
    "issue_password": (user_made, None),
    "janitor": (nothing, {"found": [], "not_looked_at": []}),
    "janitor.dry_run": (nothing, {"found": [], "not_looked_at": []}),
    "list_accounts": (nothing, {"account_ids": []}),
    "mail_bounced": (pending_mfa, None),
    "mail_bounced.complaint": (pending_mfa, None),
    "mail_bounced.delayed": (pending_mfa, None),
    "mfa_device_enabled": (pending_mfa, None),
    "mfa_device_enabled.security_key": (pending_mfa, None),
    "publish_accounts_report": (
        accounts_swept,
        {
            "report_key": f"accounts/sweeps/2026/03/02/{SWEEP_ID}/accounts.html",
            "swept": 1,
            "not_swept": 1,
        },
    ),
    "publish_report": (
        findings_written,
        {
            "sweep_id": "3f0e2c1e-7d43-4a53-9c1f-2f8f4d1e9a70",
            "report_key": "sweeps/2026/11/22/3f0e2c1e-7d43-4a53-9c1f-2f8f4d1e9a70/report.html",
        },
    ),
    "read_onboardings": (requested, 200),
    "read_onboardings.list": (pending_mfa, 200),
    "read_sweeps": (sweep_under_way, 200),
    "request_approval": (pending_approval, None),
    "request_credential_report": (account_in_order, {"ready": True}),
    "request_sweep": (no_sweep_yet, 202),
    "reissue_secret": (complete, 200),
    "reissue_secret.access_key": (complete, 200),
    "request_mfa_reset": (complete, 202),
    "reset_mfa": (reset_approved, None),
    "resend_instructions": (pending_mfa, 200),
    "roll_back": (pending_mfa, {"error": "Expired", "cause": "MFA_TIMEOUT: no device was enrolled in time"}),
    "roll_back.step_failed": (
        user_made,
        {"error": "Failed", "cause": "AWS_CALL_FAILED: AttachUserPolicy: LimitExceeded"},
    ),
    "roll_back.stopped": (
        user_made,
        {"error": "Cancelled", "cause": "STOPPED: the execution was stopped by hand"},
    ),
    "send_sign_in_instructions": (user_made, None),
    "serve_claim_page": (nothing, 200),
    "submit_onboarding": (nothing, 202),
    "submit_onboarding.application": (nothing, 202),
    "submit_onboarding.whole": (nothing, 202),
    "sweep_account": (nothing_swept, ReportNotReady),
    "validate_request": (requested, {"onboarding_id": ONBOARDING_ID, "approval_needed": False, "kind": "person"}),
    "validate_request.mfa_reset": (
        reset_asked_for,
        {"onboarding_id": ONBOARDING_ID, "approval_needed": True, "kind": "person"},
    ),
    "validate_request.console": (
        nothing,
        {"onboarding_id": "alice-joins", "approval_needed": True, "kind": "person"},
    ),
}


@pytest.mark.parametrize("path", EVENTS, ids=[path.stem for path in EVENTS])
def test_a_sample_event_is_accepted(aws: Account, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    # CloudFormation takes every answer.
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO())
    before, expected = BEFORE[path.stem]
    before(aws)
    sample = json.loads((ROOT / "events" / path).read_text())
    stem = path.stem.split(".")[0]
    assert len(json.dumps(sample)) < LARGEST_PAYLOAD
    if isinstance(expected, type):
        with pytest.raises(expected):
            aws.call(stem, sample)
        return
    answer = aws.call(stem, sample)
    if isinstance(expected, int):
        assert answer["statusCode"] == expected
    elif isinstance(answer, dict):
        assert {name: value for name, value in answer.items() if name != "review"} == expected
    else:
        assert answer == expected


@pytest.mark.parametrize("stem", [stem for stem, function in functions().items() if function.package == "steps"])
def test_what_a_step_hands_back_is_small(aws: Account, stem: str) -> None:
    before, expected = BEFORE[stem]
    before(aws)
    if not isinstance(expected, type):
        sample = json.loads((ROOT / "events" / f"{stem}.json").read_text())
        assert len(json.dumps(aws.call(stem, sample))) < LARGEST_PAYLOAD
