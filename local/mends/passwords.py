"""Passwords: the account's policy, and a user changing the own one."""

import string
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import iam

from local.mends.iam_users import Answer, Params, _error
from local.mends.resources import caller_user_name

# "Non-alphanumeric characters" as the account password policy page lists them.
SYMBOLS = "!@#$%^&*()_+-=[]{}|'"


def password_policy() -> None:
    """CreateLoginProfile and UpdateLoginProfile refuse a password that the account's policy does not allow.

    The emulator takes any. Without a policy AWS asks for 8 characters of three kinds, other than the user's name.
    """
    for action, original in (
        ("CreateLoginProfile", iam._create_login_profile),
        ("UpdateLoginProfile", iam._update_login_profile),
    ):
        iam._IAM_HANDLERS[action] = _checked(original)


def _checked(handler: Callable[[Params], Answer]) -> Callable[[Params], Answer]:
    def handle(params: Params) -> Answer:
        name, password = iam._p(params, "UserName"), iam._p(params, "Password")
        if password and (faults := list(_faults(password, name))):
            return _error(400, "PasswordPolicyViolation", f"Password should have {', '.join(faults)}")
        answer = handler(params)
        if password and answer[0] == 200:
            iam._login_profiles[name]["Password"] = password
        return answer

    return handle


def _faults(password: str, user_name: str) -> Iterator[str]:
    policy: dict[str, Any] | None = iam._account_password_policy.get("policy")
    kinds = {
        "an uppercase letter": string.ascii_uppercase,
        "a lowercase letter": string.ascii_lowercase,
        "a number": string.digits,
        "a symbol": SYMBOLS,
    }
    lacking = [kind for kind, letters in kinds.items() if not set(password) & set(letters)]
    if policy is None:
        if len(password) < 8:
            yield "a minimum length of 8"
        if len(lacking) > 1:
            yield "three of: uppercase, lowercase, numbers, symbols"
        if password.lower() == user_name.lower():
            yield "no likeness to the user name"
        return
    if len(password) < int(policy.get("MinimumPasswordLength", 6)):
        yield f"a minimum length of {policy.get('MinimumPasswordLength', 6)}"
    wanted = {
        "an uppercase letter": "RequireUppercaseCharacters",
        "a lowercase letter": "RequireLowercaseCharacters",
        "a number": "RequireNumbers",
        "a symbol": "RequireSymbols",
    }
    yield from (kind for kind in lacking if policy.get(wanted[kind]))


def change_password() -> None:
    """ChangePassword, which the emulator lacks: checks the old password and the policy, and ends a forced reset."""

    def change(params: Params) -> Answer:
        name = caller_user_name()
        profile = iam._login_profiles.get(name)
        if profile is None:
            return _error(404, "NoSuchEntity", f"Login Profile for User {name} cannot be found.")
        if iam._p(params, "OldPassword") != profile.get("Password"):
            return _error(403, "AccessDenied", "The old password was incorrect.")
        if faults := list(_faults(iam._p(params, "NewPassword"), name)):
            return _error(400, "PasswordPolicyViolation", f"Password should have {', '.join(faults)}")
        profile |= {"Password": iam._p(params, "NewPassword"), "PasswordResetRequired": False}
        return iam._xml(200, "ChangePasswordResponse", "")

    iam._IAM_HANDLERS["ChangePassword"] = change


def policy_is_replaced() -> None:
    """UpdateAccountPasswordPolicy replaces the whole policy; what is not given takes its default.

    The emulator keeps what was there.
    """
    original = iam._update_account_password_policy

    def update(params: Params) -> Answer:
        iam._account_password_policy["policy"] = {"MinimumPasswordLength": 6}
        return original(params)

    iam._IAM_HANDLERS["UpdateAccountPasswordPolicy"] = update


MENDS = [password_policy, change_password, policy_is_replaced]
