"""Grant what was approved: groups, policies, and the end. Every function ensures: twice equals once."""

import json
from collections.abc import Collection
from typing import Any

from gatehouse import iam_users
from gatehouse.errors import GroupDiffers, NotYetConsistent
from gatehouse.model import Grants


def ensure_grants(iam: Any, user_name: str, grants: Grants) -> None:
    """Inline policies, groups and managed policies, exactly as frozen into the digest. Raises GroupDiffers.

    In this order, since an inline policy may deny a part of what a managed one allows.
    """
    for name, document in grants.inline_policies.items():
        iam.put_user_policy(UserName=user_name, PolicyName=name, PolicyDocument=document)
    for group, policies in grants.group_policies.items():
        ensure_group(iam, group, policies)
        iam_users.ensure_member(iam, user_name, group)
    for arn in grants.managed_policies:
        iam.attach_user_policy(UserName=user_name, PolicyArn=arn)


def ensure_group(iam: Any, group: str, policies: Collection[str]) -> None:
    """Create the group if it is missing, with its policies.

    Raises GroupDiffers for a group of that name outside our path, or one that grants anything else than was
    approved; NotYetConsistent for one that IAM does not show under this name.
    """
    try:
        iam.create_group(GroupName=group, Path=iam_users.PATH)
    except iam.exceptions.EntityAlreadyExistsException:
        _require_same(iam, group, policies)
    for arn in policies:
        iam.attach_group_policy(GroupName=group, PolicyArn=arn)


def ensure_end(iam: Any, user_name: str, expires_at: str, sessions_since: str | None = None) -> None:
    """From `expires_at` on, to the second, the user may do nothing at all; nor in sessions from before another time."""
    ends = {iam_users.END_POLICY: {"DateGreaterThanEquals": {"aws:CurrentTime": f"{expires_at[:19]}Z"}}}
    if sessions_since:
        # A session keeps the MFA it was begun with for up to 36 hours, whatever becomes of device, password and keys.
        ends["OlderSessions"] = {"DateLessThan": {"aws:TokenIssueTime": f"{sessions_since[:19]}Z"}}
    statements = [
        {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        for sid, condition in ends.items()
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    iam.put_user_policy(UserName=user_name, PolicyName=iam_users.END_POLICY, PolicyDocument=document)


def _require_same(iam: Any, group: str, policies: Collection[str]) -> None:
    """A group that somebody has changed would grant what nobody approved."""
    try:
        path = iam.get_group(GroupName=group, MaxItems=1)["Group"]["Path"]
    except iam.exceptions.NoSuchEntityException:
        # Names are compared without regard to case, and what another onboarding made a moment ago is not shown yet:
        # only time tells the two apart.
        raise NotYetConsistent(f"group {group} exists, and is not shown yet, or has a name in another case") from None
    if path != iam_users.PATH:
        raise GroupDiffers(f"group {group} exists outside {iam_users.PATH}, where Gatehouse has no say")
    attached = _all(iam, "list_attached_group_policies", "AttachedPolicies", group)
    inline = _all(iam, "list_group_policies", "PolicyNames", group)
    if strange := sorted({policy["PolicyArn"] for policy in attached} - set(policies)) + inline:
        raise GroupDiffers(f"group {group} grants what the catalogue does not: {', '.join(strange)}")


def _all(iam: Any, operation: str, result: str, group: str) -> list[Any]:
    return [item for page in iam.get_paginator(operation).paginate(GroupName=group) for item in page[result]]
