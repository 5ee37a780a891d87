"""Rules of AWS that moto does not know. Without them a wrong order of deletion, or a user without a guard, would pass.

`test_aws_rules.py` says each of them as AWS documents it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.dynamodb.responses import DynamoHandler
from moto.iam import exceptions
from moto.iam.models import AWSManagedPolicy, IAMBackend, User
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

ATTACHED_POLICIES = 10
GROUPS = 10
INLINE_POLICIES = 2048
"""Characters that all inline policies of a user may have together, white space not counted."""
TAGS = 50
PASSWORD_KINDS = {
    "uppercase_characters": "[A-Z]",
    "lowercase_characters": "[a-z]",
    "numbers": "[0-9]",
    "symbols": re.escape("!@#$%^&*()_+-=[]{}|'").join("[]"),
}


class PasswordPolicyViolation(ServiceException):
    code = "PasswordPolicyViolation"


def apply(patch: pytest.MonkeyPatch) -> None:
    """Make moto follow the rules until the patch is undone."""
    patch.setattr(User, "permissions_boundary", property(_boundary), raising=False)
    patch.setattr(IamResponse, "create_user", _create_user(IamResponse.create_user))
    patch.setattr(IamResponse, "put_user_permissions_boundary", _put_boundary, raising=False)
    patch.setattr(IamResponse, "create_login_profile", _with_reset_flag(IamResponse.create_login_profile))
    patch.setattr(IamResponse, "create_service_specific_credential", _create_credential, raising=False)
    patch.setattr(IamResponse, "list_service_specific_credentials", _list_credentials, raising=False)
    patch.setattr(IamResponse, "delete_service_specific_credential", _delete_credential, raising=False)
    once = _transaction_takes_effect_once(DynamoHandler.transact_write_items)
    patch.setattr(DynamoHandler, "transact_write_items", once)
    _before(patch, IAMBackend, "create_user", _name_is_unique_without_regard_to_case)
    _before(patch, IAMBackend, "delete_user", _nothing_is_left)
    _before(patch, IAMBackend, "delete_virtual_mfa_device", _device_is_not_assigned)
    _before(patch, IAMBackend, "attach_user_policy", _quota_of_policies)
    _before(patch, IAMBackend, "create_group", _group_is_unique_without_regard_to_case)
    _before(patch, IAMBackend, "add_user_to_group", _quota_of_groups)
    _before(patch, IAMBackend, "put_user_policy", _quota_of_inline_policies)
    _before(patch, IAMBackend, "create_login_profile", _password_fits)
    _before(patch, IAMBackend, "update_login_profile", _password_fits)
    _before(patch, SecretsManagerBackend, "create_secret", _name_is_not_scheduled_for_deletion)


def add_aws_policies(iam: IAMBackend, arns: set[str]) -> None:
    """Managed policies of AWS; moto's own list of all of them takes a second to load."""
    now = datetime.now(UTC).isoformat()
    for arn in arns:
        path, name = arn.split(":policy", 1)[1].rsplit("/", 1)
        described = {"Path": f"{path}/", "Document": {}, "CreateDate": now, "UpdateDate": now}
        described["DefaultVersionId"] = "v1"
        iam.managed_policies[arn] = AWSManagedPolicy.from_data(name, iam.account_id, iam.region_name, described)


