"""CreateUser: an IAM user that has the guard from its first moment, once the approval stands."""

import re
from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, provisioning, settings
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Purpose
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str


@handler
def create_user(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Believes the record, never who woke the machine.

    Raises NotApproved, Rejected, RecordClosed (changed after approval), UserAlreadyExists, Cancelled.
    """
    table = Table(client("dynamodb"), settings.load(Settings).table_name)
    iam = client("iam")
    record = provisioning.begin(table, event["onboarding_id"], "create_user", Purpose.ONBOARDING)
    iam_users.ensure_user(
        iam,
        record.user_name,
        path=iam_users.APPLICATIONS_PATH if record.is_application else iam_users.PATH,
        onboarding_id=record.onboarding_id,
        boundary=record.grants.boundary_enrolling,
        tags=_tags(record),
    )
    if not record.is_application:
        iam_users.ensure_member(iam, record.user_name, iam_users.MEMBERS_GROUP)


def _tags(record: Onboarding) -> dict[str, str]:
    tags = {
        **record.grants.tags,
        iam_users.ID_TAG: record.onboarding_id,
        "gatehouse:profile": record.request["profile"],
        "gatehouse:expires-at": record.request["expires_at"],
    }
    if record.is_application:
        # An address may hold a percent sign and an apostrophe, a tag's value must not.
        tags["gatehouse:owner"] = re.sub("[%']", "_", record.request["email"])
    return tags
