"""Condition keys and policy variables that the emulator lacks or fills otherwise than AWS."""

import re
import time
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, sts, tagging

_VARIABLE = re.compile(r"\$\{([^}]+)\}")

# Set while a request that carries a serial and a code of the caller's own device is served.
_proved_mfa: ContextVar[bool] = ContextVar("gatehouse_proved_mfa", default=False)

# The calls for which the service authorization reference lists iam:PermissionsBoundary.
_BOUNDARY_ACTIONS = frozenset(
    {
        f"iam:{verb}{kind}{what}"
        for kind in ("User", "Role")
        for verb, what in (
            ("Create", ""), ("Attach", "Policy"), ("Detach", "Policy"), ("Put", "Policy"), ("Delete", "Policy"),
            ("Put", "PermissionsBoundary"), ("Delete", "PermissionsBoundary"),
        )
    }
)  # fmt: skip


def request_keys() -> None:
    """iam:PolicyARN, iam:PermissionsBoundary: what a call attaches, and the boundary that it sets or meets."""
    original = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        found: dict[str, Any] = dict(original(service, action, body, params))
        if service != "iam":
            return found
        if re.fullmatch(r"iam:(Attach|Detach)(User|Role|Group)Policy", action):
            found["iam:PolicyARN"] = _param(params, "PolicyArn") or None
        if action in _BOUNDARY_ACTIONS:
            found["iam:PermissionsBoundary"] = _param(params, "PermissionsBoundary") or _boundary_in_place(params)
        return found

    iam_actions.request_tag_context = context


def _boundary_in_place(params: Any) -> str | None:
    user = iam._users.get(_param(params, "UserName")) or {}
    role = iam._roles.get(_param(params, "RoleName")) or {}
    return user.get("PermissionsBoundary") or role.get("PermissionsBoundary") or None


def _param(params: Any, name: str) -> str:
    value = params.get(name, "")
    return str(value[0]) if isinstance(value, list) and value else str(value or "")


def mfa_present() -> None:
    """aws:MultiFactorAuthPresent is true for what GetSessionToken gave out for a code, and in an AssumeRole
    request with a code; never with the credentials that AssumeRole gives out.

    The emulator has "false" for every session. A code counts when the device is the caller's own: the emulator
    does not know which code is right.
    """
    original_context = iam_actions.request_tag_context
    original_keys = iam_evaluator._principal_keys
    original_register = sts.register_session

    def context(service: str, action: str, body: bytes, params: Any) -> Any:
        device = iam._mfa_devices.get(_param(params, "SerialNumber")) if service == "sts" else None
        own = bool(device and device.get("User") and iam_evaluator.caller_arn().endswith(f"/{device['User']}"))
        _proved_mfa.set(own and bool(_param(params, "TokenCode")))
        return original_context(service, action, body, params)

    def register(access_key: str, session: dict[str, Any]) -> None:
        session["ProvedMfa"] = _proved_mfa.get() and session.get("PrincipalType") == "User"
        original_register(access_key, session)

    def keys(credential: Any) -> dict[str, Any]:
        found: dict[str, Any] = original_keys(credential)
        session = sts._sessions.get(credential.access_key_id) or {}
        if session.get("ProvedMfa") or (_proved_mfa.get() and credential.principal_type == "User"):
            found["aws:multifactorauthpresent"] = "true"
            found["aws:multifactorauthage"] = str(int(time.time() - session.get("IssuedAt", time.time())))
        return found

    iam_actions.request_tag_context = context
    iam_evaluator._principal_keys = keys
    # sts.py took its own reference when it was imported.
    sts._principal_keys = keys
    sts.register_session = register


def role_arn_of_a_session() -> None:
    """aws:PrincipalArn of an assumed role is the role's ARN; the emulator has the session's."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        if key.lower() == "aws:principalarn" and context.principal_type == "AssumedRole":
            role = iam._roles.get_scoped(
                context.principal_account,
                None,
                iam_evaluator._role_name_from_assumed_arn(context.principal_arn),
            )
            return (role or {}).get("Arn") or context.principal_arn
        return original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def sent_encrypted() -> None:
    """aws:SecureTransport is true of every call: this machine's stack has no TLS, AWS has nothing else."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def resource_tags() -> None:
    """iam:ResourceTag/x, and aws:ResourceTag/x where only a permissions boundary asks for it."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        value = original(key, context)
        prefix, _, name = key.lower().partition("/")
        if value is None and prefix in ("iam:resourcetag", "aws:resourcetag"):
            tags = tagging.resource_tags(context.resource_arn) or {}
            return next((tag for key, tag in tags.items() if key.lower() == name), None)
        return value

    iam_evaluator._resolve_condition_key = resolve


def policy_variables() -> None:
    """${aws:username} and the like in Resource, NotResource and Condition stand for the caller's value.

    The emulator takes them literally. A variable without a value matches nothing, unless it has a default:
    ${aws:username, 'nobody'}.
    """
    original_match, original_met = iam_evaluator._first_match, iam_evaluator._conditions_met

    def first_match(context: Any, statements: list[Any], effect: str) -> Any:
        return original_match(context, [_filled(statement, context) for statement in statements], effect)

    def conditions_met(conditions: Any, context: Any) -> Any:
        return original_met(_filled_values(conditions, context), context)

    iam_evaluator._first_match = first_match
    iam_evaluator._conditions_met = conditions_met


def _filled(statement: Any, context: Any) -> Any:
    if not any("${" in arn for arn in (*statement.resources, *statement.not_resources)):
        return statement
    return replace(
        statement,
        resources=[_filled_text(arn, context) for arn in statement.resources],
        not_resources=[_filled_text(arn, context) for arn in statement.not_resources],
    )


def _filled_values(value: Any, context: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled_values(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_values(item, context) for item in value]
    return _filled_text(value, context) if isinstance(value, str) and "${" in value else value


def _filled_text(text: str, context: Any) -> str:
    def value(match: re.Match[str]) -> str:
        name, _, default = (part.strip() for part in match[1].partition(","))
        found = iam_evaluator._resolve_condition_key(name, context)
        return str(found) if found is not None else default.strip("'") or match[0]

    return _VARIABLE.sub(value, text)


MENDS = [request_keys, mfa_present, role_arn_of_a_session, sent_encrypted, resource_tags, policy_variables]
