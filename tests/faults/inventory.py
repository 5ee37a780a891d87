"""What is in the account, read from moto itself: no call of the functions, so no fault, comes between."""

import json
from collections.abc import Iterator
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from gatehouse.clients import from_dynamodb
from tests.unit.account import ACCOUNT, APPLICATION, ENROLLING, MEMBER, MEMBER_ONE_REGION, REGION, STACK
from tests.wiring.template import of_type

HARMLESS_BEFORE_MFA = {"GatehouseEnd"}
"""The inline policy that only denies."""


def rows() -> dict[str, dict[str, Any]]:
    """The table's items in plain values, by key."""
    table = dynamodb_backends[ACCOUNT][REGION].tables[STACK]
    found = (item.to_json()["Attributes"] for item in table.all_items())
    plain = ({name: from_dynamodb(value) for name, value in item.items()} for item in found)
    return {item["pk"]: item for item in plain}


def revealed_and_kept() -> str | None:
    """When the follow-up first looks for a secret that was revealed and could not be deleted; None if there is none."""
    found = [row for key, row in rows().items() if key.startswith("claim#") and row["state"] == "used"]
    return max((row["created_at"] for row in found if "entity" in row), default=None)


def users() -> list[Any]:
    """moto's users of our paths."""
    return [user for user in _iam().users.values() if user.path.startswith("/gatehouse/")]


def user(name: str) -> dict[str, Any] | None:
    """A user and all that hangs on it, without what differs from run to run."""
    found = _iam().users.get(name)
    if found is None:
        return None
    return {
        "path": found.path,
        "boundary": _boundary(found),
        "tags": {key: "a time" if key == "gatehouse:expires-at" else value for key, value in _tags(name).items()},
        "groups": _groups(found),
        "managed_policies": sorted(found.managed_policies),
        "inline_policies": sorted(found.policies),
        "login_profile": bool(found.password),
        "access_keys": len(found.access_keys),
        "described_keys": sum(1 for tag in _iam().list_user_tags(name) if _describes_a_key(tag["Key"])),
        "devices": len(found.mfa_devices),
    }


def account(names: frozenset[str]) -> dict[str, Any]:
    """All that onboardings of users of these names may leave behind."""
    items = rows()
    return {
        "users": {name: found for name in sorted(names) if (found := user(name))},
        "unassigned_devices": sorted(
            device.serial_number for device in _iam().virtual_mfa_devices.values() if not device.user
        ),
        "secrets": sorted(name for name, secret in _secrets().items() if not secret.is_deleted()),
        "locks": sorted(key for key in items if key.startswith("user#")),
        "open_claims": sorted(
            item["kind"] for key, item in items.items() if key.startswith("claim#") and item["state"] == "open"
        ),
    }


def unguarded() -> Iterator[str]:
    """What must hold after every call, of every user of ours; says in words what does not."""
    for found in users():
        boundary, devices, name = _boundary(found), bool(found.mfa_devices), found.name
        if boundary not in guarding():
            yield f"{name} has the boundary {boundary}, which does not hold the guard"
        if boundary == APPLICATION:
            if found.password:
                yield f"{name}, an application, has a login profile"
            continue
        if devices or _had_a_device(found):
            # The member boundary holds the guard as well: without a device it opens nothing, not even enrolling.
            continue
        if boundary != ENROLLING:
            yield f"{name} has the boundary {boundary} before a device"
        if found.access_keys:
            yield f"{name} has an access key before a device"


def privileged_before_mfa(name: str) -> Iterator[str]:
    """Of a user whose grants are privileged: what it has of them before it ever had a device."""
    found = _iam().users.get(name)
    if found is None or found.mfa_devices or _had_a_device(found):
        return
    attached = {*found.managed_policies, *(set(found.policies) - HARMLESS_BEFORE_MFA)}
    attached |= {group for group in _groups(found) if group != "gatehouse-users"}
    yield from (f"{name} has {one} before MFA" for one in sorted(attached))


def password(name: str) -> str | None:
    found = _iam().users.get(name)
    return found.password if found else None


def guarding() -> frozenset[str]:
    """The boundaries that hold the guard, as the template has them: the application's is another."""
    return _GUARDING


def _holds_the_guard(document: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and "NotAction" in statement
        and statement.get("Condition") == {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
        for statement in document["Statement"]
    )


def _named_in_template() -> frozenset[str]:
    logical = {
        "BoundaryEnrolling": ENROLLING,
        "BoundaryMember": MEMBER,
        "BoundaryMemberOneRegion": MEMBER_ONE_REGION,
    }
    policies = of_type("AWS::IAM::ManagedPolicy")
    held = {arn for name, arn in logical.items() if _holds_the_guard(policies[name]["Properties"]["PolicyDocument"])}
    return frozenset({*held, APPLICATION})


_GUARDING = _named_in_template()


def mark_devices() -> None:
    """Remember who has ever had a device: during a roll-back it goes before what it opened."""
    for found in users():
        if found.mfa_devices:
            vars(found)["had_a_device"] = True


def _had_a_device(found: Any) -> bool:
    return bool(vars(found).get("had_a_device"))


def _boundary(found: Any) -> str | None:
    return (found.permissions_boundary or {}).get("PermissionsBoundaryArn")


def _groups(found: Any) -> list[str]:
    return sorted(group.name for group in _iam().groups.values() if found in group.users)


def _tags(name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in _iam().list_user_tags(name) if not _describes_a_key(tag["Key"])}


def _describes_a_key(tag: str) -> bool:
    return tag.startswith("AKIA")


def _iam() -> Any:
    return iam_backends[ACCOUNT]["aws"]


def _secrets() -> Any:
    return secretsmanager_backends[ACCOUNT][REGION].secrets


def as_text(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1, sort_keys=True, default=str)


def difference(expected: Any, found: Any, where: str = "") -> str:
    """Where two inventories differ, in words."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = sorted({*expected, *found})
        parts = [difference(expected.get(one), found.get(one), f"{where}.{one}".lstrip(".")) for one in names]
        return "; ".join(filter(None, parts))
    return "" if expected == found else f"{where} is {found}, not {expected}"
