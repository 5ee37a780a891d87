"""CompleteOnboarding: only a device that IAM shows now opens the member boundary and what waited for it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatehouse import claims, iam_users, records, times
from gatehouse.errors import Cancelled, GroupDiffers, MfaNotEnrolled, NotYetConsistent, RecordClosed, TransientFault
from gatehouse.model import Onboarding, Requester, Status
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    ENROLLING,
    MEMBER,
    MEMBER_ONE_REGION,
    NOW,
    ONBOARDING_ID,
    REGION,
    SECURITY_APPROVER,
    USER,
    Account,
    arn_of,
)  # fmt: skip

STEP = "complete_onboarding"
APPROVERS = {"power-user": (APPROVER,), "migration-admin": (APPROVER, SECURITY_APPROVER)}


def waiting(aws: Account, profile: str = "developer", **request: Any) -> Onboarding:
    """An onboarding that waits for MFA, as the steps before leave it."""
    approved_by = APPROVERS.get(profile, ())
    seeded = aws.seed(Status.PENDING_MFA, profile=profile, justification="x", approved_by=approved_by, **request)
    sent: dict[str, Any] = {"mails_sent": {"sign_in_instructions_1": NOW}, "mfa_expires_at": times.after(NOW, 604_800)}
    record = records.open_claim(aws.table, aws.write(replace(seeded, **sent)), "password", "hash", 86_400, {})
    tags = [{"Key": iam_users.ID_TAG, "Value": ONBOARDING_ID}]
    aws.iam.create_user(UserName=USER, Path=iam_users.PATH, PermissionsBoundary=ENROLLING, Tags=tags)
    aws.iam.create_login_profile(UserName=USER, Password="Somebody-3lse!", PasswordResetRequired=True)
    aws.secretsmanager.create_secret(Name=f"gatehouse/{ONBOARDING_ID}/password/1", SecretString="Somebody-3lse!")
    return record


def boundary(aws: Account) -> str:
    return str((aws.user() or {})["PermissionsBoundary"]["PermissionsBoundaryArn"])


def attached(aws: Account) -> set[str]:
    found = aws.iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    return {policy["PolicyName"] for policy in found}


def keys(aws: Account) -> list[str]:
    return [key["AccessKeyId"] for key in aws.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]]


def test_with_a_device_the_user_becomes_a_member(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    assert aws.step(STEP) is None
    assert (boundary(aws), aws.record().status) == (MEMBER, Status.COMPLETE)
    assert records.holder(aws.table, USER) is None


def test_without_a_device_nothing_is_opened_and_the_machine_waits_on(aws: Account) -> None:
    waiting(aws, "power-user")
    with pytest.raises(MfaNotEnrolled):
        aws.step(STEP)
    assert (boundary(aws), attached(aws)) == (ENROLLING, set())
    assert aws.record().status is Status.PENDING_MFA


def test_whoever_woke_the_machine_iam_is_looked_at(aws: Account) -> None:
    waiting(aws)
    event = {"reported": {"by": arn_of(USER), "serial_number": "x", "source_ip": "203.0.113.9", "at": NOW}}
    aws.change(evidence=event)
    with pytest.raises(MfaNotEnrolled):
        aws.step(STEP)


@pytest.mark.parametrize(
    ("profile", "policy"), [("power-user", "PowerUserAccess"), ("migration-admin", "AdministratorAccess")]
)
def test_what_is_privileged_is_granted_now_and_after_the_boundary(aws: Account, profile: str, policy: str) -> None:
    waiting(aws, profile)
    aws.enrol()
    aws.step(STEP)
    assert attached(aws) == {policy}
    order = ["ListMFADevices", "PutUserPermissionsBoundary", "GetUser", "AttachUserPolicy"]
    assert aws.wire.names(*order) == order


def test_what_waited_with_a_privileged_addition_is_granted_now(aws: Account) -> None:
    record = waiting(aws, groups=["Auditors", "PowerUsers"], policies=["ReadLogs"])
    assert record.grants.privileged
    aws.enrol()
    aws.step(STEP)
    groups = aws.iam.list_groups_for_user(UserName=USER)["Groups"]
    assert {group["GroupName"]: group["Path"] for group in groups} == {
        "Auditors": iam_users.PATH,
        "PowerUsers": iam_users.PATH,
    }
    assert set(aws.iam.list_user_policies(UserName=USER)["PolicyNames"]) == set(record.grants.inline_policies)
    order = aws.wire.names("PutUserPermissionsBoundary", "PutUserPolicy", "CreateGroup")
    assert order[0] == "PutUserPermissionsBoundary"


def test_a_narrower_boundary_is_the_one_that_opens(aws: Account) -> None:
    waiting(aws, permissions_boundary="one-region")
    aws.enrol()
    aws.step(STEP)
    assert boundary(aws) == aws.record().evidence["boundary"] == MEMBER_ONE_REGION


def test_a_group_that_somebody_changed_ends_it(aws: Account) -> None:
    waiting(aws, groups=["PowerUsers"])
    aws.enrol()
    aws.iam.create_group(GroupName="PowerUsers", Path=iam_users.PATH)
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    aws.iam.attach_group_policy(GroupName="PowerUsers", PolicyArn=administrator)
    with pytest.raises(GroupDiffers, match="AdministratorAccess"):
        aws.step(STEP)
    assert aws.iam.list_groups_for_user(UserName=USER)["Groups"] == []
    assert aws.record().status is Status.PENDING_MFA


@pytest.mark.parametrize("profile", ["developer", "auditor"])
def test_what_was_granted_before_mfa_is_left_as_it_is(aws: Account, profile: str) -> None:
    """This step's role may attach privileged policies and nothing else."""
    waiting(aws, profile)
    aws.enrol()
    aws.step(STEP)
    assert aws.wire.names("AttachUserPolicy", "PutUserPolicy", "AddUserToGroup") == []


