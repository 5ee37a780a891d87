"""AttachPolicies: the end of all access, and what is granted before MFA."""

import json

import pytest

from gatehouse import iam_users
from gatehouse.errors import (
    AccessDenied,
    AwsCallFailed,
    Cancelled,
    GroupDiffers,
    NotYetConsistent,
    RecordClosed,
    TransientFault,
)
from gatehouse.model import Status
from tests.unit.account import APPROVER, SECURITY_APPROVER, USER, Account


def attached(aws: Account) -> set[str]:
    found = aws.iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    return {policy["PolicyArn"].rsplit("/", 1)[-1] for policy in found}


def inline(aws: Account) -> list[str]:
    return sorted(aws.iam.list_user_policies(UserName=USER)["PolicyNames"])


END = iam_users.END_POLICY


def groups(aws: Account) -> set[str]:
    return {group["GroupName"] for group in aws.iam.list_groups_for_user(UserName=USER)["Groups"]}


def test_a_developer_gets_the_right_to_assume_one_role(aws: Account) -> None:
    aws.steps("attach_policies")
    assert inline(aws) == ["AssumeResourceCreatorRole", END]
    document = aws.iam.get_user_policy(UserName=USER, PolicyName="AssumeResourceCreatorRole")["PolicyDocument"]
    (statement,) = (json.loads(document) if isinstance(document, str) else document)["Statement"]
    assert statement["Resource"].endswith(":role/gatehouse/ResourceCreatorRole")
    assert attached(aws) == set()


def test_an_auditor_gets_the_policies_of_the_profile(aws: Account) -> None:
    aws.steps("attach_policies", profile="auditor")
    assert attached(aws) == {"SecurityAudit", "ViewOnlyAccess"}
    assert inline(aws) == [END]


def test_a_group_that_was_asked_for_is_made_and_joined(aws: Account) -> None:
    aws.seed(Status.PROVISIONING, groups=["Auditors"], approved_by=(APPROVER,))
    for step in ("create_user", "issue_password", "attach_policies"):
        aws.step(step)
    assert groups(aws) == {"gatehouse-users", "Auditors"}


def test_the_end_is_set_before_anything_is_granted(aws: Account) -> None:
    aws.steps("issue_password", profile="auditor")
    aws.wire.refuse("AttachUserPolicy", "AccessDenied")
    with pytest.raises(AccessDenied):
        aws.step("attach_policies")
    assert inline(aws) == [END]


def test_a_group_that_somebody_changed_ends_it(aws: Account) -> None:
    aws.seed(Status.PROVISIONING, groups=["Auditors"], approved_by=(APPROVER,))
    for step in ("create_user", "issue_password"):
        aws.step(step)
    aws.iam.create_group(GroupName="Auditors", Path="/gatehouse/")
    aws.iam.put_group_policy(GroupName="Auditors", PolicyName="more", PolicyDocument=json.dumps(ANYTHING))
    with pytest.raises(GroupDiffers, match="more"):
        aws.step("attach_policies")
    assert groups(aws) == {"gatehouse-users"}


ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.mark.parametrize(
    ("profile", "approvers"), [("power-user", (APPROVER,)), ("migration-admin", (APPROVER, SECURITY_APPROVER))]
)
def test_what_is_privileged_waits_for_mfa(aws: Account, profile: str, approvers: tuple[str, ...]) -> None:
    aws.seed(Status.PROVISIONING, profile=profile, justification="x", approved_by=approvers)
    for step in ("create_user", "issue_password", "attach_policies"):
        aws.step(step)
    assert attached(aws) == set()
    assert inline(aws) == [END]


def test_one_privileged_addition_lets_all_of_it_wait_for_mfa(aws: Account) -> None:
    more = {"groups": ["PowerUsers"], "policies": ["ReadLogs"]}
    aws.seed(Status.PROVISIONING, approved_by=(APPROVER,), **more)
    for step in ("create_user", "issue_password", "attach_policies"):
        aws.step(step)
    assert (attached(aws), inline(aws), groups(aws)) == (set(), [END], {"gatehouse-users"})


@pytest.mark.parametrize("profile", ["developer", "auditor"])
def test_calling_twice_is_as_calling_once(aws: Account, profile: str) -> None:
    aws.steps("attach_policies", profile=profile)
    before = (attached(aws), inline(aws))
    aws.step("attach_policies")
    assert (attached(aws), inline(aws)) == before


@pytest.mark.parametrize(("profile", "operation"), [("developer", "PutUserPolicy"), ("auditor", "AttachUserPolicy")])
def test_a_lost_answer_is_made_good_by_the_retry(aws: Account, profile: str, operation: str) -> None:
    aws.steps("issue_password", profile=profile)
    aws.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        aws.step("attach_policies")
    aws.step("attach_policies")
    assert len(attached(aws)) + len(inline(aws)) == (2 if profile == "developer" else 3)


def test_a_user_that_iam_does_not_show_yet_is_tried_again(aws: Account) -> None:
    aws.steps("issue_password")
    aws.wire.refuse("PutUserPolicy", "NoSuchEntity", status=404)
    with pytest.raises(NotYetConsistent):
        aws.step("attach_policies")
    aws.step("attach_policies")
    assert inline(aws) == ["AssumeResourceCreatorRole", END]


def test_a_user_who_has_ten_policies_already_ends_it(aws: Account) -> None:
    aws.steps("issue_password", profile="auditor")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    for number in range(9):
        arn = aws.iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document)["Policy"]["Arn"]
        aws.iam.attach_user_policy(UserName=USER, PolicyArn=arn)
    with pytest.raises(AwsCallFailed, match=r"^AttachUserPolicy: LimitExceeded$"):
        aws.step("attach_policies")


def test_a_cancellation_is_seen_before_anything_is_granted(aws: Account) -> None:
    aws.steps("issue_password")
    aws.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        aws.step("attach_policies")
    assert inline(aws) == []


@pytest.mark.parametrize("status", sorted(set(Status) - {"PROVISIONING"}))
def test_nothing_is_granted_for_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    aws.seed(status)
    with pytest.raises(RecordClosed, match=status):
        aws.step("attach_policies")
