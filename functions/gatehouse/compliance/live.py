"""A user as IAM shows it now: nobody is acted on by what a report said hours ago."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, records, times
from gatehouse.table import Table


@dataclass(frozen=True)
class Live:
    """`console` is whether there is a password to sign in with, `under_way` the onboarding or reset of this name."""

    user_name: str
    user_id: str
    path: str
    created_at: str
    boundary: str | None
    tags: Mapping[str, str]
    console: bool
    devices: int
    under_way: str | None

    @property
    def is_our_person(self) -> bool:
        """Whether Gatehouse has a say in the boundary: people under its path."""
        return self.path.startswith(iam_users.PATH) and not self.is_application

    @property
    def is_application(self) -> bool:
        return self.path.startswith(iam_users.APPLICATIONS_PATH)


def look(iam: Any, table: Table, user_name: str) -> Live | None:
    """The user, or None where there is none of exactly this name (any more). Root is none."""
    try:
        user = iam.get_user(UserName=user_name)["User"]
        devices = len(list(iam_users.devices(iam, user_name)))
        console = _has_password(iam, user_name)
    except iam.exceptions.NoSuchEntityException:
        return None
    if user["UserName"] != user_name:
        return None
    return Live(
        user_name=user_name,
        user_id=user["UserId"],
        path=user["Path"],
        created_at=times.text(user["CreateDate"]),
        boundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags={tag["Key"]: tag["Value"] for tag in user.get("Tags", [])},
        console=console,
        devices=devices,
        under_way=records.holder(table, user_name),
    )


def _has_password(iam: Any, user_name: str) -> bool:
    try:
        iam.get_login_profile(UserName=user_name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True