def test_a_boundary_that_iam_does_not_show_exchanged_yet_grants_nothing(aws: Account) -> None:
    waiting(aws, "power-user")
    aws.enrol()
    aws.wire.turns["GetUser"] = [lambda _: {"User": {"PermissionsBoundary": {"PermissionsBoundaryArn": ENROLLING}}}]
    with pytest.raises(NotYetConsistent, match="not exchanged yet"):
        aws.step(STEP)
    assert attached(aws) == set()
    aws.step(STEP)
    assert attached(aws) == {"PowerUserAccess"}


def test_a_user_without_any_boundary_grants_nothing(aws: Account) -> None:
    waiting(aws, "power-user")
    aws.enrol()
    aws.wire.answer("GetUser", {"User": {}})
    with pytest.raises(NotYetConsistent):
        aws.step(STEP)
    assert attached(aws) == set()


def test_the_initial_password_and_its_claim_end(aws: Account) -> None:
    claim = waiting(aws).claims["password"]
    aws.enrol()
    aws.step(STEP)
    assert aws.secret() is None
    assert aws.record().claims == {}
    assert (aws.table.get(records.claim_key(claim)) or {})["state"] == "withdrawn"


def test_no_password_of_any_generation_stays(aws: Account) -> None:
    waiting(aws)
    aws.secretsmanager.create_secret(Name=f"gatehouse/{ONBOARDING_ID}/password/2", SecretString="x")
    aws.change(generation=3)
    aws.enrol()
    aws.step(STEP)
    assert [aws.secret(generation=generation) for generation in (1, 2, 3)] == [None, None, None]


def test_calling_twice_is_as_calling_once(aws: Account) -> None:
    waiting(aws, "power-user", access=["console", "programmatic"])
    aws.enrol()
    aws.step(STEP)
    before = (aws.record(), aws.user(), keys(aws), len(aws.mails()))
    aws.step(STEP)
    assert (aws.record(), aws.user(), keys(aws), len(aws.mails())) == before


