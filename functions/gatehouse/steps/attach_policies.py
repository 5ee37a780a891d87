"""AttachPolicies: the end of all access, and what is granted before MFA.

Privileged grants wait for CompleteOnboarding.
"""

from dataclasses import dataclass
from typing import Any

from gatehouse import granting, records, settings
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.model import Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def attach_policies(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Raises Cancelled, RecordClosed, GroupDiffers, NotYetConsistent."""
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    record = records.advance(table, event["onboarding_id"], "attach_policies", within={Status.PROVISIONING})
    iam = client("iam")
    granting.ensure_end(iam, record.user_name, record.request["expires_at"])
    if not record.grants.privileged:
        granting.ensure_grants(iam, record.user_name, record.grants)
