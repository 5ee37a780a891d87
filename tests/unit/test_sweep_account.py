"""SweepAccount judges another account as this one is judged, with credentials that go nowhere else."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gatehouse import clients, times
from gatehouse.compliance import sweeps
from gatehouse.compliance.model import Kind, Mode, Sweep
from gatehouse.errors import AccessDenied, InvalidRequest, MalformedReport, ReportNotReady
from gatehouse.steps import sweep_account
from tests.unit.account import ENROLLING, NOW, STACK, Account, own_client
from tests.unit.account import MEMBER as BOUNDARY
from tests.unit.swept import account, ago, report, user, without_mfa
from tests.unit.swept_iam import stand_in

STEP = "sweep_account"
BUCKET = f"{STACK}-compliance"
MEMBER = "111122223333"
FOLDER = f"accounts/{MEMBER}/sweeps/2026/03/02/5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44"
# The boundaries of a stack of the same name in the account that is swept.
ENROLLING_THERE, BOUNDARY_THERE = (arn.replace("123456789012", MEMBER) for arn in (ENROLLING, BOUNDARY))
SECRET = "Canary-Secret-Access-Key"


@pytest.fixture
def member(aws: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """A bucket, and an account to look into."""
    own_client("s3").create_bucket(Bucket=BUCKET)
    aws.values |= {"MemberAccounts": MEMBER, "condition SweepsMembers": True}
    ends = times.parse("2026-03-02T09:15:00Z")
    given = {"AccessKeyId": "ASIAMEMBER", "SecretAccessKey": SECRET, "SessionToken": SECRET, "Expiration": ends}
    aws.wire.answer("AssumeRole", {"Credentials": given})

    def client_as(credentials: Mapping[str, Any], service: str) -> Any:
        assert (credentials["AccessKeyId"], service) == ("ASIAMEMBER", "iam")
        made = clients.client_as(credentials, service)
        aws.wire.attach(made)
        return made

    monkeypatch.setattr(sweep_account, "client_as", client_as)
    stand_in(aws.wire, account(without_mfa("ann", boundary=ENROLLING_THERE), user("bob", boundary=BOUNDARY_THERE)))
    return aws


def latest() -> Sweep:
    return sweeps.load(own_client("s3"), BUCKET, f"accounts/{MEMBER}/latest.json")


def keys() -> set[str]:
    return {one["Key"] for one in own_client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def test_it_writes_the_account_s_own_report_below_its_folder(member: Account) -> None:
    assert member.step(STEP) == {"account_id": MEMBER}
    assert [(one.kind, one.subject) for one in latest().findings] == [(Kind.CONSOLE_WITHOUT_MFA, "ann")]
    files = {f"{FOLDER}/{name}" for name in ("findings.json", "report.csv", "report.html")}
    assert keys() == files | {f"accounts/{MEMBER}/latest.json"}


def test_it_assumes_the_role_of_that_account_for_this_sweep(member: Account) -> None:
    member.step(STEP)
    (asked,) = member.wire.made("AssumeRole")
    assert asked == {
        "RoleArn": f"arn:aws:iam::{MEMBER}:role/gatehouse/gatehouse-compliance-reader",
        "RoleSessionName": "gatehouse-5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44",
        "ExternalId": STACK,
        "DurationSeconds": 900,
    }


def test_it_only_reads_there_and_acts_on_nobody_whatever_the_stack_does(member: Account) -> None:
    member.values |= {"ComplianceMode": "suspend", "ComplianceDryRun": "false", "ActOnOutsiders": "true"}
    member.step(STEP, started_at=ago(60))
    member.step(STEP, sweep_id="the-next")
    assert (latest().rules.mode, latest().rules.dry_run) == (Mode.REPORT, True)
    assert {finding.due for finding in latest().findings} == {None}
    assert [name for name in member.wire.names() if name.startswith(("Put", "Attach", "Update", "Send"))] == [
        "PutObject"
    ] * 8


def test_the_guard_is_that_of_a_stack_of_this_name_in_that_account(member: Account) -> None:
    stand_in(member.wire, account(user("under", boundary=BOUNDARY_THERE), user("elsewhere", boundary=BOUNDARY)))
    member.step(STEP)
    assert [(one.kind, one.subject) for one in latest().findings] == [(Kind.GUARD_MISSING, "elsewhere")]


def test_what_stands_since_the_sweep_before_is_told_to(member: Account) -> None:
    member.step(STEP, sweep_id="the-first", started_at=ago(3))
    member.step(STEP)
    assert [one.since for one in latest().findings] == [ago(3)]
    assert [past.at for past in latest().past] == [ago(3)]


def test_called_again_after_it_has_written_it_does_nothing(member: Account) -> None:
    """Its answer was lost: read again as its own predecessor, nothing would be new."""
    first = member.step(STEP)
    found = latest()
    member.wire.calls.clear()
    assert member.step(STEP) == first
    assert latest() == found
    assert member.wire.names() == ["GetObject"]


def test_credentials_stand_in_no_answer_no_log_and_no_file(member: Account, log: io.StringIO) -> None:
    answer = member.step(STEP)
    written = [own_client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys()]
    assert log.getvalue()
    assert SECRET not in json.dumps(answer) + log.getvalue() + "".join(written)


def test_an_account_that_does_not_trust_the_stack_is_a_denial_that_names_the_call(member: Account) -> None:
    member.wire.refuse("AssumeRole", "AccessDenied", status=403)
    with pytest.raises(AccessDenied, match=r"^AssumeRole: "):
        member.step(STEP)
    assert keys() == set()


def test_a_report_that_is_still_made_is_waited_for(member: Account) -> None:
    member.wire.answer("GenerateCredentialReport", {"State": "STARTED"})
    with pytest.raises(ReportNotReady):
        member.step(STEP)
    assert member.wire.made("GetCredentialReport") == []


def test_a_report_that_expired_is_asked_for_again_with_the_next_try(member: Account) -> None:
    member.wire.refuse("GetCredentialReport", "ReportExpired", status=410)
    with pytest.raises(ReportNotReady):
        member.step(STEP)


def test_by_a_malformed_report_nobody_is_judged(member: Account) -> None:
    text = report([without_mfa("ann").credentials])  # type: ignore[list-item]
    member.wire.answer("GetCredentialReport", {"Content": text.encode(), "GeneratedTime": times.parse(NOW)})
    with pytest.raises(MalformedReport):
        member.step(STEP)
    assert keys() == set()


@pytest.mark.parametrize("wrong", ["", "11111111111", "1111111111111", "*", "../../latest", "\uff11" * 12])
def test_what_is_no_account_id_is_neither_asked_for_nor_written(member: Account, wrong: str) -> None:
    with pytest.raises(InvalidRequest, match="account must be twelve digits"):
        member.step(STEP, account_id=wrong)
    assert member.wire.names() == []


def test_an_execution_name_that_can_be_no_key_is_refused(member: Account) -> None:
    with pytest.raises(InvalidRequest, match="execution name"):
        member.step(STEP, sweep_id="../x")
    assert member.wire.names() == []


def test_a_later_sweep_of_a_report_that_cannot_be_read_begins_anew(member: Account) -> None:
    own_client("s3").put_object(Bucket=BUCKET, Key=f"accounts/{MEMBER}/latest.json", Body=b"{")
    member.step(STEP)
    assert latest().past == ()