OPERATIONS = (
    "UpdateItem", "ListMFADevices", "PutUserPermissionsBoundary", "GetUser", "AttachUserPolicy", "CreateSecret",
    "PutResourcePolicy", "ListAccessKeys", "CreateAccessKey", "TagUser", "PutSecretValue", "TransactWriteItems",
    "SendEmail", "DeleteLoginProfile", "DeleteSecret",
)  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_lost_answer_is_made_good_by_the_retry(aws: Account, operation: str) -> None:
    waiting(aws, "power-user", access=["programmatic"])
    aws.enrol()
    aws.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        aws.step(STEP)
    aws.clock.advance(records.MAIL_SECONDS + 1)
    aws.step(STEP)
    handed_over = json.loads(aws.secret("access-key") or "{}")
    assert keys(aws) == [handed_over["access_key_id"]]
    assert (aws.record().status, boundary(aws), attached(aws)) == (Status.COMPLETE, MEMBER, {"PowerUserAccess"})
    assert aws.password() is None


def test_evidence_is_kept_of_what_iam_shows(aws: Account) -> None:
    waiting(aws)
    serial = aws.enrol()
    aws.step(STEP)
    evidence = dict(aws.record().evidence)
    assert times.parse(evidence.pop("enrolled_at")) <= datetime.now(UTC)
    assert evidence == {
        "serial_number": serial,
        "device_kind": "virtual",
        "enrolled_by": None,
        "enrolled_by_user": None,
        "source_ip": None,
        "boundary": MEMBER,
    }


def reported(aws: Account, by: str, serial: str) -> None:
    told = {"by": by, "serial_number": serial, "source_ip": "203.0.113.9", "at": NOW}
    aws.change(evidence={"reported": told})


@pytest.mark.parametrize("name", [USER, f"gatehouse/{USER}", USER.upper()])
def test_who_enrolled_from_where_is_kept(aws: Account, name: str) -> None:
    waiting(aws)
    reported(aws, f"arn:aws:iam::{ACCOUNT}:user/{name}", aws.enrol())
    aws.step(STEP)
    evidence = aws.record().evidence
    assert (evidence["enrolled_by_user"], evidence["source_ip"]) == (True, "203.0.113.9")
    assert [mail["to"] for mail in aws.mails()] == [["alice@example.com", "requester@example.com"]]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/mallory",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::999999999999:user/{USER}",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/{USER}",
    ],
)
def test_if_it_was_not_the_user_the_operators_are_told(aws: Account, arn: str) -> None:
    waiting(aws)
    reported(aws, arn, aws.enrol())
    aws.step(STEP)
    assert aws.record().evidence["enrolled_by_user"] is False
    (_, alert) = aws.mails()
    assert alert["to"] == ["olga@example.com", "otto@example.com"]
    assert arn in alert["text"]


