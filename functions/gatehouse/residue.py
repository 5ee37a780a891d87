"""What no onboarding explains: found in the account and in the table, and judged by the record that it names.

Removed is only what provably is residue: of an onboarding that ended without a user, or nobody's at all. Whatever may
be a living person's is told to people, and never touched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import iam_users, records, teardown, times
from gatehouse.model import ENDED, Onboarding, Status
from gatehouse.table import Table

SLACK_SECONDS = 3_600
"""How old a secret is at least before it counts as forgotten: from its making to its claim it takes seconds."""

_SECRET = re.compile(r"gatehouse/([A-Za-z0-9][A-Za-z0-9_-]{0,79})/(password|access-key)/(\d+)")


@dataclass(frozen=True)
class Finding:
    """`kind` and `name` tell it from all others; `why` is a sentence.

    `removable` is false for what only a person can judge; `rests` are the seconds for which it has to have been seen
    before it is removed; `onboarding_id` is that of the onboarding that it names.
    """

    kind: str
    name: str
    why: str
    removable: bool
    onboarding_id: str | None = None
    rests: int = 0

    def told(self) -> dict[str, str]:
        return {"kind": self.kind, "name": self.name, "why": self.why}

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"


def users(iam: Any, table: Table) -> Iterator[Finding]:
    """Users below our path, and the passwords of those that should have none."""
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User"], PaginationConfig={"PageSize": 1000}
    )
    for page in pages:
        ours = [user for user in page["UserDetailList"] if user["Path"].startswith(iam_users.PATH)]
        # Read after the users: who makes one has written its record before.
        known = records.find_many(table, {iam_users.onboarding_of(user) or "" for user in ours})
        for user in ours:
            record = known.get(iam_users.onboarding_of(user) or "")
            if finding := of_user(user, record) or of_password(iam, user, record):
                yield finding


def of_user(user: Mapping[str, Any], record: Onboarding | None) -> Finding | None:
    """A user that its onboarding does not account for. One under way is the follow-up's, a complete one nobody's."""
    name, onboarding_id = user["UserName"], iam_users.onboarding_of(user)
    if onboarding_id is None:
        return Finding("user", name, "names no onboarding: somebody made it by hand", False)
    if record is None:
        return Finding("user", name, f"names onboarding {onboarding_id}, of which there is no record", False)
    if record.status not in ENDED:
        return None
    why = f"names onboarding {onboarding_id}, which ended {record.status}"
    if doubt := teardown.doubt(user, record):
        return Finding("user", name, f"{why}, but {doubt}", False)
    return Finding("user", name, why, True, onboarding_id)


def of_password(iam: Any, user: Mapping[str, Any], record: Onboarding | None) -> Finding | None:
    """A login profile that a user should not have, told only: the user lives."""
    if record is None or not (why := _why_no_password(user, record)):
        return None
    try:
        iam.get_login_profile(UserName=user["UserName"])
    except iam.exceptions.NoSuchEntityException:
        return None
    return Finding("password", user["UserName"], why, False, record.onboarding_id)


def _why_no_password(user: Mapping[str, Any], record: Onboarding) -> str | None:
    if user["Path"].startswith(iam_users.APPLICATIONS_PATH):
        return "an application signs in with its key only"
    if iam_users.boundary_of(user) not in (record.grants.boundary_enrolling, record.grants.boundary_member):
        return "the boundary is none that was approved"
    if record.status is Status.COMPLETE and "console" not in record.request["access"]:
        return "the console was not granted"
    return None


def secrets(secretsmanager: Any, table: Table) -> Iterator[Finding]:
    """Secrets that nobody can claim any more."""
    pages = secretsmanager.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": ["gatehouse/"]}])
    for page in pages:
        # The filter does not regard case.
        ours = [secret for secret in page["SecretList"] if secret["Name"].startswith("gatehouse/")]
        named = [(secret, _id_of(secret)) for secret in ours]
        known = records.find_many(table, {onboarding_id for _, onboarding_id in named if onboarding_id})
        for secret, onboarding_id in named:
            if finding := of_secret(secret, onboarding_id, known.get(onboarding_id or "")):
                yield finding


def of_secret(secret: Mapping[str, Any], onboarding_id: str | None, record: Onboarding | None) -> Finding | None:
    """A secret of an onboarding that ended without a user; of a complete one, or of none, where no claim is open.

    The end of an open claim is the follow-up's, and what has just been stored has none yet.
    """
    name = secret["Name"]
    if onboarding_id is None:
        return Finding("secret", name, "is none of Gatehouse's, whose name it has", False)
    if record and record.status in ENDED:
        return Finding("secret", name, f"its onboarding ended {record.status}", True, onboarding_id)
    if record and (record.status is not Status.COMPLETE or record.claims):
        return None
    if times.after(times.text(secret["CreatedDate"]), SLACK_SECONDS) > times.now():
        return None
    why = (
        "its onboarding is COMPLETE, and no claim for it is open" if record else "there is no record of its onboarding"
    )
    return Finding("secret", name, why, True, onboarding_id)


def _id_of(secret: Mapping[str, Any]) -> str | None:
    """The onboarding that a secret's name tells, if its tag says the same."""
    named = _SECRET.fullmatch(secret["Name"])
    return named[1] if named and iam_users.onboarding_of(secret) == named[1] else None


def devices(iam: Any, rests: int) -> Iterator[Finding]:
    """Virtual MFA devices that nobody has. Nobody can tell whose they were, nor when they were made."""
    pages = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Unassigned")
    for page in pages:
        for device in page["VirtualMFADevices"]:
            yield Finding("device", device["SerialNumber"], "is assigned to nobody", True, rests=rests)


def locks(table: Table) -> Iterator[Finding]:
    """Names that are held for onboardings that hold them no more."""
    held = records.locks(table)
    known = records.find_many(table, held.values())
    for name, onboarding_id in held.items():
        record = known.get(onboarding_id)
        if record is None or record.status.is_final:
            why = f"its onboarding ended {record.status}" if record else "there is no record of its onboarding"
            yield Finding("lock", name, why, True, onboarding_id)
        elif record.user_name.lower() != name:
            yield Finding("lock", name, f"its onboarding is for {record.user_name} now", False, onboarding_id)
