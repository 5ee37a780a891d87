"""The machine of the sweeps, its bucket and its schedule."""

import json
import re
from typing import Any

import pytest

from tests.wiring.definition import State, definition, states, tasks
from tests.wiring.template import PATH, functions, of_type, template
from tests.wiring.test_definition import longest

SWEEPS = "MfaComplianceStateMachine"


def resource(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = template()["Resources"][logical_id]["Properties"]
    return found


def longest_way(name: str, described: dict[str, State]) -> int:
    """The states that a sweep passes at most from this one on, when nothing fails and nobody is to be acted on."""
    state = described[name]
    if state.get("End"):
        return 1
    ways = [branch["Next"] for branch in state.get("Choices", ())] + [state.get("Default", state.get("Next"))]
    return 1 + max(longest_way(one, described) for one in ways if one != "ActOnBatches")


def test_a_sweep_that_acts_on_nobody_passes_six_states() -> None:
    described = definition(SWEEPS)
    assert longest_way(described["StartAt"], described["States"]) == 6 <= 10


def test_findings_cross_the_states_as_keys_and_only_those_to_act_on_as_names() -> None:
    payloads = {name: set(task["Arguments"]["Payload"]) for name, task in tasks(SWEEPS).items()}
    assert payloads == {
        "RequestCredentialReport": {"sweep_id"},
        "EvaluateAccount": {"sweep_id", "started_at"},
        "ActOnUsers": {"sweep_id", "findings_key", "user_names"},
        "PublishReport": {"sweep_id", "findings_key", "acted"},
    }


def test_a_failed_batch_stops_no_other_one_and_a_failed_sweep_fails_the_execution() -> None:
    assert states(SWEEPS)["NotActedOn"]["Type"] == "Pass"
    assert states(SWEEPS)["SweepFailed"]["Type"] == "Fail"
    assert [name for name, state in states(SWEEPS).items() if state.get("End")] == [
        "PublishReport",
        "ActOnUsers",
        "NotActedOn",
    ]


def test_a_sweep_ends_before_the_next_one_begins() -> None:
    assert definition(SWEEPS)["TimeoutSeconds"] <= 86_400


def test_a_report_that_never_gets_ready_fails_the_sweep_by_its_name_before_the_time_is_over() -> None:
    (asking,) = [one for one in states(SWEEPS)["EvaluateAccount"]["Catch"] if "States.ALL" not in one["ErrorEquals"]]
    again = states(SWEEPS)[asking["Next"]]
    (branch,) = again["Choices"]
    pause = states(SWEEPS)[branch["Next"]]
    assert (pause["Type"], pause["Next"], again["Default"]) == ("Wait", "RequestCredentialReport", "SweepFailed")
    assert asking["Assign"]["error"] == "{% $states.errorOutput.Error %}"
    (milliseconds,) = re.findall(r"< (\d+) %", branch["Condition"])
    assert set(asking["ErrorEquals"]) == {"ReportNotReady", "ReportGone"}
    # What is gone is asked for at once: waiting brings none.
    (waiting,) = [one for one in states(SWEEPS)["EvaluateAccount"]["Retry"] if one["ErrorEquals"] == ["ReportNotReady"]]
    assert int(milliseconds) / 1000 + longest(waiting) <= definition(SWEEPS)["TimeoutSeconds"] * 3 / 4


def test_the_schedule_starts_the_sweeps_as_a_role_that_may_nothing_else() -> None:
    (target,) = resource("ComplianceRule")["Targets"]
    assert target["Arn"] == {"Ref": SWEEPS}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}
    assert resource("ComplianceRule")["Name"] == {"Fn::Sub": "${AWS::StackName}-mfa-compliance"}
    (policy,) = resource("ComplianceRuleRole")["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    machines = [{"Ref": SWEEPS}, {"Ref": "MfaComplianceAccountsStateMachine"}]
    assert (statement["Action"], statement["Resource"]) == ("states:StartExecution", machines)


def test_the_bucket_is_closed_encrypted_and_keeps_versions() -> None:
    bucket = resource("ComplianceBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in bucket
    assert all(rule["Status"] == "Enabled" for rule in bucket["LifecycleConfiguration"]["Rules"])


def bucket_policy(sid: str) -> dict[str, Any]:
    (found,) = [one for one in resource("ComplianceBucketPolicy")["PolicyDocument"]["Statement"] if one["Sid"] == sid]
    return dict(found)


def test_nothing_is_read_or_written_in_the_clear() -> None:
    clear = bucket_policy("OnlyEncryptedOnTheWay")
    assert (clear["Effect"], clear["Principal"], clear["Action"]) == ("Deny", "*", "s3:*")
    assert clear["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_functions_that_write_are_those_that_the_bucket_lets_write() -> None:
    writing = {
        function.logical_id
        for function in functions().values()
        if any("s3:PutObject" in str(statement["Action"]) for statement in function.statements)
    }
    only = bucket_policy("OnlySweepsWrite")
    named = {arn["Fn::GetAtt"][0] for arn in only["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]}
    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "s3:PutObject")
    assert named == {f"{logical_id}Role" for logical_id in writing}


def test_people_under_the_guard_touch_neither_bucket_nor_policy() -> None:
    """By the name that CloudFormation makes out of the logical id: a name of one's own must not be given."""
    assert "BucketName" not in resource("ComplianceBucket")
    assert "arn:*:s3:::*compliancebucket*" in PATH.read_text()
    assert set(of_type("AWS::S3::Bucket")) == {"ComplianceBucket"}


@pytest.mark.parametrize("name", ["ComplianceMode", "ComplianceDryRun", "ActOnOutsiders", "CircuitBreakerPercent"])
def test_as_shipped_a_sweep_changes_nobody(name: str) -> None:
    shipped = {"ComplianceMode": "remind", "ComplianceDryRun": "true", "ActOnOutsiders": "false"}
    assert template()["Parameters"][name]["Default"] == shipped.get(name, 5)


def test_the_definition_is_small() -> None:
    assert len(json.dumps(definition(SWEEPS))) < 16_384