def test_what_was_reported_about_another_device_proves_nothing_about_this_one(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    reported(aws, arn_of(USER), f"arn:aws:iam::{ACCOUNT}:mfa/another")
    aws.step(STEP)
    assert aws.record().evidence["enrolled_by"] is None


def test_of_several_devices_the_reported_one_is_the_evidence(aws: Account) -> None:
    waiting(aws)
    aws.enrol("phone")
    second = aws.enrol("tablet")
    reported(aws, arn_of(USER), second)
    aws.step(STEP)
    assert aws.record().evidence["serial_number"] == second


def device(serial: str) -> dict[str, Any]:
    return {"UserName": USER, "SerialNumber": serial, "EnableDate": datetime(2026, 3, 2, 9, 30, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("serial", "kind", "asked_for_codes"),
    [
        (f"arn:aws:iam::{ACCOUNT}:u2f/user/{USER}/yubikey-5C-NFC-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "security_key", None),
        ("GAHT12345678", "hardware", "GAHT12345678"),
    ],
)
def test_keys_and_hardware_tokens_are_evidence_too(
    aws: Account, serial: str, kind: str, asked_for_codes: str | None
) -> None:
    waiting(aws, access=["programmatic"])
    aws.wire.answer("ListMFADevices", {"MFADevices": [device(serial)], "IsTruncated": False})
    aws.step(STEP)
    evidence = aws.record().evidence
    assert (evidence["device_kind"], evidence["enrolled_at"]) == (kind, "2026-03-02T09:30:00.000000Z")
    claim = aws.table.get(records.claim_key(aws.record().claims["access_key"])) or {}
    assert claim["shown_with"]["mfa_serial"] == asked_for_codes


def test_a_device_on_a_later_page_counts(aws: Account) -> None:
    waiting(aws)
    pages: dict[str | None, dict[str, Any]] = {
        None: {"MFADevices": [device("GAHT00000001")], "IsTruncated": True, "Marker": "2"},
        "2": {"MFADevices": [device("GAHT00000002")], "IsTruncated": False},
    }
    aws.wire.answer("ListMFADevices", lambda asked: pages[asked.get("Marker")])
    reported(aws, arn_of(USER), "GAHT00000002")
    aws.step(STEP)
    assert aws.record().evidence["serial_number"] == "GAHT00000002"


def test_a_key_is_made_only_when_asked_for(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.step(STEP)
    assert keys(aws) == []


def test_a_key_waits_for_its_claim_and_is_described(aws: Account) -> None:
    waiting(aws, access=["console", "programmatic"])
    serial = aws.enrol()
    aws.step(STEP)
    (key,) = keys(aws)
    assert json.loads(aws.secret("access-key") or "")["access_key_id"] == key
    assert {"Key": key, "Value": f"Gatehouse onboarding {ONBOARDING_ID}"} in (aws.user() or {})["Tags"]
    claim = aws.table.get(records.claim_key(aws.record().claims["access_key"])) or {}
    assert claim["shown_with"] == {
        "user_name": USER,
        "access_key_id": key,
        "mfa_serial": serial,
        "roles": [f"arn:aws:iam::{ACCOUNT}:role/gatehouse/ResourceCreatorRole"],
        "region": REGION,
        "longest_key_age_days": None,
    }


@pytest.mark.parametrize("shown_late", [False, True])
def test_a_key_that_an_earlier_try_made_and_could_not_store_goes(aws: Account, shown_late: bool) -> None:
    waiting(aws, access=["console", "programmatic"])
    aws.enrol()
    aws.wire.refuse("PutSecretValue", "InternalServiceError", status=500)
    with pytest.raises(TransientFault):
        aws.step(STEP)
    (unknown,) = keys(aws)
    if shown_late:
        aws.wire.turns["ListAccessKeys"] = [lambda _: {"AccessKeyMetadata": []}]
    aws.step(STEP)
    assert keys(aws) == [json.loads(aws.secret("access-key") or "")["access_key_id"]] != [unknown]


def test_the_key_s_mail_holds_the_link_and_no_key(aws: Account) -> None:
    waiting(aws, access=["console", "programmatic"])
    aws.enrol()
    aws.step(STEP)
    mail = next(mail for mail in aws.mails() if "access key" in mail["subject"])
    (token,) = re.findall(r"^https://\S+/claim#(\S{43})$", mail["text"], re.MULTILINE)
    assert claims.token_hash(token) == aws.record().claims["access_key"]
    stored = json.loads(aws.secret("access-key") or "")
    assert stored["secret_access_key"] not in mail["text"] + mail["html"]


def test_a_key_that_was_mailed_keeps_its_link_when_the_step_is_called_again(aws: Account) -> None:
    waiting(aws, access=["console", "programmatic"])
    aws.enrol()
    aws.wire.lose_answer("DeleteSecret")
    with pytest.raises(TransientFault):
        aws.step(STEP)
    claim = aws.record().claims["access_key"]
    aws.step(STEP)
    assert aws.record().claims == {"access_key": claim}
    assert len([mail for mail in aws.mails() if "access key" in mail["subject"]]) == 1


@pytest.mark.parametrize("access", [["console"], ["console", "programmatic"], ["programmatic"]])
def test_who_asked_for_keys_only_loses_the_password(aws: Account, access: list[str]) -> None:
    waiting(aws, access=access)
    aws.enrol()
    aws.step(STEP)
    assert (aws.password() is not None) == ("console" in access)


def test_while_a_resend_is_under_way_nothing_is_completed(aws: Account) -> None:
    """Its password would be issued after this one's secret is deleted."""
    waiting(aws)
    aws.enrol()
    aws.change(generation=2, resent_at=NOW)
    with pytest.raises(NotYetConsistent, match="resend"):
        aws.step(STEP)
    assert aws.record().status is Status.PENDING_MFA


def test_a_resend_that_got_stuck_stops_nobody_for_long(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.change(generation=2, resent_at=NOW)
    aws.clock.advance(61)
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE


def test_a_resend_that_was_sent_stops_nobody(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    sent = {**aws.record().mails_sent, "sign_in_instructions_2": NOW}
    aws.change(generation=2, resent_at=NOW, mails_sent=sent)
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE


def test_a_cancellation_is_seen_before_anything_is_opened(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        aws.step(STEP)
    assert boundary(aws) == ENROLLING


def test_a_cancellation_in_the_last_moment_counts(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.wire.first("TransactWriteItems", lambda: aws.change(cancelled_by="olga"))
    with pytest.raises(Cancelled, match="olga"):
        aws.step(STEP)
    assert aws.record().status is Status.PENDING_MFA
    assert aws.mails() == []


def test_an_event_that_comes_while_the_machine_completes_is_kept_in_the_evidence(aws: Account) -> None:
    waiting(aws)
    serial = aws.enrol()
    aws.wire.first("TransactWriteItems", lambda: reported(aws, arn_of(USER), serial))
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE
    assert aws.record().evidence["enrolled_by"] == arn_of(USER)


def test_of_two_that_complete_at_once_the_later_finds_it_done(aws: Account) -> None:
    waiting(aws)
    serial = aws.enrol()
    kept = {"serial_number": serial, "device_kind": "virtual", "enrolled_at": NOW, "source_ip": None}
    done = {"status": Status.COMPLETE, "evidence": kept | {"enrolled_by": None, "enrolled_by_user": None}}
    aws.wire.first("TransactWriteItems", lambda: aws.change(**done))
    aws.step(STEP)
    assert aws.record().evidence["enrolled_at"] == NOW


def test_an_end_that_came_first_stays(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.wire.first("TransactWriteItems", lambda: aws.change(status=Status.ROLLING_BACK))
    with pytest.raises(RecordClosed, match="closed while completing"):
        aws.step(STEP)
    assert aws.record().status is Status.ROLLING_BACK


def test_a_secret_that_is_gone_already_is_no_obstacle(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.wire.refuse("DeleteSecret", "ResourceNotFoundException")
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE


def test_a_write_that_met_another_one_is_tried_again(aws: Account) -> None:
    """The event of the enrolment writes at the same moment: that is no reason to undo anybody."""
    waiting(aws)
    aws.enrol()
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    conflict = {
        "Error": {"Code": "TransactionCanceledException", "Message": "no"},
        "CancellationReasons": reasons,
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    aws.wire.turns["TransactWriteItems"] = [lambda _: conflict]
    with pytest.raises(TransientFault):
        aws.step(STEP)
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE


def test_a_mail_that_fails_undoes_nobody(aws: Account) -> None:
    waiting(aws)
    aws.enrol()
    aws.wire.refuse("SendEmail", "MessageRejected")
    aws.step(STEP)
    assert aws.record().status is Status.COMPLETE
    aws.step(STEP)
    assert set(aws.record().mails_sent) >= {"onboarding_complete"}


def test_a_requester_without_an_address_is_left_out(aws: Account) -> None:
    waiting(aws, requester=Requester(arn_of("robot"), "robot", verified=True))
    aws.enrol()
    aws.step(STEP)
    assert aws.mails()[-1]["to"] == ["alice@example.com"]


@pytest.mark.parametrize("status", sorted(set(Status) - {"PENDING_MFA", "COMPLETE"}))
def test_nothing_is_opened_for_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    waiting(aws)
    aws.enrol()
    aws.change(status=status)
    with pytest.raises(RecordClosed):
        aws.step(STEP)
    assert boundary(aws) == ENROLLING
