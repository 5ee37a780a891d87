"""IAM as it answers of an account that a test has made up, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatehouse import times
from gatehouse.compliance.model import Account, User
from tests.unit.swept import report
from tests.unit.wire import Wire

SOUND_POLICY = {
    "MinimumPasswordLength": 14,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "AllowUsersToChangePassword": True,
    "ExpirePasswords": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 24,
}


def stand_in(wire: Wire, account: Account, devices: Mapping[str, Sequence[str]] | None = None) -> None:
    """Answer every call of a sweep. `devices` are the serial numbers that a look at one user finds."""
    assert account.root
    lines = [account.root, *(user.credentials for user in account.users if user.credentials)]
    content, generated = report(lines).encode(), times.parse(account.reported_at)
    wire.answer("GenerateCredentialReport", {"State": "COMPLETE"})
    wire.answer("GetCredentialReport", {"Content": content, "GeneratedTime": generated})
    wire.answer("GetAccountPasswordPolicy", {"PasswordPolicy": SOUND_POLICY})
    wire.answer("GetAccountAuthorizationDetails", _paged("UserDetailList", [_shown(user) for user in account.users]))
    assigned = [_device(user, number) for user in account.users for number in range(user.virtual_devices)]
    left_over = [{"SerialNumber": serial} for serial in account.unassigned_devices]
    # The root user's has no name.
    root = {"SerialNumber": "arn:aws:iam::123456789012:mfa/root", "User": {"Arn": account.root.arn}}
    wire.answer("ListVirtualMFADevices", _paged("VirtualMFADevices", [root, *assigned, *left_over]))
    wire.answer("ListMFADevices", lambda asked: _enrolled((devices or {}).get(asked["UserName"], ())))


def _paged(name: str, items: list[Any]) -> Any:
    def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
        start, most = int(asked.get("Marker", 0)), asked["MaxItems"]
        end = start + most
        return {name: items[start:end], "IsTruncated": end < len(items), "Marker": str(end)}

    return answer


def _shown(user: User) -> dict[str, Any]:
    boundary = {"PermissionsBoundaryArn": user.boundary, "PermissionsBoundaryType": "Policy"}
    return {
        "UserName": user.user_name,
        "Arn": user.arn,
        "Path": user.path,
        "CreateDate": times.parse(user.created_at),
        "Tags": [{"Key": key, "Value": value} for key, value in user.tags.items()],
        "AttachedManagedPolicies": [{"PolicyArn": arn, "PolicyName": "x"} for arn in user.policies],
        **({"PermissionsBoundary": boundary} if user.boundary else {}),
    }


def _device(user: User, number: int) -> dict[str, Any]:
    serial = f"arn:aws:iam::123456789012:mfa/{user.user_name}-{number}"
    return {"SerialNumber": serial, "User": {"UserName": user.user_name, "Arn": user.arn}}


def _enrolled(serials: Sequence[str]) -> dict[str, Any]:
    now = times.parse("2026-03-02T08:59:00Z")
    return {"MFADevices": [{"SerialNumber": one, "EnableDate": now, "UserName": "x"} for one in serials]}
