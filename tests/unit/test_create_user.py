"""CreateUser: a user who has the guard from the first moment, once the approval stands."""

from dataclasses import replace
from typing import Any

import pytest

from gatehouse import iam_users
from gatehouse.errors import (
    AccessDenied,
    Cancelled,
    NotApproved,
    NotYetConsistent,
    RecordClosed,
    Rejected,
    TransientFault,
    UserAlreadyExists,
)
from gatehouse.model import Decision, Onboarding, Requester, Status
from tests.unit.account import (
    APPROVER,
    ENROLLING,
    NOW,
    ONBOARDING_ID,
    REQUESTER,
    SECURITY_APPROVER,
    USER,
    Account,
    arn_of,
)


def tags(user: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in user["Tags"]}


def test_the_user_has_guard_path_and_tags_from_the_one_call(aws: Account) -> None:
    record = aws.seed(tags={"cost-center": "4711"})
    aws.step("create_user")
    (call,) = aws.wire.made("CreateUser")
    assert call["PermissionsBoundary"] == ENROLLING
    assert call["Path"] == "/gatehouse/"
    assert tags(call) == {
        "access-level": "assumed-role",
        "cost-center": "4711",
        "gatehouse:onboarding-id": ONBOARDING_ID,
        "gatehouse:profile": "developer",
        "gatehouse:expires-at": record.request["expires_at"],
    }


def test_the_user_is_a_member_of_the_group(aws: Account) -> None:
    aws.seed()
    aws.step("create_user")
    groups = aws.iam.list_groups_for_user(UserName=USER)["Groups"]
    assert [group["GroupName"] for group in groups] == [iam_users.MEMBERS_GROUP]


def test_the_record_goes_on_and_its_token_is_forgotten(aws: Account) -> None:
    aws.seed(Status.PROVISIONING, record={"task_token": "old"})
    aws.step("create_user")
    assert (aws.record().status, aws.record().task_token) == (Status.PROVISIONING, None)
    assert aws.record().timeline[-1].event == "create_user"


def test_calling_twice_is_as_calling_once(aws: Account) -> None:
    aws.seed()
    aws.step("create_user")
    before = aws.user()
    aws.step("create_user")
    assert aws.user() == before


@pytest.mark.parametrize("operation", ["UpdateItem", "CreateUser", "AddUserToGroup"])
def test_a_lost_answer_is_made_good_by_the_retry(aws: Account, operation: str) -> None:
    aws.seed()
    aws.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        aws.step("create_user")
    aws.step("create_user")
    assert len(aws.iam.list_groups_for_user(UserName=USER)["Groups"]) == 1


def test_an_answer_that_the_sdk_lost_ends_in_adoption(aws: Account) -> None:
    aws.seed()
    aws.wire.send_twice("CreateUser")
    aws.step("create_user")
    assert aws.wire.names("CreateUser", "GetUser", "AddUserToGroup") == ["CreateUser", "GetUser", "AddUserToGroup"]
    assert (user := aws.user()) is not None
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == ENROLLING


@pytest.mark.parametrize(("code", "error"), [("NoSuchEntity", NotYetConsistent), ("AccessDenied", AccessDenied)])
def test_a_user_that_iam_does_not_show_yet_is_looked_at_again(aws: Account, code: str, error: type[Exception]) -> None:
    aws.seed()
    aws.wire.send_twice("CreateUser")
    aws.wire.refuse("GetUser", code)
    with pytest.raises(error):
        aws.step("create_user")
    aws.step("create_user")
    assert aws.user() is not None


def test_a_name_that_was_taken_meanwhile_in_another_case_is_told_at_once(aws: Account) -> None:
    """GetUser does not show it under this name, so that waiting for it would be in vain."""
    aws.seed()
    aws.iam.create_user(UserName=USER.upper())
    with pytest.raises(UserAlreadyExists, match=USER.upper()):
        aws.step("create_user")


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"Tags": [{"Key": "team", "Value": "x"}]},
        {"Tags": [{"Key": "gatehouse:onboarding-id", "Value": "another"}], "PermissionsBoundary": ENROLLING},
    ],
)
def test_somebody_else_s_user_is_left_alone(aws: Account, found: dict[str, Any]) -> None:
    aws.seed()
    aws.iam.create_user(UserName=USER, **found)
    before = aws.user()
    with pytest.raises(UserAlreadyExists, match=USER):
        aws.step("create_user")
    assert aws.user() == before
    assert aws.iam.list_groups_for_user(UserName=USER)["Groups"] == []


def test_a_user_who_carries_the_id_but_not_the_guard_is_not_adopted(aws: Account) -> None:
    """Somebody may have lifted the boundary, or tagged a user of their own with the id."""
    aws.seed()
    tags = [{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}]
    aws.iam.create_user(UserName=USER, Path="/gatehouse/", Tags=tags)
    with pytest.raises(UserAlreadyExists, match="without the guard"):
        aws.step("create_user")


