"""A sweep finds who signs in without MFA, and what else is wrong, and touches nobody of itself."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatehouse import times
from local import client
from tests.workflow import people, sweeps

WITHOUT_MFA = {"outside-gatehouse", "console-without-mfa"}
TAGS = {"owner": "ciso@example.com", "reason": "break glass"}


def boundary(stack: Mapping[str, Any], name: str) -> str:
    return f"arn:aws:iam::{stack['account_id']}:policy/gatehouse/gatehouse-boundary-{name}"


def exempting(until: str) -> list[dict[str, str]]:
    return [{"Key": f"gatehouse:exempt-{key}", "Value": value} for key, value in {**TAGS, "until": until}.items()]


@contextmanager
def users_of_many_shapes(stack: Mapping[str, Any]) -> Iterator[Any]:
    """Made by hand, as they stand in an account that is older than Gatehouse. Yields a client that makes more."""
    iam = people.root(stack, "iam")
    made: dict[str, dict[str, Any]] = {
        "sweep-old": {},
        "sweep,comma": {},
        "sweep-exempt": {"Tags": exempting("2999-01-01")},
        "sweep-expired": {"Tags": exempting("2026-01-01")},
        "sweep-keys": {},
        "sweep-unguarded": {"Path": "/gatehouse/"},
        "sweep-member": {"Path": "/gatehouse/", "PermissionsBoundary": boundary(stack, "member")},
        "sweep-enrolling": {"Path": "/gatehouse/", "PermissionsBoundary": boundary(stack, "enrolling")},
        "sweep-program": {"Path": "/gatehouse/applications/", "PermissionsBoundary": boundary(stack, "application")},
    }
    with_keys = ("sweep-keys", "sweep-program")
    for name, options in made.items():
        iam.create_user(UserName=name, **options)
        if name in with_keys:
            iam.create_access_key(UserName=name)
        else:
            iam.create_login_profile(UserName=name, Password="Correct-Horse-1")
    try:
        yield iam
    finally:
        for name in made:
            leave(iam, name)


def leave(iam: Any, name: str) -> None:
    for device in iam.list_mfa_devices(UserName=name)["MFADevices"]:
        iam.deactivate_mfa_device(UserName=name, SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    try:
        iam.delete_login_profile(UserName=name)
    except iam.exceptions.NoSuchEntityException:
        assert name in ("sweep-keys", "sweep-program")
    iam.delete_user(UserName=name)


def enrol(iam: Any, name: str) -> None:
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName=name, SerialNumber=serial, **codes)


def as_they_are(iam: Any) -> list[Any]:
    return [
        {name: user.get(name) for name in ("UserName", "PermissionsBoundary", "AttachedManagedPolicies", "Tags")}
        for user in iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]
    ]


def began_twenty_days_ago(onboarding: people.Onboarding) -> None:
    """An onboarding that nobody has decided on since, as if the approvers had a month for it."""
    people.root(onboarding.stack, "dynamodb").update_item(
        TableName=onboarding.stack["table_name"],
        Key={"pk": {"S": f"onboarding#{onboarding.id}"}},
        UpdateExpression="SET created_at = :then",
        ExpressionAttributeValues={":then": {"S": times.after(times.now(), -20 * 86_400)}},
    )


@pytest.mark.alone
def test_a_sweep_finds_what_is_wrong_and_the_next_one_what_has_changed(stack: dict[str, Any]) -> None:
    stuck = people.requested(stack, "sweep-stuck", "power-user")
    people.awaited(stuck, "PENDING_APPROVAL")
    began_twenty_days_ago(stuck)
    with users_of_many_shapes(stack) as iam:
        before = as_they_are(iam)
        told = sweeps.requested(stack)
        found = sweeps.findings(stack, told)

        assert {name: set(about) for name, about in found.items() if name.startswith("sweep")} == {
            "sweep-old": WITHOUT_MFA,
            "sweep,comma": WITHOUT_MFA,
            "sweep-exempt": WITHOUT_MFA,
            "sweep-expired": {*WITHOUT_MFA, "exemption-expired"},
            "sweep-keys": {"outside-gatehouse", "key-without-guard"},
            "sweep-unguarded": {"console-without-mfa", "guard-missing"},
            "sweep-member": {"console-without-mfa", "guard-missing"},
            "sweep-enrolling": {"console-without-mfa"},
            stuck.user_name: {"onboarding-stuck"},
        }
        assert found["sweep-exempt"]["console-without-mfa"]["exemption"]["owner"] == TAGS["owner"]
        assert {"root-without-mfa"} <= set(found["<root_account>"])
        assert "password-policy-weak" in found["<account>"]
        assert stuck.id in found[stuck.user_name]["onboarding-stuck"]["reason"]
        assert told["counts"]["by_kind"]["console-without-mfa"] >= 6

        # It says so, and does no more.
        assert (told["acted"], told["broken"]) == ({}, None)
        assert as_they_are(iam) == before
        assert sweeps.states(stack, told) == [
            "RequestCredentialReport",
            "ReportReady",
            "EvaluateAccount",
            "ActionsDue",
            "PublishReport",
        ]

        enrol(iam, "sweep-old")
        # Who reads it is told of it once, by a link that opens nothing by itself.
        report = told["report"]
        page = sweeps.file(stack, report["bucket"], report["report_key"])
        assert 'content="default-src &#39;none&#39;' in page
        assert "sweep,comma" in page
        assert '"sweep,comma"' in sweeps.file(stack, report["bucket"], report["report_key"].replace(".html", ".csv"))
        assert json.loads(sweeps.file(stack, report["bucket"], "latest.json"))["sweep_id"] == told["sweep_id"]
        (mail,) = [mail for mail in client.mails(stack) if told["sweep_id"] in mail["text"]]
        assert mail["to"] == ["operator@example.com"]
        assert f"console.aws.amazon.com/s3/object/{report['bucket']}?" in mail["text"]
        assert "X-Amz-" not in mail["text"] + mail["html"]
        assert sweeps.measured(stack)["ConsoleUsersWithoutMfa"] >= told["counts"]["by_kind"]["console-without-mfa"]

        by_schedule = sweeps.started(stack, people.root(stack, "stepfunctions"), scheduled_input(stack))
        later = sweeps.findings(stack, by_schedule)
        assert set(later["sweep-old"]) == {"outside-gatehouse"}
        since = {one["console-without-mfa"]["since"] for one in (found["sweep,comma"], later["sweep,comma"])}
        assert since == {told["started_at"]}

        by_hand = sweeps.started(stack, sweeps.operators_own(stack), "{}")
        assert set(sweeps.findings(stack, by_hand)["sweep-old"]) == {"outside-gatehouse"}
    assert people.cancel(stuck).status == 202


def scheduled_input(stack: Mapping[str, Any]) -> str:
    """What the schedule hands to the machine."""
    rules = people.root(stack, "events")
    assert rules.describe_rule(Name=sweeps.MACHINE)["ScheduleExpression"] == "rate(1 day)"
    (target,) = rules.list_targets_by_rule(Rule=sweeps.MACHINE)["Targets"]
    assert target["Arn"].endswith(f":stateMachine:{sweeps.MACHINE}")
    given: str = target["Input"]
    return given


@pytest.mark.alone
def test_only_operators_ask_for_a_sweep_and_nobody_else_writes_what_it_goes_on_from(stack: dict[str, Any]) -> None:
    assert people.call(stack, "requester", "POST", "/compliance/sweeps").status == 403
    told = sweeps.requested(stack)
    for who in ("requester", "approver"):
        assert people.call(stack, who, "GET", f"/compliance/sweeps/{told['sweep_id']}").json == told
    assert people.call(stack, "operator", "GET", "/compliance/sweeps/unheard-of").status == 404
    with pytest.raises(ClientError, match="AccessDenied"):
        people.person(stack, "admin").aws("s3").put_object(
            Bucket=told["report"]["bucket"], Key="latest.json", Body=json.dumps({}).encode()
        )
