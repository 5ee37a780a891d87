"""IAM's quotas on policies, which the emulator does not know."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import iam

from local.mends.iam_users import Answer, Params, _error

MANAGED_POLICY = 6144
# All inline policies of one entity together.
INLINE = {"User": 2048, "Role": 10240, "Group": 5120}
ATTACHED = 10


def size(document: Any) -> int:
    """Characters of a policy document; "IAM doesn't count white space"."""
    text = document if isinstance(document, str) else json.dumps(document)
    return len("".join(text.split()))


def managed_policy_size() -> None:
    """A managed policy may have 6,144 characters, whether the API or a template makes it."""
    original = iam.store_policy

    def store(arn: str, name: str, path: str, document: Any, **more: Any) -> Any:
        if size(document) > MANAGED_POLICY:
            # What CloudFormation's handler expects; the API is answered below, before it comes here.
            raise ValueError(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY} ({name})")
        return original(arn, name, path, document, **more)

    iam.store_policy = store
    for action in ("CreatePolicy", "CreatePolicyVersion"):
        iam._IAM_HANDLERS[action] = _sized(iam._IAM_HANDLERS[action])
    # CloudFormation updates a policy through it.
    iam._create_policy_version = iam._IAM_HANDLERS["CreatePolicyVersion"]


def _sized(handler: Callable[[Params], Answer]) -> Callable[[Params], Answer]:
    def handle(params: Params) -> Answer:
        if size(iam._p(params, "PolicyDocument")) > MANAGED_POLICY:
            return _error(409, "LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_POLICY}")
        return handler(params)

    return handle


def inline_policy_size() -> None:
    """All inline policies of a user may have 2,048 characters, of a group 5,120, of a role 10,240."""
    for kind, limit in INLINE.items():
        action = f"Put{kind}Policy"
        iam._IAM_HANDLERS[action] = _together(iam._IAM_HANDLERS[action], kind, limit)
    # CloudFormation puts a role's through these.
    iam._put_user_policy, iam._put_role_policy = (
        iam._IAM_HANDLERS["PutUserPolicy"],
        iam._IAM_HANDLERS["PutRolePolicy"],
    )
    iam._put_group_policy = iam._IAM_HANDLERS["PutGroupPolicy"]


def _together(handler: Callable[[Params], Answer], kind: str, limit: int) -> Callable[[Params], Answer]:
    def handle(params: Params) -> Answer:
        name = iam._p(params, f"{kind}Name")
        stored = {
            "User": iam._user_inline_policies.get(name),
            "Group": iam._group_inline_policies.get(name),
            "Role": (iam._roles.get(name) or {}).get("InlinePolicies"),
        }[kind]
        after = {**(stored or {}), iam._p(params, "PolicyName"): iam._p(params, "PolicyDocument")}
        if sum(size(document) for document in after.values()) > limit:
            return _error(
                409,
                "LimitExceeded",
                f"Maximum policy size of {limit} bytes exceeded for {kind.lower()} {name}",
            )
        return handler(params)

    return handle


def attached_policies() -> None:
    """A user may have ten managed policies, and they must exist."""
    original = iam._attach_user_policy

    def attach(params: Params) -> Answer:
        arn, user = iam._p(params, "PolicyArn"), iam._users.get(iam._p(params, "UserName")) or {}
        if not iam.policy_known(arn):
            return _error(404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
        if len({*user.get("AttachedPolicies", []), arn}) > ATTACHED:
            return _error(409, "LimitExceeded", f"Cannot exceed quota for PoliciesPerUser: {ATTACHED}")
        return original(params)

    iam._attach_user_policy = iam._IAM_HANDLERS["AttachUserPolicy"] = attach


MENDS = [managed_policy_size, inline_policy_size, attached_policies]