@pytest.mark.parametrize("path", ["/", "/gatehouse/applications/"])
def test_a_user_who_carries_the_id_under_another_path_is_not_adopted(aws: Account, path: str) -> None:
    aws.seed()
    tags = [{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}]
    aws.iam.create_user(UserName=USER, Path=path, PermissionsBoundary=ENROLLING, Tags=tags)
    with pytest.raises(UserAlreadyExists):
        aws.step("create_user")


def test_a_boundary_that_does_not_exist_makes_no_user(aws: Account) -> None:
    aws.seed()
    aws.iam.delete_policy(PolicyArn=ENROLLING)
    with pytest.raises(NotYetConsistent, match="CreateUser"):
        aws.step("create_user")
    assert aws.user() is None


def test_without_the_approval_nothing_is_made(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, profile="power-user")
    with pytest.raises(NotApproved, match="1 needed"):
        aws.step("create_user")
    assert aws.wire.made("CreateUser") == []
    assert aws.record().status is Status.PENDING_APPROVAL


def test_half_a_quorum_is_no_approval(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, profile="migration-admin", justification="x", approved_by=(APPROVER,))
    with pytest.raises(NotApproved, match="2 needed"):
        aws.step("create_user")


def test_a_quorum_of_distinct_persons_is_one(aws: Account) -> None:
    people = (APPROVER, SECURITY_APPROVER)
    aws.seed(Status.PROVISIONING, profile="migration-admin", justification="x", approved_by=people)
    aws.step("create_user")
    assert aws.user() is not None


@pytest.mark.parametrize("person", [REQUESTER, USER])
def test_a_decision_by_whom_it_concerns_is_none(aws: Account, person: str) -> None:
    aws.seed(Status.PROVISIONING, profile="power-user", approved_by=(person,))
    with pytest.raises(RecordClosed, match="approval"):
        aws.step("create_user")
    assert aws.wire.made("CreateUser") == []


def rejected(record: Onboarding) -> Onboarding:
    decision = Decision(APPROVER, arn_of(APPROVER), "reject", "not now", record.digest, NOW)
    return replace(record, approval=replace(record.approval, decisions=(*record.approval.decisions, decision)))


def test_a_rejection_counts_also_after_approvals(aws: Account) -> None:
    record = aws.seed(Status.ROLLING_BACK, profile="power-user", approved_by=("bob@example.com",))
    aws.write(rejected(record))
    with pytest.raises(Rejected, match=f"by {APPROVER}"):
        aws.step("create_user")
    assert aws.user() is None


@pytest.mark.parametrize(
    "change",
    [
        {"request": {"user_name": "mallory"}},
        {"request": {"email": "eve@example.com"}},
        {"grants": {"managed_policies": ("arn:aws:iam::aws:policy/AdministratorAccess",)}},
        {"grants": {"boundary_enrolling": "arn:aws:iam::123456789012:policy/gatehouse/gatehouse-boundary-member"}},
    ],
)
def test_a_record_that_was_changed_after_its_approval_makes_nothing(aws: Account, change: dict[str, Any]) -> None:
    record = aws.seed(Status.PROVISIONING, profile="power-user", approved_by=(APPROVER,))
    request = {**record.request, **change.get("request", {})}
    aws.write(replace(record, request=request, grants=replace(record.grants, **change.get("grants", {}))))
    with pytest.raises(RecordClosed, match="digest"):
        aws.step("create_user")
    assert aws.wire.made("CreateUser") == []


def test_an_approval_of_another_digest_is_none(aws: Account) -> None:
    record = aws.seed(Status.PROVISIONING, profile="power-user", approved_by=(APPROVER,))
    (decision,) = record.approval.decisions
    other = replace(decision, digest="another")
    aws.write(replace(record, approval=replace(record.approval, decisions=(other,))))
    with pytest.raises(RecordClosed, match="approval"):
        aws.step("create_user")


def test_a_cancellation_is_seen_before_anything_is_made(aws: Account) -> None:
    aws.seed(record={"cancelled_by": "olga"})
    with pytest.raises(Cancelled):
        aws.step("create_user")
    assert aws.user() is None


def test_a_cancellation_counts_before_a_missing_approval(aws: Account) -> None:
    aws.seed(Status.PENDING_APPROVAL, profile="power-user", record={"cancelled_by": "olga"})
    with pytest.raises(Cancelled):
        aws.step("create_user")


@pytest.mark.parametrize(
    "status", sorted(set(Status) - {Status.REQUESTED, Status.PENDING_APPROVAL, Status.PROVISIONING})
)
def test_no_user_is_made_for_a_record_in_any_other_status(aws: Account, status: Status) -> None:
    aws.seed(status)
    with pytest.raises(RecordClosed, match=status):
        aws.step("create_user")
    assert aws.user() is None


def test_a_record_that_is_not_there_makes_nothing(aws: Account) -> None:
    with pytest.raises(RecordClosed, match="missing"):
        aws.step("create_user")


def test_a_start_by_hand_makes_nothing_without_an_approval(aws: Account) -> None:
    nobody = Requester(None, None, verified=False)
    record = aws.seed(requester=nobody)
    aws.write(replace(record, approval=replace(record.approval, needed=1)))
    with pytest.raises(NotApproved):
        aws.step("create_user")
