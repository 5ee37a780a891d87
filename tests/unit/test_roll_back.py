"""RollBack: an onboarding is undone from what is found in the account, and looked for twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatehouse import records, times
from gatehouse.errors import (
    TRANSIENT,
    AccessDenied,
    NotYetConsistent,
    ResidueRemains,
    TemporarilyUnmodifiable,
    TransientFault,
    UserLives,
)
from gatehouse.model import FINAL, Decision, Onboarding, Status, TimelineEntry
from tests.unit.account import (
    ACCOUNT,
    APPLICATION,
    AS_APPLICATION,
    ENROLLING,
    EXECUTION_ARN,
    MEMBER,
    NOW,
    ONBOARDING_ID,
    TASK_TOKEN,
    USER,
    Account,
    arn_of,
    event,
)

STEP = "roll_back"


@pytest.fixture
def made(aws: Account) -> Account:
    """An onboarding that waits for MFA, with one of everything that a user can have."""
    record = aws.seed(Status.PENDING_MFA, profile="auditor")
    aws.iam.create_user(
        UserName=USER,
        Path="/gatehouse/",
        PermissionsBoundary=ENROLLING,
        Tags=[{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}],
    )
    aws.iam.add_user_to_group(GroupName="gatehouse-users", UserName=USER)
    aws.iam.create_login_profile(UserName=USER, Password="Somebody-3lse!")
    for arn in record.grants.managed_policies:
        aws.iam.attach_user_policy(UserName=USER, PolicyArn=arn)
    aws.secretsmanager.create_secret(Name=f"gatehouse/{ONBOARDING_ID}/password/1", SecretString="x")
    aws.enrol("phone")
    enrol_key(aws, "GAHT12345678")
    aws.iam.create_access_key(UserName=USER)
    aws.iam.upload_signing_certificate(UserName=USER, CertificateBody=certificate())
    aws.iam.upload_ssh_public_key(UserName=USER, SSHPublicKeyBody="ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ")
    aws.iam.create_service_specific_credential(UserName=USER, ServiceName="codecommit.amazonaws.com")
    aws.iam.put_user_policy(UserName=USER, PolicyName="own", PolicyDocument=json.dumps(NOTHING))
    aws.iam.create_group(GroupName="somebody-added-me")
    aws.iam.add_user_to_group(GroupName="somebody-added-me", UserName=USER)
    return aws


def enrol_key(aws: Account, serial: str) -> None:
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    aws.iam.enable_mfa_device(UserName=USER, SerialNumber=serial, **codes)


NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def nothing_is_left(aws: Account) -> bool:
    devices = aws.iam.list_virtual_mfa_devices(AssignmentStatus="Any")["VirtualMFADevices"]
    secrets = aws.secretsmanager.list_secrets()["SecretList"]
    return not [*devices, *secrets, *aws.iam.list_users()["Users"]]


def test_nothing_is_left_of_a_user_who_had_everything(made: Account) -> None:
    made.enrol("tablet")
    enrol_key(made, f"arn:aws:iam::{ACCOUNT}:u2f/user/{USER}/yubikey-ABCDEFGHIJKLMNOP")
    made.iam.create_access_key(UserName=USER)
    assert made.step(STEP) == {"error": "Expired", "cause": "MFA_TIMEOUT: no device was enrolled in time"}
    assert nothing_is_left(made)
    assert made.record().status is Status.EXPIRED
    assert records.holder(made.table, USER) is None


def test_the_order_is_the_one_in_which_aws_lets_go(made: Account) -> None:
    made.step(STEP)
    deleting = [name for name in made.wire.names() if name.startswith(("Delete", "Deactivate", "Detach", "Remove"))]
    in_order = list(dict.fromkeys(deleting))
    assert in_order == [
        "DeleteLoginProfile",
        "DeleteAccessKey",
        "DeleteSigningCertificate",
        "DeleteSSHPublicKey",
        "DeleteServiceSpecificCredential",
        "DeactivateMFADevice",
        "DeleteVirtualMFADevice",
        "DeleteUserPolicy",
        "DetachUserPolicy",
        "RemoveUserFromGroup",
        "DeleteUser",
        "DeleteSecret",
    ]


def test_the_guard_stays_to_the_end(made: Account) -> None:
    made.step(STEP)
    assert not [name for name in made.wire.names() if "PermissionsBoundary" in name]


def test_absence_is_looked_for_twice_with_time_in_between(made: Account) -> None:
    made.step(STEP)
    assert made.slept == [5]
    assert len(made.wire.made("GetUser")) == 2


def test_calling_twice_is_as_calling_once(made: Account) -> None:
    first = made.step(STEP)
    before = made.record()
    assert made.step(STEP, error="SomethingElse", cause="x") == first
    assert made.record() == before
    assert len(made.mails()) == len({mail["subject"] for mail in made.mails()})


STEPS_BACK = (
    "GetItem", "UpdateItem", "GetUser", "DeleteLoginProfile", "ListAccessKeys", "DeleteAccessKey",
    "ListSigningCertificates", "DeleteSigningCertificate", "ListSSHPublicKeys", "DeleteSSHPublicKey",
    "ListServiceSpecificCredentials", "DeleteServiceSpecificCredential", "ListMFADevices", "DeactivateMFADevice",
    "DeleteVirtualMFADevice", "ListUserPolicies", "DeleteUserPolicy", "ListAttachedUserPolicies", "DetachUserPolicy",
    "ListGroupsForUser", "RemoveUserFromGroup", "DeleteUser", "DeleteSecret", "TransactWriteItems",
)  # fmt: skip


def test_these_are_all_the_calls_that_a_roll_back_makes(made: Account) -> None:
    made.step(STEP)
    assert set(made.wire.names()) - {"SendEmail"} == set(STEPS_BACK)


@pytest.mark.parametrize("operation", STEPS_BACK)
def test_after_a_lost_answer_the_retry_leaves_nothing(made: Account, operation: str) -> None:
    made.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        made.step(STEP)
    assert made.record().status not in FINAL or operation == "TransactWriteItems"
    made.clock.advance(records.MAIL_SECONDS + 1)
    again = made.step(STEP)
    assert again["error"] == "Expired"
    assert nothing_is_left(made)


@pytest.mark.parametrize("operation", ["GetItem", "GetUser", "DeleteVirtualMFADevice", "DeleteUser", "DeleteSecret"])
def test_a_transient_fault_is_left_to_the_retry(made: Account, operation: str) -> None:
    made.wire.refuse(operation, "ServiceUnavailable", status=503)
    with pytest.raises(TransientFault):
        made.step(STEP)
    assert made.record().status in (Status.ROLLING_BACK, Status.PENDING_MFA)
    made.step(STEP)
    assert nothing_is_left(made)


@pytest.mark.parametrize("operation", STEPS_BACK[2:-1])
def test_what_aws_refuses_for_good_is_said_and_found_again_later(made: Account, operation: str) -> None:
    made.wire.refuse(operation, "AccessDenied", status=403, message="an explicit deny in a service control policy")
    with pytest.raises(AccessDenied, match="service control policy"):
        made.step(STEP)
    assert made.record().status is Status.ROLLBACK_INCOMPLETE
    assert records.holder(made.table, USER) == ONBOARDING_ID
    end = made.step(STEP, error="Unknown", cause="the follow-up goes on")
    assert end == {"error": "Expired", "cause": "MFA_TIMEOUT: no device was enrolled in time"}
    assert nothing_is_left(made)
    assert made.record().status is Status.EXPIRED


@pytest.mark.parametrize("code", ["Throttling", "EntityTemporarilyUnmodifiable", "NoSuchEntity", "DeleteConflict"])
def test_what_passes_by_itself_and_does_not_is_said_by_the_first_call_after_the_machine_s(
    made: Account, code: str
) -> None:
    """The machine has tried for minutes by then; the watcher or the follow-up calls next."""
    made.wire.answer(
        "DeleteUser", {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    )
    for _ in range(2):
        with pytest.raises(TRANSIENT):
            made.step(STEP)
        assert made.record().status is Status.ROLLING_BACK
    with pytest.raises(TRANSIENT):
        by_follow_up(made)
    stuck = made.record()
    assert stuck.status is Status.ROLLBACK_INCOMPLETE
    assert f"left: user {USER}" in str(stuck.status_detail)
    made.wire.standing.clear()
    by_follow_up(made)
    assert nothing_is_left(made)
    assert made.record().status is Status.EXPIRED


def by_follow_up(aws: Account) -> Any:
    return aws.call(STEP, {"onboarding_id": ONBOARDING_ID, "error": "Unknown", "cause": "", "may_still_run": True})


def test_what_is_left_is_said_in_words(made: Account) -> None:
    made.wire.refuse("DeleteLoginProfile", "AccessDenied", status=403, message="an explicit deny")
    with pytest.raises(AccessDenied):
        made.step(STEP)
    stuck = made.record()
    assert stuck.status_reason == "ACCESS_DENIED"
    for said in (
        "DeleteLoginProfile: AccessDenied (an explicit deny)", f"left: user {USER}, login profile, access key ",
        "SSH key ", f"MFA device arn:aws:iam::{ACCOUNT}:mfa/phone", f"secret gatehouse/{ONBOARDING_ID}/password/1",
    ):  # fmt: skip
        assert said in str(stuck.status_detail)
    assert stuck.timeline[-1].detail == stuck.status_detail


def test_where_one_may_not_even_look_that_is_said(made: Account) -> None:
    made.wire.refuse("GetUser", "AccessDenied", times=2, status=403)
    with pytest.raises(AccessDenied):
        made.step(STEP)
    assert "what is left could not be looked at (GetUser: AccessDenied" in str(made.record().status_detail)


def test_a_roll_back_that_is_tried_for_weeks_does_not_fill_its_record(made: Account) -> None:
    for _ in range(20):
        made.wire.refuse("DeleteUser", "AccessDenied", status=403)
        with pytest.raises(AccessDenied):
            by_follow_up(made)
    assert [entry.event for entry in made.record().timeline] == ["roll_back", "rollback_incomplete"]


def test_who_fails_after_another_has_closed_it_reopens_nothing(made: Account) -> None:
    made.wire.first("DeleteUser", lambda: made.change(status=Status.EXPIRED))
    made.wire.lose_answer("DeleteUser")
    with pytest.raises(TransientFault):
        by_follow_up(made)
    assert made.record().status is Status.EXPIRED


@pytest.mark.parametrize("event_", [{}, {"execution_arn": EXECUTION_ARN}])
def test_a_record_that_cannot_be_closed_is_found_again(aws: Account, event_: dict[str, str]) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("TransactWriteItems", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        aws.call(STEP, {"onboarding_id": ONBOARDING_ID, "error": "MfaTimeout", "cause": "", **event_})
    assert aws.record().status is Status.ROLLBACK_INCOMPLETE


def test_a_member_of_whom_an_old_record_does_not_know_is_not_deleted(made: Account) -> None:
    """The table was restored from a backup, in which the member still waits for MFA."""
    made.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=MEMBER)
    before = made.user()
    with pytest.raises(UserLives):
        by_follow_up(made)
    assert made.user() == before
    assert made.password()
    assert made.record().status is Status.ROLLBACK_INCOMPLETE
    assert "was completed" in str(made.record().status_detail)


def test_an_application_with_a_key_of_which_an_old_record_does_not_know_is_not_deleted(aws: Account) -> None:
    record = aws.seed(Status.PROVISIONING, **AS_APPLICATION)
    tags = [{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}]
    path = "/gatehouse/applications/"
    aws.iam.create_user(UserName=record.user_name, Path=path, PermissionsBoundary=APPLICATION, Tags=tags)
    aws.iam.create_access_key(UserName=record.user_name)
    with pytest.raises(UserLives):
        by_follow_up(aws)
    assert aws.user(record.user_name)
    begun = (TimelineEntry(NOW, "complete_onboarding", "gatehouse"),)
    aws.change(timeline=begun)
    by_follow_up(aws)
    assert aws.user(record.user_name) is None


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("EntityTemporarilyUnmodifiable", TemporarilyUnmodifiable),
        ("NoSuchEntity", NotYetConsistent),
        ("DeleteConflict", TransientFault),
    ],
)
def test_what_iam_will_do_in_a_moment_is_no_residue(made: Account, code: str, error: type[Exception]) -> None:
    made.wire.refuse("DeleteUser", code, status=409)
    with pytest.raises(error):
        made.step(STEP)
    assert made.record().status is Status.ROLLING_BACK
    made.step(STEP)
    assert nothing_is_left(made)


def test_a_device_that_was_deactivated_and_not_deleted_is_not_forgotten(made: Account) -> None:
    """Deactivated it has no owner any more: only the record knows whose it was."""
    made.wire.refuse("DeleteVirtualMFADevice", "AccessDenied", status=403)
    with pytest.raises(AccessDenied):
        made.step(STEP)
    assert made.record().virtual_devices == (f"arn:aws:iam::{ACCOUNT}:mfa/phone",)
    made.step(STEP)
    assert nothing_is_left(made)


def test_a_device_of_that_name_which_is_in_use_again_is_somebody_else_s(aws: Account) -> None:
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
    aws.iam.create_user(UserName="bob")
    assert aws.enrol("phone", "bob") == serial
    aws.seed(Status.ROLLING_BACK, record={"virtual_devices": (serial,)})
    aws.step(STEP)
    assert len(aws.iam.list_mfa_devices(UserName="bob")["MFADevices"]) == 1


def test_a_user_whom_iam_did_not_show_the_first_time_is_found_the_second(made: Account) -> None:
    made.wire.refuse("GetUser", "NoSuchEntity", status=404)
    with pytest.raises(ResidueRemains, match=f"user {USER}"):
        made.step(STEP)
    assert made.record().status is Status.ROLLING_BACK
    made.step(STEP)
    assert nothing_is_left(made)


def test_what_a_step_makes_between_the_two_looks_is_found(aws: Account) -> None:
    aws.seed(Status.PROVISIONING)
    tags = [{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}]
    looked: list[None] = []

    def late(_: dict[str, Any]) -> None:
        looked.append(None)
        if len(looked) == 2:
            aws.iam.create_user(UserName=USER, Path="/gatehouse/", Tags=tags)

    aws.wire.answer("GetUser", late)
    with pytest.raises(ResidueRemains):
        aws.step(STEP)
    aws.step(STEP)
    assert aws.user() is None


@pytest.mark.parametrize(
    ("path", "onboarding_id"), [("/gatehouse/", None), ("/gatehouse/", "another"), ("/", ONBOARDING_ID)]
)
def test_somebody_else_s_user_of_that_name_is_left_alone(aws: Account, path: str, onboarding_id: str | None) -> None:
    aws.seed(Status.PROVISIONING)
    tags = [{"Key": "gatehouse:onboarding-id", "Value": onboarding_id}] if onboarding_id else []
    aws.iam.create_user(UserName=USER, Path=path, Tags=tags)
    aws.iam.create_login_profile(UserName=USER, Password="Somebody-3lse!")
    before = aws.user()
    aws.step(STEP, error="UserAlreadyExists", cause=f"user_name {USER} exists already")
    assert aws.user() == before
    assert aws.password() is not None
    assert aws.record().status_reason == "USER_ALREADY_EXISTS"


def test_secrets_of_every_generation_go(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"generation": 3})
    for what in ("password", "access-key"):
        for generation in (1, 2, 3):
            name = f"gatehouse/{ONBOARDING_ID}/{what}/{generation}"
            aws.secretsmanager.create_secret(Name=name, SecretString="x")
    aws.step(STEP)
    assert nothing_is_left(aws)


def test_open_claims_are_withdrawn(aws: Account) -> None:
    claim = aws.steps("send_sign_in_instructions").claims["password"]
    aws.step(STEP)
    assert (aws.table.get(records.claim_key(claim)) or {})["state"] == "withdrawn"
    assert aws.record().claims == {}


def test_the_token_is_forgotten_at_once(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN})
    aws.wire.refuse("GetUser", "AccessDenied")
    with pytest.raises(AccessDenied):
        aws.step(STEP)
    assert aws.record().task_token is None


def test_the_end_that_the_first_call_found_stays(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("GetUser", "AccessDenied")
    with pytest.raises(AccessDenied):
        aws.step(STEP)
    aws.step(STEP, error="AwsCallFailed", cause="something else")
    assert (aws.record().status, aws.record().status_reason) == (Status.EXPIRED, "MFA_TIMEOUT")


def rejected(record: Onboarding) -> Onboarding:
    decision = Decision("alma", arn_of("alma"), "reject", "not now", record.digest, NOW)
    return replace(record, approval=replace(record.approval, decisions=(decision,)))


ENDS: list[tuple[str, dict[str, Any], Callable[[Onboarding], Onboarding], tuple[Status, str, str]]] = [
    ("rejected", {"error": "Rejected"}, rejected, (Status.REJECTED, "Rejected", "REJECTED: by alma: not now")),
    (
        "cancelled",
        {"error": "Cancelled"},
        lambda record: replace(record, cancelled_by="olga"),
        (Status.CANCELLED, "Cancelled", "CANCELLED: by olga"),
    ),
    (
        "stopped",
        {"error": "Stopped", "cause": "by hand"},
        lambda record: record,
        (Status.CANCELLED, "Cancelled", "STOPPED: by hand"),
    ),
    (
        "failed",
        {"error": "AwsCallFailed", "cause": json.dumps({"errorMessage": "AttachUserPolicy: LimitExceeded"})},
        lambda record: record,
        (Status.FAILED, "Failed", "AWS_CALL_FAILED: AttachUserPolicy: LimitExceeded"),
    ),
]


@pytest.mark.parametrize(("named", "change", "end"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_the_execution_ends_as_the_record_does(
    aws: Account, named: dict[str, Any], change: Callable[[Onboarding], Onboarding], end: tuple[Status, str, str]
) -> None:
    aws.write(change(aws.seed(Status.PROVISIONING, profile="power-user")))
    status, error, cause = end
    assert aws.step(STEP, **named) == {"error": error, "cause": cause}
    record = aws.record()
    assert (record.status, f"{record.status_reason}: {record.status_detail}") == (status, cause)
    assert record.timeline[-1].event == "mail_sent"
    assert record.timeline[-2].event == status.lower()


def test_the_samples_of_a_failed_step_and_of_a_stop_are_understood(aws: Account) -> None:
    aws.seed(Status.PROVISIONING)
    assert aws.call(STEP, event(STEP, "step_failed"))["cause"] == "AWS_CALL_FAILED: AttachUserPolicy: LimitExceeded"
    aws.seed(Status.PROVISIONING)
    assert aws.call(STEP, event(STEP, "stopped")) == {
        "error": "Cancelled",
        "cause": "STOPPED: the execution was stopped by hand",
    }


def test_without_a_record_there_is_nothing_to_undo(aws: Account) -> None:
    end = aws.step(STEP, error="InvalidRequest", cause='{"errorMessage": "email must be …"}')
    assert end == {"error": "Failed", "cause": "INVALID_REQUEST: email must be …"}
    assert aws.wire.names() == ["GetItem"]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_is_closed_stays_closed(aws: Account, status: Status) -> None:
    record = aws.seed(status, record={"status_reason": "BECAUSE", "status_detail": "of this"})
    assert aws.step(STEP) == {"error": status.error_name, "cause": "BECAUSE: of this"}
    assert aws.record() == record


def test_a_complete_onboarding_is_never_undone(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.enrol()
    aws.step("complete_onboarding")
    aws.step(STEP)
    assert aws.user() is not None
    assert aws.record().status is Status.COMPLETE


def test_of_two_at_once_the_later_finds_it_closed(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    closed = {"status_reason": "STOPPED", "status_detail": "by hand"}
    aws.wire.first("UpdateItem", lambda: aws.change(status=Status.CANCELLED, **closed))
    assert aws.step(STEP) == {"error": "Cancelled", "cause": "STOPPED: by hand"}


def test_of_two_that_close_at_once_one_does(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    closed = {"status": Status.EXPIRED, "status_reason": "MFA_TIMEOUT"}
    aws.wire.first("TransactWriteItems", lambda: aws.change(**closed))
    assert aws.step(STEP)["error"] == "Expired"


def test_a_name_that_is_taken_over_by_another_onboarding_keeps_its_lock(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.table.transact(aws.table.putting({"pk": records.lock_key(USER), "onboarding_id": "another"}))
    aws.step(STEP)
    assert records.holder(aws.table, USER) == "another"
    assert aws.record().status is Status.EXPIRED


def test_the_requester_hears_how_it_ended(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.step(STEP)
    (mail,) = aws.mails()
    assert mail["to"] == ["requester@example.com"]
    assert "MFA_TIMEOUT: no device was enrolled in time" in mail["text"]
    assert "The user did not enrol an MFA device in time" in mail["text"]
    assert "Ask again when the user has half an hour for it" in mail["text"]


def test_a_user_who_had_instructions_hears_that_they_work_no_more(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.step(STEP)
    _, ended, withdrawn = aws.mails()
    assert ended["to"] == ["requester@example.com"]
    assert withdrawn["to"] == ["alice@example.com"]
    assert "no longer work" in withdrawn["text"]
    assert set(aws.record().mails_sent) == {"sign_in_instructions_1", "onboarding_ended", "withdrawn"}


def test_who_never_had_instructions_is_not_told_of_their_end(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.step(STEP)
    assert [mail["to"] for mail in aws.mails()] == [["requester@example.com"]]


def test_a_mail_that_fails_reopens_nothing(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("SendEmail", "MessageRejected")
    assert aws.step(STEP)["error"] == "Expired"
    assert aws.record().status is Status.EXPIRED


@pytest.mark.parametrize(("error", "metric"), [("MfaTimeout", "Expired"), ("AwsCallFailed", "Failed")])
def test_every_end_is_counted(aws: Account, capsys: pytest.CaptureFixture[str], error: str, metric: str) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.step(STEP, error=error)
    assert counted(capsys) == [{"service": "gatehouse", metric: [1.0]}]


def test_residue_is_counted(aws: Account, capsys: pytest.CaptureFixture[str]) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.wire.refuse("GetUser", "AccessDenied")
    with pytest.raises(AccessDenied):
        aws.step(STEP)
    assert counted(capsys) == [{"service": "gatehouse", "RollbackIncomplete": [1.0]}]


def counted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics that were written, without CloudWatch's own description of them."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [{name: value for name, value in line.items() if name != "_aws"} for line in lines]


def began(step: str, seconds_ago: float) -> dict[str, Any]:
    return {"timeline": (TimelineEntry(times.after(NOW, -seconds_ago), step, "gatehouse"),)}


@pytest.mark.parametrize(
    ("timeline", "may_still_run", "seconds"),
    [
        (began("create_user", 10), True, 20),
        (began("issue_password", 0), True, 30),
        (began("complete_onboarding", 28), True, 5),
        (began("attach_policies", 3_600), True, 5),
        (began("await_mfa", 0), True, 5),
        (began("request_approval", 0), True, 5),
        (began("mail_sent", 0), True, 5),
        (began("create_user", 10), False, 5),
    ],
)
def test_the_step_of_a_stopped_execution_is_given_time_to_end(
    aws: Account, timeline: dict[str, Any], may_still_run: bool, seconds: float
) -> None:
    aws.seed(Status.PROVISIONING, record=timeline)
    aws.step(STEP, may_still_run=may_still_run)
    assert aws.slept == [seconds]