def _before(patch: pytest.MonkeyPatch, backend: type, name: str, rule: Callable[..., None]) -> None:
    original = getattr(backend, name)

    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        rule(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    patch.setattr(backend, name, checked)


def _boundary(user: User) -> dict[str, str] | None:
    arn = vars(user).get("boundary_arn")
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


def _create_user(original: Callable[[IamResponse], ActionResult]) -> Callable[[IamResponse], ActionResult]:
    def create_user(self: IamResponse) -> ActionResult:
        boundary = self._get_param("PermissionsBoundary")
        _policy_exists(self.backend, boundary)
        _tags_are_sound([tag["Key"] for tag in self._get_param("Tags", [])])
        result = original(self)
        vars(self.backend.users[self._get_param("UserName")])["boundary_arn"] = boundary
        return result

    return create_user


def _put_boundary(self: IamResponse) -> ActionResult:
    user, boundary = self.backend.get_user(self._get_param("UserName")), self._get_param("PermissionsBoundary")
    _policy_exists(self.backend, boundary)
    vars(user)["boundary_arn"] = boundary
    return EmptyResult()


def _policy_exists(iam: IAMBackend, arn: str | None) -> None:
    if arn and arn not in iam.managed_policies:
        raise exceptions.NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")


def _tags_are_sound(keys: list[str]) -> None:
    if len({key.lower() for key in keys}) < len(keys):
        raise exceptions.DuplicateTags
    if len(keys) > TAGS:
        raise exceptions.LimitExceededException(f"Cannot exceed quota for TagsPerUser: {TAGS}")


def _name_is_unique_without_regard_to_case(iam: IAMBackend, region_name: str, user_name: str, **_: Any) -> None:
    if user_name.lower() in {name.lower() for name in iam.users}:
        raise exceptions.EntityAlreadyExists(f"User with name {user_name} already exists.")


def _nothing_is_left(iam: IAMBackend, user_name: str) -> None:
    user = iam.get_user(user_name)
    for left in _left(iam, user):
        raise exceptions.DeleteConflictException(f"Cannot delete entity, must {left} first.")


def _left(iam: IAMBackend, user: User) -> Iterator[str]:
    checks = {
        "delete login profile": user.password,
        "delete access keys": user.access_keys,
        "delete MFA device": user.mfa_devices,
        "delete signing certificates": user.signing_certificates,
        "delete SSH public keys": user.ssh_public_keys,
        "delete service specific credentials": vars(user).get("credentials"),
        "remove users from group": [group for group in iam.groups.values() if user in group.users],
        "delete policies": user.policies,
        "detach all policies": user.managed_policies,
    }
    yield from (left for left, found in checks.items() if found)


def _device_is_not_assigned(iam: IAMBackend, serial_number: str) -> None:
    if any(serial_number in user.mfa_devices for user in iam.users.values()):
        raise exceptions.DeleteConflictException("MFA VirtualDevice in use. Must deactivate first.")


def _quota_of_policies(iam: IAMBackend, policy_arn: str, user_name: str) -> None:
    attached = set(iam.get_user(user_name).managed_policies) | {policy_arn}
    if len(attached) > ATTACHED_POLICIES:
        raise exceptions.LimitExceededException(f"Cannot exceed quota for PoliciesPerUser: {ATTACHED_POLICIES}")


def _group_is_unique_without_regard_to_case(iam: IAMBackend, group_name: str, *_: Any, **__: Any) -> None:
    if group_name.lower() in {name.lower() for name in iam.groups}:
        raise exceptions.EntityAlreadyExists(f"Group with name {group_name} already exists.")


def _quota_of_groups(iam: IAMBackend, group_name: str, user_name: str) -> None:
    names = {group.name for group in iam.get_groups_for_user(user_name)} | {group_name}
    if len(names) > GROUPS:
        raise exceptions.LimitExceededException(f"Cannot exceed quota for GroupsPerUser: {GROUPS}")


def _quota_of_inline_policies(iam: IAMBackend, user_name: str, policy_name: str, policy_json: str) -> None:
    documents = {**iam.get_user(user_name).policies, policy_name: policy_json}
    if sum(len(re.sub(r"\s", "", document)) for document in documents.values()) > INLINE_POLICIES:
        raise exceptions.LimitExceededException(f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for user")


def _password_fits(iam: IAMBackend, user_name: str, password: str, *_: Any) -> None:
    """The account's password policy, or AWS's own: eight characters and three of the four kinds."""
    there = {kind for kind, pattern in PASSWORD_KINDS.items() if re.search(pattern, password)}
    if policy := iam.account_password_policy:
        demanded = {kind for kind in PASSWORD_KINDS if getattr(policy, f"require_{kind}")}
        fits = len(password) >= policy.minimum_password_length and demanded <= there
    else:
        fits = len(password) >= 8 and len(there) >= 3
    if not fits or len(password) > 128:
        raise PasswordPolicyViolation("Password does not conform to the account password policy.")


def _with_reset_flag(original: Callable[[IamResponse], ActionResult]) -> Callable[[IamResponse], ActionResult]:
    """moto keeps the flag on UpdateLoginProfile only."""

    def create_login_profile(self: IamResponse) -> ActionResult:
        result = original(self)
        flag = self._get_param("PasswordResetRequired", False)
        self.backend.users[self._get_param("UserName")].password_reset_required = flag
        return result

    return create_login_profile


def _create_credential(self: IamResponse) -> ActionResult:
    user = self.backend.get_user(self._get_param("UserName"))
    credential = {
        "ServiceSpecificCredentialId": f"ACCA{len(user.name):016d}",
        "ServiceName": self._get_param("ServiceName"),
        "UserName": user.name,
        "Status": "Active",
        "CreateDate": datetime.now(UTC),
    }
    vars(user)["credentials"] = [*vars(user).get("credentials", []), credential]
    return ActionResult({"ServiceSpecificCredential": credential})


def _list_credentials(self: IamResponse) -> ActionResult:
    user = self.backend.get_user(self._get_param("UserName"))
    return ActionResult({"ServiceSpecificCredentials": vars(user).get("credentials", [])})


def _delete_credential(self: IamResponse) -> ActionResult:
    user = self.backend.get_user(self._get_param("UserName"))
    gone = self._get_param("ServiceSpecificCredentialId")
    vars(user)["credentials"] = [one for one in vars(user)["credentials"] if one["ServiceSpecificCredentialId"] != gone]
    return EmptyResult()


def _name_is_not_scheduled_for_deletion(secrets: SecretsManagerBackend, name: str, **_: Any) -> None:
    if name in secrets.secrets and secrets.secrets[name].is_deleted():
        message = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise InvalidRequestException(message)


def _transaction_takes_effect_once(
    original: Callable[[DynamoHandler], ActionResult],
) -> Callable[[DynamoHandler], ActionResult]:
    """The SDK gives every transaction a token: sent again, it is answered as before."""

    def transact_write_items(self: DynamoHandler) -> ActionResult:
        done = vars(self.dynamodb_backend).setdefault("transactions", {})
        token = self.body["ClientRequestToken"]
        if token not in done:
            done[token] = original(self)
        answer: ActionResult = done[token]
        return answer

    return transact_write_items
