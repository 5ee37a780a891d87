"""Undo an onboarding from what is found in the account, in the order in which AWS lets go."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from gatehouse import granting, iam_users, secret_store, times
from gatehouse.errors import UserLives
from gatehouse.model import Onboarding

DISARMED = "reset_mfa"
"""The event that a reset's timeline has from the moment on at which its user may have been changed."""

COMPLETING = "complete_onboarding"
"""The event that a timeline has before the user gets the member boundary."""

CLOCKS = 300
"""Seconds by which AWS's clocks may differ, and a step may be late."""


def undo(iam: Any, secretsmanager: Any, record: Onboarding, remember: Callable[[list[str]], None]) -> list[str]:
    """Remove everything this onboarding made; returns in words what of its user was found and removed.

    A virtual device that the user made and never enabled has no owner: nobody can tell whose it is. So has one
    that was deactivated: `remember` gets the serial numbers before that, and the record has them in a later try.
    Another owner's user of the same name is left alone. The boundary goes with the user, last: removing it first
    could raise privileges. A reset made no user: the one that it has begun to reset stays, and stays disarmed.
    Raises UserLives.
    """
    removed = []
    if record.is_reset:
        if locks(iam, record):
            removed = disarm(iam, record, remember)
    elif user := iam_users.own(iam, record.user_name, record.made_by):
        if lives(iam, user, record):
            raise UserLives(f"user {record.user_name} was completed, and its record does not know of it")
        removed = [*_strip(iam, record.user_name, remember), f"user {record.user_name}"]
        iam.delete_user(UserName=record.user_name)
    removed += _deactivated_before(iam, record)
    for name in _secrets(record):
        secret_store.ensure_deleted(secretsmanager, name)
    return removed


def lives(iam: Any, user: Mapping[str, Any], record: Onboarding) -> bool:
    """Whether the user was completed, of which the record does not know: it came from a backup, or was changed by hand.

    Whoever completes writes into the record first. An application, which has one boundary only, is known by its key.
    """
    if record.is_application and not _was_completing(record):
        return bool(_each(iam, "list_access_keys", "AccessKeyMetadata", record.user_name))
    return _is_member_unknown(user, record)


def _is_member_unknown(user: Mapping[str, Any], record: Onboarding) -> bool:
    grants = record.grants
    members_only = grants.boundary_member != grants.boundary_enrolling
    return members_only and iam_users.boundary_of(user) == grants.boundary_member and not _was_completing(record)


def _was_completing(record: Onboarding) -> bool:
    return any(entry.event == COMPLETING for entry in record.timeline)


def doubt(user: Mapping[str, Any], record: Onboarding) -> str | None:
    """Why a user who names an onboarding that ended may not be its residue all the same; None if it is."""
    if _is_member_unknown(user, record):
        return "was enrolled, of which the record does not know"
    made_at = times.text(user["CreateDate"])
    earliest, latest = times.after(record.created_at, -CLOCKS), times.after(record.updated_at, CLOCKS)
    return None if earliest <= made_at <= latest else f"was made at another time, {made_at}"


def left(iam: Any, secretsmanager: Any, record: Onboarding) -> list[str]:
    """What an onboarding made, and what of the user opens anything, as far as it is still there; in words."""
    found = []
    if not record.is_reset and iam_users.own(iam, record.user_name, record.made_by):
        found.append(f"user {record.user_name}")
        if _has_login_profile(iam, record.user_name):
            found.append("login profile")
        found += [f"{kind} {one}" for kind, one, _ in _credentials_of(iam, record.user_name, _CREDENTIALS)]
        found += [f"MFA device {device['serial_number']}" for device in iam_users.devices(iam, record.user_name)]
    return found + [f"secret {name}" for name in _secrets(record) if secret_store.exists(secretsmanager, name)]


def locks(iam: Any, record: Onboarding) -> bool:
    """Whether this is a reset that may have changed its user, who is still there."""
    begun = any(entry.event == DISARMED for entry in record.timeline)
    return begun and iam_users.own(iam, record.user_name, record.made_by) is not None


def disarm(iam: Any, record: Onboarding, remember: Callable[[list[str]], None]) -> list[str]:
    """Leave a member only what it was granted, and nothing to prove itself with; returns in words what was removed.

    The boundary of those who enrol comes first: it holds whatever is attached. Password, keys and sessions end like
    the devices, for who has a device may have one of them too, and could enrol a device in the user's place.
    """
    user_name = record.user_name
    iam_users.ensure_boundary(iam, user_name, record.grants.boundary_enrolling)
    removed = [*_login_profile(iam, user_name), *_credentials(iam, user_name, _CREDENTIALS[:1])]
    granting.ensure_end(iam, user_name, record.request["expires_at"], sessions_since=times.now())
    return [*removed, *_devices(iam, user_name, remember), *_deactivated_before(iam, record)]


