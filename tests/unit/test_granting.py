"""Grants are made as they were approved, once, whatever happens in between."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatehouse import granting, iam_users, times
from gatehouse.clients import aws_errors, client
from gatehouse.errors import GroupDiffers, NotYetConsistent, TransientFault
from gatehouse.model import Grants
from tests.unit.account import ENROLLING, NOW, USER, Account, make_record

AWS_POLICY = "arn:aws:iam::aws:policy/"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
AUDIT = (f"{AWS_POLICY}SecurityAudit", f"{AWS_POLICY}job-function/ViewOnlyAccess")


@pytest.fixture
def user(aws: Account) -> Account:
    """An account with the user made, and nothing granted yet."""
    aws.iam.create_user(UserName=USER, Path=iam_users.PATH, PermissionsBoundary=ENROLLING)
    return aws


def everything() -> Grants:
    """Some of each kind."""
    return make_record(groups=["Auditors"], policies=[f"{AWS_POLICY}PowerUserAccess", "ReadLogs"]).grants


def grant(grants: Grants | None = None) -> None:
    with aws_errors():
        granting.ensure_grants(client("iam"), USER, grants or everything())


def ensure_group(policies: tuple[str, ...] = AUDIT) -> None:
    with aws_errors():
        granting.ensure_group(client("iam"), "Auditors", policies)


def of_group(aws: Account, group: str = "Auditors") -> set[str]:
    """The managed policies of a group."""
    found = aws.iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
    return {policy["PolicyArn"] for policy in found}


def stands(aws: Account) -> dict[str, Any]:
    """Everything that was granted to the user, and to the groups."""
    inline = aws.iam.list_user_policies(UserName=USER)["PolicyNames"]
    attached = aws.iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    return {
        "groups": sorted(group["GroupName"] for group in aws.iam.list_groups_for_user(UserName=USER)["Groups"]),
        "attached": sorted(policy["PolicyArn"] for policy in attached),
        "inline": {name: document(aws, name) for name in inline},
        "of groups": {g["GroupName"]: of_group(aws, g["GroupName"]) for g in aws.iam.list_groups()["Groups"]},
    }  # fmt: skip


def document(aws: Account, name: str) -> Any:
    return aws.iam.get_user_policy(UserName=USER, PolicyName=name)["PolicyDocument"]


def test_what_was_approved_is_granted_and_nothing_else(user: Account) -> None:
    grants = everything()
    grant(grants)
    assert stands(user) == {
        "groups": list(grants.groups),
        "attached": list(grants.managed_policies),
        "inline": {name: json.loads(text) for name, text in grants.inline_policies.items()},
        "of groups": {"Auditors": set(AUDIT), "gatehouse-users": set()},
    }


def test_a_denial_stands_before_what_it_narrows(user: Account) -> None:
    grant()
    kinds = user.wire.names("PutUserPolicy", "AddUserToGroup", "AttachUserPolicy")
    assert kinds == sorted(kinds, key=["PutUserPolicy", "AddUserToGroup", "AttachUserPolicy"].index)


def test_a_group_is_granted_its_policies_before_anybody_joins(user: Account) -> None:
    grant()
    assert user.wire.names("CreateGroup", "AttachGroupPolicy", "AddUserToGroup") == [
        "CreateGroup", "AttachGroupPolicy", "AttachGroupPolicy", "AddUserToGroup",
    ]  # fmt: skip


def test_calling_twice_is_as_calling_once(user: Account) -> None:
    grant()
    before = stands(user)
    grant()
    assert stands(user) == before


COMPARING = ("GetGroup", "ListAttachedGroupPolicies", "ListGroupPolicies")
MAKING = ("CreateGroup", "AttachGroupPolicy", "AddUserToGroup", "AttachUserPolicy", "PutUserPolicy")


@pytest.mark.parametrize(
    ("operation", "group_is_there"),
    [*((operation, False) for operation in MAKING), *((operation, True) for operation in (*COMPARING, *MAKING))],
)
def test_a_fault_in_between_changes_nothing_in_the_end(user: Account, operation: str, group_is_there: bool) -> None:
    if group_is_there:
        ensure_group()
    user.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        grant()
    user.wire.refuse(operation, "ServiceFailure", status=500)
    with pytest.raises(TransientFault):
        grant()
    grant()
    grants = everything()
    assert stands(user) == {
        "groups": ["Auditors"],
        "attached": list(grants.managed_policies),
        "inline": {name: json.loads(text) for name, text in grants.inline_policies.items()},
        "of groups": {"Auditors": set(AUDIT), "gatehouse-users": set()},
    }


@pytest.mark.parametrize("operation", ["CreateGroup", "AttachGroupPolicy", "AddUserToGroup", "AttachUserPolicy"])
def test_an_answer_that_the_sdk_lost_does_no_harm(user: Account, operation: str) -> None:
    user.wire.send_twice(operation)
    grant()
    assert stands(user)["of groups"]["Auditors"] == set(AUDIT)


def test_a_missing_group_is_made_below_our_path(aws: Account) -> None:
    ensure_group()
    group = aws.iam.get_group(GroupName="Auditors")["Group"]
    assert (group["Path"], of_group(aws)) == ("/gatehouse/", set(AUDIT))


@pytest.mark.parametrize("there", [(), AUDIT[:1], AUDIT])
def test_a_group_that_is_there_is_taken_and_completed(aws: Account, there: tuple[str, ...]) -> None:
    aws.iam.create_group(GroupName="Auditors", Path="/gatehouse/")
    for arn in there:
        aws.iam.attach_group_policy(GroupName="Auditors", PolicyArn=arn)
    ensure_group()
    assert of_group(aws) == set(AUDIT)


def test_a_group_that_another_onboarding_makes_at_the_same_time_is_taken(aws: Account) -> None:
    aws.wire.first("CreateGroup", lambda: aws.iam.create_group(GroupName="Auditors", Path="/gatehouse/"))
    ensure_group()
    assert of_group(aws) == set(AUDIT)


def test_a_group_that_grants_more_than_was_approved_is_refused(aws: Account) -> None:
    aws.iam.create_group(GroupName="Auditors", Path="/gatehouse/")
    aws.iam.attach_group_policy(GroupName="Auditors", PolicyArn=f"{AWS_POLICY}AdministratorAccess")
    with pytest.raises(GroupDiffers, match=r"group Auditors grants what the catalogue does not: .*AdministratorAccess"):
        ensure_group()
    assert of_group(aws) == {f"{AWS_POLICY}AdministratorAccess"}


def test_a_group_with_a_policy_of_its_own_is_refused(aws: Account) -> None:
    ensure_group()
    aws.iam.put_group_policy(GroupName="Auditors", PolicyName="more", PolicyDocument=ANYTHING)
    with pytest.raises(GroupDiffers, match=r"more$"):
        ensure_group()


@pytest.mark.parametrize("path", ["/", "/gatehouse/more/", "/teams/"])
def test_a_group_outside_our_path_is_refused(aws: Account, path: str) -> None:
    aws.iam.create_group(GroupName="Auditors", Path=path)
    with pytest.raises(GroupDiffers, match="outside /gatehouse/"):
        ensure_group()
    assert of_group(aws) == set()


def test_nobody_joins_a_group_that_was_refused(user: Account) -> None:
    user.iam.create_group(GroupName="Auditors")
    with pytest.raises(GroupDiffers):
        grant()
    assert stands(user)["groups"] == []
    assert stands(user)["attached"] == []


def test_a_group_in_another_case_is_not_ours_and_told_in_the_end(aws: Account) -> None:
    aws.iam.create_group(GroupName="AUDITORS", Path="/gatehouse/")
    with pytest.raises(NotYetConsistent, match=r"group Auditors exists, and .* in another case"):
        ensure_group()
    assert of_group(aws, "AUDITORS") == set()


def test_a_group_that_iam_does_not_show_yet_is_looked_at_again(aws: Account) -> None:
    aws.iam.create_group(GroupName="Auditors", Path="/gatehouse/")
    aws.wire.refuse("GetGroup", "NoSuchEntity", status=404)
    with pytest.raises(NotYetConsistent):
        ensure_group()
    ensure_group()
    assert of_group(aws) == set(AUDIT)


@pytest.mark.parametrize(
    ("operation", "result", "found"),
    [
        ("ListAttachedGroupPolicies", "AttachedPolicies", {"PolicyArn": "arn:x", "PolicyName": "x"}),
        ("ListGroupPolicies", "PolicyNames", "x"),
    ],
)
def test_a_group_is_compared_to_the_last_page(aws: Account, operation: str, result: str, found: Any) -> None:
    ensure_group()
    pages: dict[str | None, dict[str, Any]] = {
        None: {result: [], "IsTruncated": True, "Marker": "2"},
        "2": {result: [found], "IsTruncated": False},
    }
    aws.wire.answer(operation, lambda asked: pages[asked.get("Marker")])
    with pytest.raises(GroupDiffers, match=r"x$"):
        ensure_group()


def test_from_the_end_on_everything_is_denied(user: Account) -> None:
    granting.ensure_end(client("iam"), USER, NOW)
    (statement,) = document(user, "GatehouseEnd")["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    ((operator, condition),) = statement["Condition"].items()
    assert operator == "DateGreaterThanEquals"
    assert set(condition) == {"aws:CurrentTime"}


@pytest.mark.parametrize("moment", [NOW, "2026-03-02T09:00:59.999999Z"])
def test_the_end_is_a_time_that_iam_reads_and_never_later_than_approved(user: Account, moment: str) -> None:
    """AWS writes its own policies of this kind to the millisecond at most; whole seconds every reader takes."""
    granting.ensure_end(client("iam"), USER, moment)
    (statement,) = document(user, "GatehouseEnd")["Statement"]
    written = statement["Condition"]["DateGreaterThanEquals"]["aws:CurrentTime"]
    end = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 0 <= (times.parse(moment) - end).total_seconds() < 1


def test_an_end_that_is_set_again_is_one_policy(user: Account) -> None:
    for moment in (NOW, times.after(NOW, 60)):
        granting.ensure_end(client("iam"), USER, moment)
    assert list(stands(user)["inline"]) == ["GatehouseEnd"]
