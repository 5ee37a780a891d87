"""What each person does in an onboarding, with that person's own credentials."""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from local.client import Answer, Person, mails

# The emulator takes any two; on AWS they are what the device shows, one after the other.
CODES = ("123456", "654321")


def record(person: Person, onboarding_id: str) -> dict[str, Any]:
    """The record as the API shows it."""
    answer = person.get(f"/onboardings/{onboarding_id}")
    if answer.status != 200:
        raise LookupError(f"GET /onboardings/{onboarding_id}: {answer.status} {answer.json.get('detail')}")
    found: dict[str, Any] = answer.json
    return found


def decide(approver: Person, onboarding_id: str, decision: str, reason: str) -> Answer:
    body = {"decision": decision, "reason": reason}
    return approver.post(f"/onboardings/{onboarding_id}/decision", body)


def mails_about(stack: Mapping[str, Any], onboarding_id: str, to: str = "") -> list[dict[str, Any]]:
    """The mails of one onboarding, oldest first; those to one address if that is given."""
    return mails(stack, to, onboarding_id)


def stand_in(admin: Person, user_name: str) -> Person:
    """Keys of the user's own, in place of a console session: nobody can sign in to a console here."""
    key = admin.aws("iam").create_access_key(UserName=user_name)["AccessKey"]
    return Person(admin.stack, key["AccessKeyId"], key["SecretAccessKey"])


def new_password() -> str:
    """One that any account's policy accepts, as a user would choose at the first sign-in."""
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#$%^&*()")
    return "".join(secrets.choice(kind) for kind in kinds for _ in range(5))


def enrol(user: Person, user_name: str) -> str:
    """Create a virtual device and enable it with two codes; returns its serial number."""
    iam = user.aws("iam")
    # The name is the user's choice, but it must be free: one a person uses on a phone would not be.
    created = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{user_name}-{secrets.token_hex(3)}")
    serial: str = created["VirtualMFADevice"]["SerialNumber"]
    first, second = CODES
    iam.enable_mfa_device(
        UserName=user_name, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
    )
    return serial


def with_code(user: Person, serial: str) -> Person:
    """The user with a session that a code was typed for (GetSessionToken)."""
    given = user.aws("sts").get_session_token(SerialNumber=serial, TokenCode=CODES[0])["Credentials"]
    return Person(user.stack, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
