"""Passwords obey the account's policy."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def iam(aws: Any) -> Iterator[Any]:
    """IAM without an account password policy, before and after."""
    client = aws.client("iam")
    yield client
    try:
        client.delete_account_password_policy()
    except client.exceptions.NoSuchEntityException:
        return


@pytest.mark.parametrize("password", ["Short1!", "onlysmallletters", "weak.User"])
def test_without_a_policy_the_default_one_holds(iam: Any, password: str) -> None:
    iam.create_user(UserName="weak.User" if password == "weak.User" else f"weak-{password[:5]}")
    with pytest.raises(iam.exceptions.PasswordPolicyViolationException):
        iam.create_login_profile(
            UserName="weak.User" if password == "weak.User" else f"weak-{password[:5]}", Password=password
        )


def test_the_accounts_own_policy_holds_for_new_and_changed_passwords(iam: Any) -> None:
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    iam.create_user(UserName="strict")
    with pytest.raises(iam.exceptions.PasswordPolicyViolationException):
        iam.create_login_profile(UserName="strict", Password="LongEnoughButNoSymbol1")
    iam.create_login_profile(UserName="strict", Password="long-enough-with-symbol")
    with pytest.raises(iam.exceptions.PasswordPolicyViolationException):
        iam.update_login_profile(UserName="strict", Password="short-1!")


def test_a_new_policy_replaces_the_old_one_whole(iam: Any) -> None:
    iam.update_account_password_policy(MinimumPasswordLength=20, RequireNumbers=True)
    iam.update_account_password_policy(RequireSymbols=True)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["RequireNumbers"], policy["RequireSymbols"]) == (
        6,
        False,
        True,
    )


def test_a_user_changes_the_own_password_with_the_old_one(aws: Any, iam: Any) -> None:
    caller = aws.user("changer", {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"})
    iam.create_login_profile(UserName="changer", Password="First-Password-1", PasswordResetRequired=True)
    own = aws.client("iam", **caller)
    with pytest.raises(ClientError, match="AccessDenied"):
        own.change_password(OldPassword="Wrong-Password-1", NewPassword="Second-Password-1")
    own.change_password(OldPassword="First-Password-1", NewPassword="Second-Password-1")
    assert not iam.get_login_profile(UserName="changer")["LoginProfile"]["PasswordResetRequired"]
