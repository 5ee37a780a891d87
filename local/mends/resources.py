"""Which resource a call is about, where the emulator's answer is too coarse for a scoped statement to match."""

import json
import re
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam

# Calls that mean the caller's own user when they name none ("IAM determines the user name implicitly").
SELF_BY_DEFAULT = frozenset(
    {
        "ChangePassword", "CreateAccessKey", "DeactivateMFADevice", "DeleteAccessKey", "DeleteLoginProfile",
        "DeleteServiceSpecificCredential", "DeleteSigningCertificate", "GetLoginProfile", "GetMFADevice", "GetUser",
        "ListAccessKeys", "ListMFADevices", "ListSSHPublicKeys", "ListServiceSpecificCredentials",
        "ListSigningCertificates", "UpdateAccessKey", "UploadSigningCertificate",
    }
)  # fmt: skip


# Of the mail that the request being served wants sent.
_from_address: ContextVar[str] = ContextVar("gatehouse_from_address", default="")


def caller_user_name() -> str:
    """The IAM user that signed the request being served, or nothing when it was not one."""
    found = re.fullmatch(r"arn:aws:iam::\d+:user/(?:.*/)?([^/]+)", iam_evaluator.caller_arn())
    return found[1] if found else ""


def iam_resources() -> None:
    """IAM's ARNs carry the path, and the service authorization reference says which parameter is the resource.

    The emulator leaves the path out and takes the user where AWS takes the group or the MFA device.
    """
    original = iam_actions.extract_resource_arn

    def extract(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        found: str = original(service, method, path, headers, body, params, region, account)
        if service != "iam":
            return found
        return _iam_resource({name: _first(value) for name, value in params.items()}, account) or found

    iam_actions.extract_resource_arn = extract


def _iam_resource(params: dict[str, str], account: str) -> str | None:
    action = params.get("Action", "")
    prefix = f"arn:aws:iam::{account}:"
    path = params.get("Path") or "/"
    if action == "CreateVirtualMFADevice":
        return f"{prefix}mfa{path}{params.get('VirtualMFADeviceName', '')}"
    if action == "DeleteVirtualMFADevice":
        return params.get("SerialNumber")
    if action == "GetAccessKeyLastUsed":
        return _user_arn(prefix, (iam._access_keys.get(params.get("AccessKeyId")) or {}).get("UserName", ""))
    if action == "CreatePolicy":
        return f"{prefix}policy{path}{params.get('PolicyName', '')}"
    if name := params.get("GroupName"):
        group = iam._groups.get(name) or {}
        return group.get("Arn") or f"{prefix}group{path}{name}"
    if name := params.get("RoleName"):
        role = iam._roles.get(name) or {}
        return role.get("Arn") or f"{prefix}role{path}{name}"
    if action == "CreateUser":
        return f"{prefix}user{path}{params.get('UserName', '')}"
    name = params.get("UserName") or (caller_user_name() if action in SELF_BY_DEFAULT else "")
    return _user_arn(prefix, name)


def _user_arn(prefix: str, name: str) -> str | None:
    if not name:
        return None
    user = iam._users.get(name) or {}
    return user.get("Arn") or f"{prefix}user/{name}"


def _first(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)


def task_tokens() -> None:
    """SendTaskSuccess, -Failure and -Heartbeat are checked against the machine that made the token.

    The emulator checks them against `*`, which no statement scoped to a machine allows.
    """
    from local.mends.machines import machine_of

    original = iam_actions.extract_resource_arn

    def extract(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        found: str = original(service, method, path, headers, body, params, region, account)
        if service == "states" and ".SendTask" in headers.get("x-amz-target", ""):
            return machine_of(_field(body, "taskToken")) or found
        return found

    iam_actions.extract_resource_arn = extract


def senders() -> None:
    """SendEmail and its kin are checked against the sender's identity and know `ses:FromAddress`.

    The emulator checks them against `*` and has no such condition key.
    """
    original_arn, original_key = iam_actions.extract_resource_arn, iam_evaluator._resolve_condition_key

    def extract(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        found: str = original_arn(service, method, path, headers, body, params, region, account)
        _from_address.set(_sender(body, params) if service == "ses" else "")
        if found != "*" or not _from_address.get():
            return found
        return f"arn:aws:ses:{region}:{account}:identity/{_from_address.get()}"

    def resolve(key: str, context: Any) -> Any:
        if key.lower() == "ses:fromaddress":
            return _from_address.get() or None
        return original_key(key, context)

    iam_actions.extract_resource_arn = extract
    iam_evaluator._resolve_condition_key = resolve


def _sender(body: bytes, params: Any) -> str:
    """The From address of an SES call of either version: `Name <address>` counts as the address."""
    given = _field(body, "FromEmailAddress") or _first(params.get("Source", "")) or _form(body, "Source")
    found = re.search(r"<([^>]+)>\s*$", given)
    return (found[1] if found else given).strip()


def _field(body: bytes, name: str) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    return str(value.get(name, "")) if isinstance(value, dict) else ""


def _form(body: bytes, name: str) -> str:
    return _first(parse_qs(body.decode(errors="replace")).get(name, [""]))


MENDS = [iam_resources, task_tokens, senders]
