"""ListAccounts: which other accounts the sweep looks into."""

from dataclasses import dataclass
from typing import Any

from gatehouse import settings
from gatehouse.clients import client
from gatehouse.compliance import members
from gatehouse.handling import handler


@dataclass(frozen=True)
class Settings:
    account_id: str
    member_accounts: str


@handler
def list_accounts(_: dict[str, Any]) -> dict[str, list[str]]:
    """Out: their ids. This account is not among them: it has a sweep of its own, which also acts."""
    config = settings.load(Settings)
    if config.member_accounts == members.ORGANIZATION:
        found = members.of_organization(client("organizations"))
    else:
        found = members.named(config.member_accounts)
    return {"account_ids": [account_id for account_id in found if account_id != config.account_id]}
