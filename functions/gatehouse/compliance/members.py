"""Other accounts that are swept: which they are, where their sweeps lie, and how they are looked into."""

import re
from collections.abc import Mapping
from typing import Any

ORGANIZATION = "organization"
"""What the parameter `MemberAccounts` says instead of account ids."""

FOLDER = "accounts/"

SECONDS = 900
"""How long a session lasts in another account: STS's least, and longer than a function runs."""

_ID = re.compile(r"\d{12}", re.ASCII)


def is_account_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def named(parameter: str) -> list[str]:
    """The account ids of a list separated by commas, each once."""
    return list(dict.fromkeys(filter(None, map(str.strip, parameter.split(",")))))


def of_organization(organizations: Any) -> list[str]:
    """The ids of the organization's accounts that are open.

    Only the management account, or a delegated administrator, is told. AWS retires `Status` for `State`.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    pages = organizations.get_paginator("list_accounts").paginate()
    accounts = [account for page in pages for account in page["Accounts"]]
    return [account["Id"] for account in accounts if account.get("State", account.get("Status")) == "ACTIVE"]


def folder(account_id: str) -> str:
    """Where an account's sweeps lie in the bucket, as this account's do at the top."""
    return f"{FOLDER}{account_id}/"


def session(sts: Any, role_arn: str, sweep_id: str, external_id: str) -> Mapping[str, Any]:
    """Credentials of a role in another account; its CloudTrail names the sweep. Raises AccessDenied's code."""
    name = f"gatehouse-{sweep_id}"[:64]
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, ExternalId=external_id, DurationSeconds=SECONDS)
    return dict(answer["Credentials"])
