"""ResetMfa: a member keeps what was granted, and nothing to prove itself with; a reset that fails leaves it so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import records, teardown
from gatehouse.errors import (
    AccessDenied,
    Cancelled,
    MfaAlreadyEnrolled,
    NotApproved,
    NotYetConsistent,
    RecordClosed,
    Rejected,
    TransientFault,
    UserGone,
)
from gatehouse.model import Decision, Purpose, Status
from gatehouse.profiles import KEPT_FOR_THE_END
from tests.unit import resets
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    ENROLLING,
    MEMBER,
    MEMBER_ONE_REGION,
    NOW,
    ONBOARDING_ID,
    OPERATOR,
    USER,
    Account,
    arn_of,
)
from tests.unit.resets import step

STEP = "reset_mfa"
NOTHING: dict[str, Any] = {"password": None, "keys": [], "enrolled": [], "virtual": []}


@pytest.fixture
def approved(aws: Account) -> str:
    """The reset of a power user with an access key, approved by one person."""
    return resets.brought_to(aws, "request_approval", profile="power-user", access=["console", "programmatic"])


def test_nothing_to_prove_itself_with_is_left_and_everything_granted_is(aws: Account, approved: str) -> None:
    before = resets.granted(aws)
    assert all(resets.proofs(aws).values())
    step(aws, STEP, approved)
    assert resets.boundary(aws) == ENROLLING
    assert resets.proofs(aws) == NOTHING
    assert resets.granted(aws) == before
    assert aws.record(approved).timeline[-1].event == STEP


def test_the_boundary_comes_first_and_is_looked_at_before_anything_else_happens(aws: Account, approved: str) -> None:
    step(aws, STEP, approved)
    changing = [name for name in aws.wire.names() if not name.startswith(("Get", "List", "Update"))]
    assert changing == [
        "PutUserPermissionsBoundary",
        "DeleteLoginProfile",
        "DeleteAccessKey",
        "PutUserPolicy",
        "DeactivateMFADevice",
        "DeleteVirtualMFADevice",
    ]
    names = aws.wire.names()
    assert names[names.index("PutUserPermissionsBoundary") + 1] == "GetUser"


def test_a_boundary_that_does_not_hold_yet_leaves_the_rest_to_the_retry(aws: Account, approved: str) -> None:
    before, user = resets.proofs(aws), aws.user()
    aws.wire.answer("PutUserPermissionsBoundary", {})
    with pytest.raises(NotYetConsistent):
        step(aws, STEP, approved)
    assert (resets.proofs(aws), aws.user()) == (before, user)


def test_sessions_from_before_are_denied_everything_and_the_end_stays(aws: Account, approved: str) -> None:
    step(aws, STEP, approved)
    document = aws.iam.get_user_policy(UserName=USER, PolicyName="GatehouseEnd")["PolicyDocument"]
    expires_at = aws.record(approved).request["expires_at"][:19] + "Z"
    assert [one["Condition"] for one in document["Statement"]] == [
        {"DateGreaterThanEquals": {"aws:CurrentTime": expires_at}},
        {"DateLessThan": {"aws:TokenIssueTime": aws.clock.now()[:19] + "Z"}},
    ]
    assert all((one["Effect"], one["Action"], one["Resource"]) == ("Deny", "*", "*") for one in document["Statement"])
    (put,) = aws.wire.made("PutUserPolicy")
    assert len(put["PolicyDocument"]) < KEPT_FOR_THE_END


def test_a_security_key_is_deactivated_and_there_is_nothing_to_delete(aws: Account, approved: str) -> None:
    serial = f"arn:aws:iam::{ACCOUNT}:u2f/user/{USER}/yubikey-ABCDEFGHIJKLMNOP"
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    aws.iam.enable_mfa_device(UserName=USER, SerialNumber=serial, **codes)
    step(aws, STEP, approved)
    assert resets.proofs(aws) == NOTHING
    assert [one["SerialNumber"] for one in aws.wire.made("DeleteVirtualMFADevice")] == [
        f"arn:aws:iam::{ACCOUNT}:mfa/old-phone"
    ]


def test_a_device_that_is_still_shown_is_not_taken_for_a_new_one(aws: Account, approved: str) -> None:
    shown = aws.iam.list_mfa_devices(UserName=USER)
    aws.wire.answer("ListMFADevices", {"MFADevices": shown["MFADevices"], "IsTruncated": False})
    with pytest.raises(NotYetConsistent, match="still shown"):
        step(aws, STEP, approved)


CALLS = (
    "UpdateItem", "GetUser", "PutUserPermissionsBoundary", "DeleteLoginProfile", "ListAccessKeys", "DeleteAccessKey",
    "PutUserPolicy", "ListMFADevices", "DeactivateMFADevice", "DeleteVirtualMFADevice",
)  # fmt: skip


def test_these_are_all_the_calls_that_a_reset_makes(aws: Account, approved: str) -> None:
    step(aws, STEP, approved)
    assert set(aws.wire.names()) == set(CALLS)


def lost(aws: Account, operation: str) -> None:
    aws.wire.lose_answer(operation)


def refused(aws: Account, operation: str) -> None:
    aws.wire.refuse(operation, "AccessDenied", status=403)


FAULTS = pytest.mark.parametrize("fault", [lost, refused])


@FAULTS
@pytest.mark.parametrize("operation", CALLS)
def test_after_a_fault_at_any_call_the_retry_completes_it(
    aws: Account, approved: str, operation: str, fault: Callable[[Account, str], None]
) -> None:
    before = resets.granted(aws)
    fault(aws, operation)
    with pytest.raises((TransientFault, AccessDenied)):
        step(aws, STEP, approved)
    step(aws, STEP, approved)
    assert (resets.boundary(aws), resets.proofs(aws), resets.granted(aws)) == (ENROLLING, NOTHING, before)


@FAULTS
@pytest.mark.parametrize("operation", CALLS)
def test_after_a_fault_at_any_call_a_roll_back_leaves_the_user_locked_with_all_that_was_granted(
    aws: Account, approved: str, operation: str, fault: Callable[[Account, str], None]
) -> None:
    before, had = resets.granted(aws), resets.proofs(aws)
    fault(aws, operation)
    with pytest.raises((TransientFault, AccessDenied)):
        step(aws, STEP, approved)
    begun = teardown.locks(aws.iam, aws.record(approved))
    end = step(aws, "roll_back", approved, error="TransientFault", cause="x")
    assert end["error"] == "Failed"
    assert resets.granted(aws) == before
    assert (resets.boundary(aws), resets.proofs(aws)) == ((ENROLLING, NOTHING) if begun else (MEMBER, had))
    assert begun or (operation, fault) == ("UpdateItem", refused)
    assert records.holder(aws.table, USER) is None


ON_THE_WAY = ("reset_mfa", "issue_password", "send_sign_in_instructions", "await_mfa")


@pytest.mark.parametrize("last", ON_THE_WAY)
def test_whenever_it_ends_the_user_stays_locked_and_nothing_of_the_reset_is_left(aws: Account, last: str) -> None:
    reset_id = resets.brought_to(aws, last, profile="power-user")
    before = resets.granted(aws)
    step(aws, "roll_back", reset_id, error="MfaTimeout", cause="no device was enrolled in time")
    assert (resets.boundary(aws), resets.proofs(aws), resets.granted(aws)) == (ENROLLING, NOTHING, before)
    assert resets.secrets(aws, reset_id) == []
    record = aws.record(reset_id)
    assert (record.status, dict(record.claims)) == (Status.EXPIRED, {})
    (mail,) = [mail for mail in aws.mails() if mail["subject"] == f"Reset of MFA of {USER} ended: EXPIRED"]
    assert "The user still exists and cannot sign in" in mail["text"]
    assert aws.record().status is Status.COMPLETE


COMPLETING = (
    "UpdateItem", "ListMFADevices", "PutUserPermissionsBoundary", "GetUser", "AttachUserPolicy", "ListAccessKeys",
    "CreateAccessKey", "TagUser", "CreateSecret", "PutSecretValue", "DeleteSecret", "TransactWriteItems",
)  # fmt: skip


@FAULTS
@pytest.mark.parametrize("operation", COMPLETING)
def test_a_fault_at_any_call_of_the_completion_leaves_the_user_complete_or_locked_again(
    aws: Account, operation: str, fault: Callable[[Account, str], None]
) -> None:
    reset_id = resets.brought_to(aws, "await_mfa", profile="power-user", access=["console", "programmatic"])
    before = resets.granted(aws)
    aws.enrol("new-phone")
    fault(aws, operation)
    with pytest.raises((TransientFault, AccessDenied)):
        step(aws, "complete_onboarding", reset_id)
    step(aws, "roll_back", reset_id, error="TransientFault", cause="x")
    assert resets.granted(aws) == before
    if aws.record(reset_id).status is Status.COMPLETE:
        assert resets.boundary(aws) == MEMBER
    else:
        assert (resets.boundary(aws), resets.proofs(aws)) == (ENROLLING, NOTHING)
        assert resets.secrets(aws, reset_id) == []


@FAULTS
@pytest.mark.parametrize("operation", [*CALLS[1:], "GetItem", "DeleteSecret", "TransactWriteItems"])
def test_after_a_fault_at_any_call_of_its_own_a_roll_back_is_made_good_by_its_retry(
    aws: Account, operation: str, fault: Callable[[Account, str], None]
) -> None:
    reset_id = resets.brought_to(aws, "await_mfa", profile="power-user")
    aws.enrol("new-phone")
    aws.iam.create_access_key(UserName=USER)
    before = resets.granted(aws)
    fault(aws, operation)
    with pytest.raises((TransientFault, AccessDenied)):
        step(aws, "roll_back", reset_id, error="MfaTimeout", cause="x")
    assert resets.boundary(aws) == ENROLLING
    # Whoever began the mail of the end has had the time to send it.
    aws.clock.advance(3600)
    step(aws, "roll_back", reset_id, error="MfaTimeout", cause="x")
    assert (resets.boundary(aws), resets.proofs(aws), resets.granted(aws)) == (ENROLLING, NOTHING, before)
    assert aws.record(reset_id).status is Status.EXPIRED


def test_before_it_has_begun_a_roll_back_changes_nothing(aws: Account) -> None:
    resets.member(aws, profile="power-user")
    reset_id = resets.asked_for(aws)
    before = aws.user(), resets.proofs(aws), resets.granted(aws)
    step(aws, "validate_request", reset_id)
    step(aws, "request_approval", reset_id)
    assert resets.decide(aws, reset_id, "reject", APPROVER).status == 200
    with pytest.raises(Rejected):
        step(aws, STEP, reset_id)
    assert step(aws, "roll_back", reset_id, error="Rejected", cause="x")["error"] == "Rejected"
    assert (aws.user(), resets.proofs(aws), resets.granted(aws)) == before
    (mail,) = [mail for mail in aws.mails() if "ended" in mail["subject"]]
    assert "This reset has changed nothing." in mail["text"]


@pytest.mark.parametrize("profile", ["developer", "power-user", "migration-admin"])
def test_the_new_device_opens_what_was_open_before(aws: Account, profile: str) -> None:
    request = {"justification": "moves the data centre"} if profile == "migration-admin" else {}
    reset_id = resets.brought_to(aws, "await_mfa", profile=profile, **request)
    before = resets.granted(aws)
    serial = aws.enrol("new-phone")
    step(aws, "complete_onboarding", reset_id)
    record = aws.record(reset_id)
    assert (record.status, record.evidence["serial_number"]) == (Status.COMPLETE, serial)
    assert (resets.boundary(aws), resets.granted(aws)) == (MEMBER, before)
    assert resets.proofs(aws)["enrolled"] == [serial]
    assert records.holder(aws.table, USER) is None


def test_a_member_of_the_narrower_boundary_returns_to_it(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "reset_mfa", permissions_boundary="one-region")
    assert resets.boundary(aws) == ENROLLING
    for stem in ("issue_password", "send_sign_in_instructions", "await_mfa"):
        step(aws, stem, reset_id)
    aws.enrol("new-phone")
    step(aws, "complete_onboarding", reset_id)
    assert resets.boundary(aws) == MEMBER_ONE_REGION


def test_who_has_keys_only_gets_a_new_one_and_no_password_that_stays(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "await_mfa", access=["programmatic"])
    assert resets.proofs(aws)["keys"] == []
    aws.enrol("new-phone")
    step(aws, "complete_onboarding", reset_id)
    proofs = resets.proofs(aws)
    assert (proofs["password"], len(proofs["keys"])) == (None, 1)
    assert "access_key" in aws.record(reset_id).claims


def test_the_password_is_a_generated_one_that_has_to_be_changed(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "issue_password", require_password_reset=False)
    secret = aws.secretsmanager.get_secret_value(SecretId=f"gatehouse/{reset_id}/password/1")["SecretString"]
    assert aws.password() == secret
    assert aws.iam.get_login_profile(UserName=USER)["LoginProfile"]["PasswordResetRequired"] is True


def test_the_machine_that_waits_sees_no_device_of_before(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "send_sign_in_instructions")
    step(aws, "await_mfa", reset_id)
    aws.enrol("new-phone")
    with pytest.raises(MfaAlreadyEnrolled):
        step(aws, "await_mfa", reset_id)


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.PENDING_APPROVAL])
def test_nothing_happens_before_the_approval(aws: Account, status: Status) -> None:
    resets.member(aws)
    reset_id = resets.asked_for(aws)
    aws.write(replace(aws.record(reset_id), status=status))
    before = aws.user(), resets.proofs(aws)
    with pytest.raises(NotApproved):
        step(aws, STEP, reset_id)
    assert (aws.user(), resets.proofs(aws)) == before


def test_a_record_that_says_that_nobody_is_needed_is_not_believed(aws: Account) -> None:
    """The catalogue asks for no approval of a developer; for a reset of one it does."""
    resets.member(aws)
    reset_id = resets.asked_for(aws)
    record = aws.record(reset_id)
    for status in (Status.REQUESTED, Status.PROVISIONING):
        aws.write(replace(record, status=status, approval=replace(record.approval, needed=0)))
        with pytest.raises(RecordClosed, match="decisions"):
            step(aws, STEP, reset_id)
    assert resets.boundary(aws) == MEMBER


@pytest.mark.parametrize("person", [OPERATOR, USER, "alice@example.com"])
def test_a_decision_of_who_asked_or_of_the_user_does_not_count(aws: Account, approved: str, person: str) -> None:
    record = aws.record(approved)
    decision = Decision(person, arn_of(person), "approve", None, record.digest, NOW)
    aws.write(replace(record, approval=replace(record.approval, decisions=(decision,))))
    with pytest.raises(RecordClosed, match="decisions"):
        step(aws, STEP, approved)
    assert resets.boundary(aws) == MEMBER


@pytest.mark.parametrize(
    "changed",
    [{"purpose": Purpose.ONBOARDING}, {"of": "somebody-else-s"}],
    ids=["purpose", "of"],
)
def test_purpose_and_whose_user_it_is_are_what_was_approved(
    aws: Account, approved: str, changed: dict[str, Any]
) -> None:
    aws.write(replace(aws.record(approved), **changed))
    with pytest.raises(RecordClosed, match="digest"):
        step(aws, STEP, approved)
    assert resets.boundary(aws) == MEMBER


def test_an_onboarding_is_no_reset_and_a_reset_no_onboarding(aws: Account, approved: str) -> None:
    with pytest.raises(RecordClosed, match="purpose"):
        aws.step("create_user", onboarding_id=approved)
    aws.seed(Status.PROVISIONING, onboarding_id="another", user_name="bob.developer")
    with pytest.raises(RecordClosed, match="purpose"):
        aws.step(STEP, onboarding_id="another")


def test_a_user_who_is_gone_is_not_made_again(aws: Account, approved: str) -> None:
    aws.iam.untag_user(UserName=USER, TagKeys=["gatehouse:onboarding-id"])
    before = aws.user(), resets.proofs(aws)
    with pytest.raises(UserGone):
        step(aws, STEP, approved)
    assert step(aws, "roll_back", approved, error="UserGone", cause="x")["error"] == "Failed"
    assert (aws.user(), resets.proofs(aws)) == before


def test_a_cancelled_reset_does_not_begin(aws: Account, approved: str) -> None:
    aws.write(replace(aws.record(approved), cancelled_by=OPERATOR))
    with pytest.raises(Cancelled):
        step(aws, STEP, approved)
    assert resets.boundary(aws) == MEMBER


def test_the_machine_of_another_purpose_undoes_nothing(aws: Account) -> None:
    record = aws.steps("await_mfa")
    arn = f"{resets.MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{ONBOARDING_ID}"
    assert record.execution_arn != arn
    assert aws.step("roll_back", execution_arn=arn, error="RecordClosed", cause="x")["error"] == "Failed"
    assert aws.user() is not None
    assert aws.record() == record
