"""A password that the account's policy accepts, and the login profile that it opens."""

from functools import lru_cache
from typing import Any

from gatehouse import times

LENGTH = 24
"""Characters of a generated password, unless the account's policy demands more."""

_IAM_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_EMITTED_SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
REFUSED_SYMBOLS = "".join(symbol for symbol in _EMITTED_SYMBOLS if symbol not in _IAM_SYMBOLS)
"""What GetRandomPassword emits and IAM does not count as a symbol.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""


def generate(iam: Any, secretsmanager: Any) -> str:
    """A random password that fits the account's password policy and IAM's symbols."""
    return str(
        secretsmanager.get_random_password(
            PasswordLength=max(LENGTH, shortest_allowed(iam, times.this_minute())),
            ExcludeCharacters=REFUSED_SYMBOLS,
            RequireEachIncludedType=True,
        )["RandomPassword"]
    )


@lru_cache(maxsize=1)
def shortest_allowed(iam: Any, _minute: str) -> int:
    """What the account's policy demands, looked up once a minute, see `iam_users.account_alias`.

    A password that a policy of some seconds ago allowed is refused by IAM, and the onboarding ends undone.
    """
    try:
        policy = iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return 0
    return int(policy.get("MinimumPasswordLength", 0))


def ensure_login_profile(iam: Any, user_name: str, password: str, *, reset_required: bool) -> None:
    """The user signs in with exactly this password, whatever an earlier try left behind."""
    wanted = {"UserName": user_name, "Password": password, "PasswordResetRequired": reset_required}
    try:
        iam.create_login_profile(**wanted)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_login_profile(**wanted)


def ensure_replaced(iam: Any, user_name: str, password: str) -> None:
    """Whatever opens the login profile opens it no more; where there is none, none is made."""
    try:
        iam.update_login_profile(UserName=user_name, Password=password, PasswordResetRequired=True)
    except iam.exceptions.NoSuchEntityException:
        return


def ensure_no_login_profile(iam: Any, user_name: str) -> None:
    try:
        iam.delete_login_profile(UserName=user_name)
    except iam.exceptions.NoSuchEntityException:
        return
