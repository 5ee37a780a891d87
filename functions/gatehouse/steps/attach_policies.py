"""AttachPolicies: what the profile grants before MFA; privileged grants wait for CompleteOnboarding."""

from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, records, settings
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.model import Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def attach_policies(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Raises Cancelled, RecordClosed, NotYetConsistent."""
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    record = records.advance(table, event["onboarding_id"], "attach_policies", within={Status.PROVISIONING})
    if not record.grants.privileged:
        iam_users.ensure_grants(client("iam"), record.user_name, record.grants)
