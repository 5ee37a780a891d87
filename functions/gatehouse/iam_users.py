"""IAM users as an onboarding needs them. Every function ensures: calling it twice equals calling it once."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gatehouse import times
from gatehouse.errors import NotYetConsistent, UserAlreadyExists
from gatehouse.model import Permissions

PATH = "/gatehouse/"
APPLICATIONS_PATH = "/gatehouse/applications/"
"""A path of their own, so that policies can tell them from people: nobody gives an application a password."""

MEMBERS_GROUP = "gatehouse-users"
END_POLICY = "GatehouseEnd"
"""The inline policy that ends all access at a time: IAM itself keeps the date, whatever becomes of Gatehouse."""

ID_TAG = "gatehouse:onboarding-id"


def same_name(iam: Any, user_name: str) -> str | None:
    """The name of a user that differs from `user_name` at most in case, which IAM regards as the same."""
    for page in iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1000}):
        for user in page["Users"]:
            if user["UserName"].lower() == user_name.lower():
                return str(user["UserName"])
    return None


def ensure_user(
    iam: Any, user_name: str, *, path: str, onboarding_id: str, boundary: str, tags: Mapping[str, str]
) -> None:
    """Create the user with guard and tags in the one call, or adopt what an earlier try made.

    Raises UserAlreadyExists for anybody else's user of that name.
    """
    try:
        iam.create_user(
            UserName=user_name,
            Path=path,
            PermissionsBoundary=boundary,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    except iam.exceptions.EntityAlreadyExistsException:
        _adopt(iam, user_name, path, onboarding_id, boundary)


def ensure_member(iam: Any, user_name: str, group: str) -> None:
    iam.add_user_to_group(GroupName=group, UserName=user_name)


def ensure_boundary(iam: Any, user_name: str, boundary: str) -> None:
    """Exchange the boundary in one call and look whether it holds; raises NotYetConsistent."""
    iam.put_user_permissions_boundary(UserName=user_name, PermissionsBoundary=boundary)
    if boundary_of(iam.get_user(UserName=user_name)["User"]) != boundary:
        raise NotYetConsistent(f"the boundary of {user_name} is not exchanged yet")


def own(iam: Any, user_name: str, onboarding_id: str) -> Mapping[str, Any] | None:
    """The user if this onboarding made it; None if there is none or it is somebody else's."""
    try:
        user: Mapping[str, Any] = iam.get_user(UserName=user_name)["User"]
    except iam.exceptions.NoSuchEntityException:
        return None
    # Elsewhere nothing is ours, whatever it says of itself, and no function of ours may touch it.
    return user if onboarding_of(user) == onboarding_id and user["Path"].startswith(PATH) else None


def onboarding_of(tagged: Mapping[str, Any]) -> str | None:
    """The onboarding that a user, or a secret, names in its tags."""
    return next((str(tag["Value"]) for tag in tagged.get("Tags", ()) if tag["Key"] == ID_TAG), None)


def boundary_of(user: Mapping[str, Any]) -> str | None:
    """The ARN of a user's permissions boundary."""
    arn: str | None = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn


def permissions(iam: Any, user_name: str) -> Permissions | None:
    """What a user has been granted, whoever granted it, besides what every user of ours has; None if there is none."""
    try:
        groups = [group["GroupName"] for group in _all(iam, "list_groups_for_user", "Groups", user_name)]
    except iam.exceptions.NoSuchEntityException:
        return None
    attached = _all(iam, "list_attached_user_policies", "AttachedPolicies", user_name)
    inline = _all(iam, "list_user_policies", "PolicyNames", user_name)
    documents = {
        name: json.dumps(iam.get_user_policy(UserName=user_name, PolicyName=name)["PolicyDocument"])
        for name in inline
        if name != END_POLICY
    }
    return Permissions(
        tuple(name for name in groups if name != MEMBERS_GROUP),
        tuple(policy["PolicyArn"] for policy in attached),
        documents,
    )


def sign_in_url(iam: Any, account_id: str) -> str:
    """Where an IAM user signs in: the account's alias if it has one, else its number."""
    return sign_in_url_of(account_alias(iam, times.this_minute()) or account_id)


@lru_cache(maxsize=1)
def account_alias(iam: Any, _minute: str) -> str | None:
    """Looked up once a minute: in a burst every call of IAM is one that another onboarding waits for."""
    aliases = iam.list_account_aliases()["AccountAliases"]
    return aliases[0] if aliases else None


def sign_in_url_of(account: str) -> str:
    """The sign-in page of an account, by its alias or its number, which works whether or not there is an alias."""
    return f"https://{account}.signin.aws.amazon.com/console"


def devices(iam: Any, user_name: str) -> Iterator[Mapping[str, Any]]:
    """The MFA devices enrolled for the user, live from IAM: serial number, time, kind."""
    for page in iam.get_paginator("list_mfa_devices").paginate(UserName=user_name):
        for device in page["MFADevices"]:
            serial = device["SerialNumber"]
            yield {"serial_number": serial, "enrolled_at": device["EnableDate"], "kind": device_kind(serial)}


def ensure_no_device(iam: Any, serial: str) -> bool:
    """Delete a virtual device that is assigned to nobody; false where there is none, or somebody has it."""
    try:
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    except (iam.exceptions.NoSuchEntityException, iam.exceptions.DeleteConflictException):
        return False
    return True


def device_kind(serial: str) -> str:
    """`virtual`, `security_key` (FIDO2 and passkeys) or `hardware`, as the serial number tells."""
    if ":mfa/" in serial:
        return "virtual"
    return "security_key" if ":u2f/" in serial else "hardware"


def _adopt(iam: Any, user_name: str, path: str, onboarding_id: str, boundary: str) -> None:
    try:
        user = iam.get_user(UserName=user_name)["User"]
    except iam.exceptions.NoSuchEntityException:
        if (taken := same_name(iam, user_name)) not in (None, user_name):
            raise UserAlreadyExists(f"user_name {taken} exists already") from None
        # It exists and is not shown yet: the state's retry looks again.
        raise
    if (user["Path"], onboarding_of(user)) != (path, onboarding_id):
        raise UserAlreadyExists(f"user_name {user_name} exists already")
    if boundary_of(user) != boundary:
        raise UserAlreadyExists(f"user_name {user_name} exists already, without the guard")


def _all(iam: Any, operation: str, result: str, user_name: str) -> Iterator[Any]:
    for page in iam.get_paginator(operation).paginate(UserName=user_name):
        yield from page[result]