def _strip(iam: Any, user_name: str, remember: Callable[[list[str]], None]) -> Iterator[str]:
    """Everything DeleteUser wants gone first, in AWS's documented order."""
    yield from _login_profile(iam, user_name)
    yield from _credentials(iam, user_name, _CREDENTIALS)
    yield from _devices(iam, user_name, remember)
    for name in _each(iam, "list_user_policies", "PolicyNames", user_name):
        iam.delete_user_policy(UserName=user_name, PolicyName=name)
        yield f"inline policy {name}"
    for policy in _each(iam, "list_attached_user_policies", "AttachedPolicies", user_name):
        iam.detach_user_policy(UserName=user_name, PolicyArn=policy["PolicyArn"])
        yield f"policy {policy['PolicyName']}"
    for group in _each(iam, "list_groups_for_user", "Groups", user_name):
        iam.remove_user_from_group(UserName=user_name, GroupName=group["GroupName"])
        yield f"membership of {group['GroupName']}"


def _credentials(iam: Any, user_name: str, kinds: Iterable[tuple[str, str, str, str, str]]) -> Iterator[str]:
    for kind, identifier, delete in _credentials_of(iam, user_name, kinds):
        delete()
        yield f"{kind} {identifier}"


def _credentials_of(
    iam: Any, user_name: str, kinds: Iterable[tuple[str, str, str, str, str]]
) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Each with what deletes it."""
    for kind, operation, result, delete, argument in kinds:
        for found in _each(iam, operation, result, user_name):
            arguments = {"UserName": user_name, argument: found[argument]}
            yield kind, found[argument], partial(getattr(iam, delete), **arguments)


def _secrets(record: Onboarding) -> Iterator[str]:
    """The names of all secrets that the onboarding may have made."""
    for what in ("password", "access_key"):
        for generation in range(1, record.generation + 1):
            yield secret_store.name(record.onboarding_id, what, generation)


def _devices(iam: Any, user_name: str, remember: Callable[[list[str]], None]) -> Iterator[str]:
    found = list(iam_users.devices(iam, user_name))
    if virtual := [device["serial_number"] for device in found if device["kind"] == "virtual"]:
        remember(virtual)
    for device in found:
        serial = device["serial_number"]
        iam.deactivate_mfa_device(UserName=user_name, SerialNumber=serial)
        if serial in virtual:
            iam.delete_virtual_mfa_device(SerialNumber=serial)
        yield f"MFA device {serial}"


def _deactivated_before(iam: Any, record: Onboarding) -> Iterator[str]:
    """What an earlier try deactivated and could not delete. One in use again is somebody else's of the same name."""
    for serial in record.virtual_devices:
        if iam_users.ensure_no_device(iam, serial):
            yield f"MFA device {serial}"


def _login_profile(iam: Any, user_name: str) -> Iterator[str]:
    if _gone(iam, lambda: iam.delete_login_profile(UserName=user_name)):
        return
    yield "login profile"


def _has_login_profile(iam: Any, user_name: str) -> bool:
    return not _gone(iam, lambda: iam.get_login_profile(UserName=user_name))


def _gone(iam: Any, call: Callable[[], Any]) -> bool:
    try:
        call()
    except iam.exceptions.NoSuchEntityException:
        return True
    return False


def _each(iam: Any, operation: str, result: str, user_name: str) -> list[Any]:
    """All items before the first is deleted, or the pages would shift under the loop."""
    if not iam.can_paginate(operation):
        return list(getattr(iam, operation)(UserName=user_name)[result])
    return [item for page in iam.get_paginator(operation).paginate(UserName=user_name) for item in page[result]]


_CREDENTIALS = (
    ("access key", "list_access_keys", "AccessKeyMetadata", "delete_access_key", "AccessKeyId"),
    (
        "signing certificate",
        "list_signing_certificates",
        "Certificates",
        "delete_signing_certificate",
        "CertificateId",
    ),
    ("SSH key", "list_ssh_public_keys", "SSHPublicKeys", "delete_ssh_public_key", "SSHPublicKeyId"),
    (
        "service credential",
        "list_service_specific_credentials",
        "ServiceSpecificCredentials",
        "delete_service_specific_credential",
        "ServiceSpecificCredentialId",
    ),
)
