"""ResetMfa: the user proves itself by nothing any more, and may only enrol, once the approval stands."""

from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, provisioning, records, settings, teardown
from gatehouse.clients import client
from gatehouse.errors import NotYetConsistent, UserGone
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import Purpose
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def reset_mfa(event: dict[str, Any]) -> None:
    """In: the reset's id. Believes the record, never who woke the machine.

    Raises NotApproved, Rejected, RecordClosed (changed after approval), UserGone, Cancelled, NotYetConsistent.
    """
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    iam = client("iam")
    record = provisioning.begin(table, event["onboarding_id"], teardown.DISARMED, Purpose.MFA_RESET)
    if not iam_users.own(iam, record.user_name, record.made_by):
        raise UserGone(f"user_name {record.user_name} is not the user that onboarding {record.made_by} made")
    removed = teardown.disarm(iam, record, lambda serials: records.remember_devices(table, record, serials))
    logger().info("disarmed", removed=removed)
    if any(iam_users.devices(iam, record.user_name)):
        # A device that is still shown would be taken for the new one.
        raise NotYetConsistent("a deactivated device is still shown")
