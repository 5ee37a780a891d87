"""Credentials to make attempts with: of onboarded people with MFA, of a role they assumed, of a function's role."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local import people as at_the_desk
from local.client import Person
from tests.workflow import evidence, people

Stack = Mapping[str, Any]


@contextmanager
def onboarded(stack: Stack, profile: str, *approvers: str) -> Iterator[tuple[Person, str]]:
    """Somebody of this profile with a session that a code was typed for, and the user's name."""
    onboarding = people.requested(stack, "attempts", profile)
    if approvers:
        people.awaited(onboarding, "PENDING_APPROVAL")
    for approver in approvers:
        people.approve(onboarding, approver)
    people.awaited(onboarding, "PENDING_MFA")
    serial = people.enrol(onboarding)
    evidence.completed(onboarding)
    with people.signed_in(onboarding) as user:
        yield at_the_desk.with_code(user, serial), onboarding.user_name


@contextmanager
def resource_creator(stack: Stack) -> Iterator[tuple[Person, str]]:
    """A session of ResourceCreatorRole that a developer assumed, and the developer's name."""
    with onboarded(stack, "developer") as (developer, name):
        role = f"arn:aws:iam::{stack['account_id']}:role/gatehouse/ResourceCreatorRole"
        yield _assumed(stack, developer.aws("sts"), role, name), name


@contextmanager
def function(stack: Stack, name: str) -> Iterator[Person]:
    """A session with the rights that the role of a function or machine has as deployed.

    It is of a copy: what the role itself is denied counts as a fault of the template, and what it is allowed as needed.
    """
    iam, copied, copy = people.root(stack, "iam"), _role(stack, name), f"attempts-{name}-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": stack["account_id"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=copy, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    inline = iam.list_role_policies(RoleName=copied)["PolicyNames"]
    managed = [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=copied)["AttachedPolicies"]]
    for policy in inline:
        document = iam.get_role_policy(RoleName=copied, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName=copy, PolicyName=policy, PolicyDocument=json.dumps(document))
    for policy in managed:
        iam.attach_role_policy(RoleName=copy, PolicyArn=policy)
    try:
        yield _assumed(stack, people.root(stack, "sts"), arn, "attempts")
    finally:
        for policy in inline:
            iam.delete_role_policy(RoleName=copy, PolicyName=policy)
        for policy in managed:
            iam.detach_role_policy(RoleName=copy, PolicyArn=policy)
        iam.delete_role(RoleName=copy)


def _role(stack: Stack, name: str) -> str:
    pages = people.root(stack, "iam").get_paginator("list_roles").paginate(PathPrefix="/gatehouse/")
    roles = [role["RoleName"] for page in pages for role in page["Roles"]]
    [found] = [role for role in roles if role.startswith((f"gatehouse-{name}FunctionRole-", f"gatehouse-{name}Role-"))]
    return str(found)


def _assumed(stack: Stack, sts: Any, role: str, session: str) -> Person:
    given = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    return Person(stack, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@contextmanager
def bystanders(stack: Stack) -> Iterator[dict[str, str]]:
    """Names that attempts are about: an older user, role, group and policy, and somebody else's onboarded user."""
    iam, suffix = people.root(stack, "iam"), uuid.uuid4().hex[:8]
    names = {what: f"{what}-{suffix}" for what in ("older", "other")}
    boundary = f"arn:aws:iam::{stack['account_id']}:policy/gatehouse/gatehouse-boundary-member"
    trust = {"Effect": "Allow", "Principal": {"AWS": stack["account_id"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    nothing = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    iam.create_user(UserName=names["older"])
    iam.create_user(UserName=names["other"], Path="/gatehouse/", PermissionsBoundary=boundary)
    iam.create_role(RoleName=names["older"], AssumeRolePolicyDocument=document)
    iam.create_group(GroupName=names["older"])
    policy = iam.create_policy(
        PolicyName=names["older"], PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [nothing]})
    )
    try:
        yield names
    finally:
        iam.delete_policy(PolicyArn=policy["Policy"]["Arn"])
        iam.delete_group(GroupName=names["older"])
        iam.delete_role(RoleName=names["older"])
        iam.delete_user(UserName=names["other"])
        iam.delete_user(UserName=names["older"])
