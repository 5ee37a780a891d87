"""An application passes from its approval to its key: no password, no MFA, a guard and an owner of its own."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import claims, iam_users, onboarding_request, records
from gatehouse.clients import client
from gatehouse.errors import AwsCallFailed, Cancelled, NotApproved, RecordClosed, TransientFault
from gatehouse.model import Status
from gatehouse.steps import create_user
from tests.unit.account import (
    APPLICATION,
    APPROVER,
    AS_APPLICATION,
    ONBOARDING_ID,
    Account,
    make_record,
)

NAME = AS_APPLICATION["user_name"]
OWNER = "alice@example.com"
STEPS = ("validate_request", "create_user", "attach_policies", "complete_onboarding")
"""The tasks that the state machine calls for an application."""


@pytest.fixture
def approved(aws: Account) -> Account:
    """An account with an application that was approved, and nothing made of it yet."""
    aws.seed(Status.PROVISIONING, approved_by=(APPROVER,), **AS_APPLICATION | {"policies": ["PutMetrics"]})
    return aws


def steps(aws: Account, last: str) -> None:
    for step in STEPS[1 : STEPS.index(last) + 1]:
        aws.step(step)


def keys(aws: Account) -> list[str]:
    return [key["AccessKeyId"] for key in aws.iam.list_access_keys(UserName=NAME)["AccessKeyMetadata"]]


def test_it_has_its_guard_path_owner_and_tags_from_the_one_call(approved: Account) -> None:
    steps(approved, "create_user")
    (call,) = approved.wire.made("CreateUser")
    assert (call["Path"], call["PermissionsBoundary"]) == ("/gatehouse/applications/", APPLICATION)
    assert {tag["Key"]: tag["Value"] for tag in call["Tags"]} == {
        "access-level": "application",
        "gatehouse:onboarding-id": ONBOARDING_ID,
        "gatehouse:profile": "application",
        "gatehouse:expires-at": approved.record().request["expires_at"],
        "gatehouse:owner": OWNER,
    }


def test_a_person_has_no_owner(aws: Account) -> None:
    assert "gatehouse:owner" not in create_user._tags(make_record())


PATTERN = onboarding_request.schema()["properties"]["email"]["pattern"]
# Without what it looks ahead for, which hypothesis would have to guess.
ADDRESS = st.from_regex(PATTERN.replace("(?=[^@]{1,64}@)", ""), fullmatch=True)


@given(ADDRESS.filter(lambda address: len(address) <= 254 and address.index("@") <= 64))
def test_every_address_makes_a_tag_that_iam_takes(address: str) -> None:
    owner = create_user._tags(make_record(**AS_APPLICATION, email=address))["gatehouse:owner"]
    assert re.fullmatch(r"[\w .:/=+@-]{1,256}", owner)
    assert owner == address or set(address) & set("%'")


def test_it_is_no_member_of_the_people_s_group(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    assert approved.iam.list_groups_for_user(UserName=NAME)["Groups"] == []
    assert approved.wire.made("AddUserToGroup") == []


def test_without_its_approval_nothing_is_made(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, **AS_APPLICATION)
    with pytest.raises(NotApproved, match="1 needed"):
        aws.step("create_user")
    assert aws.user(NAME) is None


def test_what_was_approved_is_granted_with_its_end(approved: Account) -> None:
    steps(approved, "attach_policies")
    inline = approved.iam.list_user_policies(UserName=NAME)["PolicyNames"]
    assert set(inline) == {"ReadOwnParameters", "PutMetrics", iam_users.END_POLICY}
    assert approved.iam.list_attached_user_policies(UserName=NAME)["AttachedPolicies"] == []


def test_it_is_complete_with_a_key_and_without_a_device(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    record = approved.record()
    assert (record.status, dict(record.evidence)) == (Status.COMPLETE, {"boundary": APPLICATION})
    assert len(keys(approved)) == 1
    assert records.holder(approved.table, NAME) is None
    assert "ListMFADevices" not in approved.wire.names()


def test_its_guard_is_never_exchanged(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    assert (approved.user(NAME) or {})["PermissionsBoundary"]["PermissionsBoundaryArn"] == APPLICATION
    assert "PutUserPermissionsBoundary" not in approved.wire.names()


def test_nobody_can_sign_in_as_it(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    assert approved.password(NAME) is None
    assert not [name for name in approved.wire.names() if "LoginProfile" in name]
    assert approved.secret("password") is None


def test_its_key_waits_for_its_claim(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    (key,) = keys(approved)
    assert json.loads(approved.secret("access-key") or "")["access_key_id"] == key
    assert list(approved.record().claims) == ["access_key"]
    claim = approved.table.get(records.claim_key(approved.record().claims["access_key"])) or {}
    assert claim["shown_with"] == {
        "user_name": NAME,
        "access_key_id": key,
        "mfa_serial": None,
        "roles": [],
        "region": None,
        "longest_key_age_days": 90,
    }


def mail(aws: Account, subject: str) -> dict[str, Any]:
    (found,) = [mail for mail in aws.mails() if subject in mail["subject"]]
    return found


def test_the_owner_gets_the_link_and_the_requester_hears_of_it(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    assert mail(approved, "access key")["to"] == [OWNER]
    assert mail(approved, "Application ready")["to"] == [OWNER, "requester@example.com"]
    assert len(approved.mails()) == 2


def test_the_key_is_handed_over_once(approved: Account) -> None:
    steps(approved, "complete_onboarding")
    (token,) = re.findall(r"/claim#(\S{43})$", mail(approved, "access key")["text"], re.MULTILINE)
    code = claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    first = approved.api("claim_secret", {"token": token, "code": code})
    assert (first.status, first.json["kind"]) == (200, "access_key")
    assert [first.json["access_key_id"]] == keys(approved)
    assert "mfa_serial" not in first.json["cli_config"]
    assert approved.api("claim_secret", {"token": token, "code": code}).status == 410


def test_calling_every_step_twice_is_as_calling_it_once(approved: Account) -> None:
    for step in STEPS[1:]:
        approved.step(step)
        if step != "complete_onboarding":
            approved.step(step)
    before = (approved.user(NAME), keys(approved), approved.record(), len(approved.mails()))
    approved.step("complete_onboarding")
    assert (approved.user(NAME), keys(approved), approved.record(), len(approved.mails())) == before


OPERATIONS = (
    "UpdateItem", "CreateSecret", "PutResourcePolicy", "ListAccessKeys", "CreateAccessKey", "TagUser",
    "PutSecretValue", "TransactWriteItems", "SendEmail",
)  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_lost_answer_is_made_good_by_the_retry(approved: Account, operation: str) -> None:
    steps(approved, "attach_policies")
    approved.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        approved.step("complete_onboarding")
    approved.clock.advance(records.MAIL_SECONDS + 1)
    approved.step("complete_onboarding")
    assert keys(approved) == [json.loads(approved.secret("access-key") or "{}")["access_key_id"]]
    assert approved.record().status is Status.COMPLETE


def test_a_person_is_not_completed_before_the_machine_waited_for_mfa(aws: Account) -> None:
    aws.steps("attach_policies")
    aws.enrol()
    with pytest.raises(RecordClosed):
        aws.step("complete_onboarding")
    assert aws.record().status is Status.PROVISIONING


@pytest.mark.parametrize("status", sorted(set(Status) - {"PROVISIONING", "PENDING_MFA", "COMPLETE"}))
def test_no_key_is_made_in_any_other_status(approved: Account, status: Status) -> None:
    steps(approved, "attach_policies")
    approved.change(status=status)
    with pytest.raises(RecordClosed):
        approved.step("complete_onboarding")
    assert keys(approved) == []


def test_a_cancellation_is_seen_before_a_key_is_made(approved: Account) -> None:
    steps(approved, "attach_policies")
    approved.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        approved.step("complete_onboarding")
    assert keys(approved) == []


@pytest.mark.parametrize(
    "failing",
    [
        "CreateUser", "PutUserPolicy", "CreateSecret", "PutResourcePolicy", "CreateAccessKey", "TagUser",
        "PutSecretValue", "SendEmail",
    ],
)  # fmt: skip
def test_wherever_it_fails_a_roll_back_leaves_nothing(approved: Account, failing: str) -> None:
    approved.wire.refuse(failing, "ValidationError")
    with pytest.raises(AwsCallFailed, match=failing):
        steps(approved, "complete_onboarding")
    approved.step("roll_back", error="AwsCallFailed", cause=failing)
    assert approved.iam.list_users()["Users"] == []
    assert approved.secretsmanager.list_secrets()["SecretList"] == []
    record = approved.record()
    assert (record.status, record.claims) == (Status.FAILED, {})
    assert records.holder(approved.table, NAME) is None
