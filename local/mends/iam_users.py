"""What IAM does with users and the emulator does not."""

import secrets
from collections.abc import Callable
from typing import Any

from ministack.services import iam

from local.mends.resources import SELF_BY_DEFAULT, caller_user_name

Params = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def own_user() -> None:
    """A call that names no user means the caller's own; the emulator answers GetUser for the root user."""
    for action in SELF_BY_DEFAULT & iam._IAM_HANDLERS.keys():
        iam._IAM_HANDLERS[action] = _for_caller(iam._IAM_HANDLERS[action])


def _for_caller(handler: Callable[[Params], Answer]) -> Callable[[Params], Answer]:
    def handle(params: Params) -> Answer:
        own = caller_user_name()
        return handler({**params, "UserName": [own]} if own and not iam._p(params, "UserName") else params)

    return handle


def names_without_case() -> None:
    """CreateUser refuses a name that differs from another only in case."""
    original = iam._create_user

    def create_user(params: Params) -> Answer:
        name = iam._p(params, "UserName")
        if any(other.lower() == name.lower() for other in iam._users):
            return _error(409, "EntityAlreadyExists", f"User with name {name} already exists.")
        return original(params)

    iam._create_user = iam._IAM_HANDLERS["CreateUser"] = create_user


def delete_conflicts() -> None:
    """DeleteUser refuses while anything hangs on the user; the emulator minds policies and access keys only."""
    original = iam._delete_user

    def delete_user(params: Params) -> Answer:
        name = iam._p(params, "UserName")
        for what, there in _left_on(name).items():
            if there:
                return _error(409, "DeleteConflict", f"Cannot delete entity, must {what} first.")
        return original(params)

    iam._delete_user = iam._IAM_HANDLERS["DeleteUser"] = delete_user


def _left_on(name: str) -> dict[str, bool]:
    """In IAM's words, what has to go before the user can."""
    return {
        "delete login profile": name in iam._login_profiles,
        "remove users from group": any(name in group["Users"] for group in iam._groups.values()),
        "delete policies": bool(iam._user_inline_policies.get(name)),
        "delete MFA device": any(device.get("User") == name for device in iam._mfa_devices.values()),
        **{f"delete {kind}": bool(store.get(name)) for kind, store in _credentials.items()},
    }


# kind → user → id → what the API shows of it
_credentials: dict[str, dict[str, dict[str, dict[str, str]]]] = {
    "signing certificates": {},
    "SSH public keys": {},
    "service-specific credentials": {},
}


def other_credentials() -> None:
    """Signing certificates, SSH keys and service-specific credentials: a teardown has to look for all three.

    The emulator knows none of these calls. Uploaded keys are kept as they come.
    """
    _kind("signing certificates", "Upload", "SigningCertificate", "Certificate", "Certificates")
    _kind("SSH public keys", "Upload", "SSHPublicKey", "SSHPublicKey", "SSHPublicKeys")
    service = "ServiceSpecificCredential"
    _kind("service-specific credentials", "Create", service, service, "ServiceSpecificCredentials")


def _kind(kind: str, verb: str, noun: str, element: str, plural: str) -> None:
    store = _credentials[kind]
    identifier = f"{element}Id"

    def create(params: Params) -> Answer:
        name = iam._p(params, "UserName")
        if name not in iam._users:
            return _error(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
        created = secrets.token_hex(12).upper()
        shown = {"UserName": name, identifier: created, "Status": "Active", **_body(kind, params)}
        store.setdefault(name, {})[created] = shown
        action = verb + noun
        return iam._xml(
            200,
            f"{action}Response",
            f"<{action}Result><{element}>{_elements(shown)}</{element}></{action}Result>",
        )

    def listed(params: Params) -> Answer:
        action = f"List{noun}s"
        members = "".join(
            f"<member>{_elements(shown)}</member>" for shown in store.get(iam._p(params, "UserName"), {}).values()
        )
        inner = f"<{plural}>{members}</{plural}><IsTruncated>false</IsTruncated>"
        return iam._xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")

    def delete(params: Params) -> Answer:
        if store.get(iam._p(params, "UserName"), {}).pop(iam._p(params, identifier), None) is None:
            return _error(404, "NoSuchEntity", "The credential cannot be found.")
        return iam._xml(200, f"Delete{noun}Response", "")

    iam._IAM_HANDLERS[verb + noun] = create
    iam._IAM_HANDLERS[f"List{noun}s"] = listed
    iam._IAM_HANDLERS[f"Delete{noun}"] = delete


def _body(kind: str, params: Params) -> dict[str, str]:
    return {
        "signing certificates": {
            "CertificateBody": iam._p(params, "CertificateBody"),
            "UploadDate": iam._now(),
        },
        "SSH public keys": {
            "SSHPublicKeyBody": iam._p(params, "SSHPublicKeyBody"),
            "Fingerprint": "00",
            "UploadDate": iam._now(),
        },
        "service-specific credentials": {
            "ServiceName": iam._p(params, "ServiceName"),
            "ServiceUserName": f"{iam._p(params, 'UserName')}-at-local",
            "CreateDate": iam._now(),
        },
    }[kind]


def _elements(shown: dict[str, str]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in shown.items())


def boundaries_in_details() -> None:
    """GetAccountAuthorizationDetails shows the boundary of each user; the emulator leaves it out."""
    original = iam._get_account_authorization_details

    def details(params: Params) -> Answer:
        status, headers, body = original(params)
        users, end, rest = body.decode().partition("</UserDetailList>")
        for user in iam._users.values():
            if boundary := user.get("PermissionsBoundary"):
                arn = f"<Arn>{user['Arn']}</Arn>"
                shown = _elements({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary})
                users = users.replace(arn, f"{arn}<PermissionsBoundary>{shown}</PermissionsBoundary>")
        return status, headers, (users + end + rest).encode()

    iam._get_account_authorization_details = iam._IAM_HANDLERS["GetAccountAuthorizationDetails"] = details


def _error(status: int, code: str, message: str) -> Answer:
    return iam._error(status, code, message)


MENDS = [other_credentials, own_user, names_without_case, delete_conflicts, boundaries_in_details]
