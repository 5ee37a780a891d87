"""ListAccounts names the accounts that the sweep looks into, and not this one."""

from typing import Any

import pytest

from gatehouse.errors import AccessDenied
from tests.unit.account import ACCOUNT, Account

STEP = "list_accounts"


def of_an_organization(aws: Account, *accounts: dict[str, Any], page: int = 2) -> None:
    aws.values |= {"MemberAccounts": "organization"}

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("NextToken", 0))
        more = {"NextToken": str(start + page)} if start + page < len(accounts) else {}
        return {"Accounts": list(accounts[start : start + page])} | more

    aws.wire.answer("ListAccounts", answer)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("", []),
        ("111111111111", ["111111111111"]),
        ("222222222222, 111111111111,222222222222", ["222222222222", "111111111111"]),
        (f"111111111111,{ACCOUNT}", ["111111111111"]),
    ],
)
def test_a_list_is_taken_as_it_stands_each_account_once_and_not_this_one(
    aws: Account, parameter: str, expected: list[str]
) -> None:
    aws.values |= {"MemberAccounts": parameter}
    assert aws.step(STEP) == {"account_ids": expected}
    assert aws.wire.names() == []


def test_an_organization_is_listed_to_its_last_page_but_for_what_is_closed(aws: Account) -> None:
    """AWS retires `Status`: an answer may have either."""
    of_an_organization(
        aws,
        {"Id": "111111111111", "State": "ACTIVE", "Status": "ACTIVE"},
        {"Id": "222222222222", "State": "SUSPENDED"},
        {"Id": ACCOUNT, "State": "ACTIVE"},
        {"Id": "333333333333", "Status": "ACTIVE"},
        {"Id": "444444444444", "State": "PENDING_CLOSURE", "Status": "ACTIVE"},
    )
    assert aws.step(STEP) == {"account_ids": ["111111111111", "333333333333"]}
    assert len(aws.wire.made("ListAccounts")) == 3


def test_who_may_not_list_the_organization_is_told_so(aws: Account) -> None:
    of_an_organization(aws)
    aws.wire.refuse("ListAccounts", "AccessDeniedException", message="not the management account")
    with pytest.raises(AccessDenied, match=r"ListAccounts.*not the management account"):
        aws.step(STEP)
