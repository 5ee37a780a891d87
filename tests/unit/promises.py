"""What holds at every moment, whatever happens and in whatever order: looked up in the account, believed to nobody."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from gatehouse import iam_users
from gatehouse.clients import from_dynamodb
from gatehouse.model import FINAL, Onboarding, Status
from tests.unit.account import ACCOUNT, APPLICATION, ENROLLING, MEMBER, REGION, STACK, Account

S = Status
NEXT = {
    S.REQUESTED: {S.PENDING_APPROVAL, S.PROVISIONING, S.ROLLING_BACK},
    S.PENDING_APPROVAL: {S.PROVISIONING, S.ROLLING_BACK},
    S.PROVISIONING: {S.PENDING_MFA, S.COMPLETE, S.ROLLING_BACK},
    S.PENDING_MFA: {S.COMPLETE, S.ROLLING_BACK},
    S.ROLLING_BACK: {S.ROLLBACK_INCOMPLETE, *FINAL - {S.COMPLETE}},
    S.ROLLBACK_INCOMPLETE: {S.ROLLING_BACK},
}
"""Where a status may lead; a final one leads nowhere."""


def rows() -> list[dict[str, Any]]:
    """Every row of the table, as plain values."""
    table = dynamodb_backends[ACCOUNT][REGION].tables[STACK]
    items = [item.to_json()["Attributes"] for item in table.all_items()]
    return [{name: from_dynamodb(value) for name, value in item.items()} for item in items]


def all_records(found: list[dict[str, Any]]) -> dict[str, Onboarding]:
    items = [row for row in found if row["pk"].startswith("onboarding#")]
    return {item["onboarding_id"]: Onboarding.from_item(item) for item in items}


def users() -> dict[str, Any]:
    """The IAM users under our paths, by name."""
    every = iam_backends[ACCOUNT]["aws"].users
    return {name: user for name, user in every.items() if user.path.startswith("/gatehouse/")}


def tag(name: str) -> str | None:
    """The id of the onboarding that made a user."""
    tags = iam_backends[ACCOUNT]["aws"].list_user_tags(name)
    return next((str(one["Value"]) for one in tags if one["Key"] == iam_users.ID_TAG), None)


def stored() -> dict[str, str]:
    """The secrets that can be read, by name."""
    kept: Any = secretsmanager_backends[ACCOUNT][REGION].secrets.values()
    return {secret.name: secret.secret_string or "" for secret in kept if not secret.is_deleted()}


def secrets_now() -> Iterator[str]:
    """Whatever opens something at this moment: passwords and secret access keys, in use and stored."""
    for user in users().values():
        yield from filter(None, [user.password, *(key.secret_access_key for key in user.access_keys)])
    for value in filter(None, stored().values()):
        yield json.loads(value)["secret_access_key"] if value.startswith("{") else value


def broken(account: Account, before: Mapping[str, Status], secrets: set[str]) -> Iterator[str]:
    """What does not hold, in words; `before` are the statuses of a moment ago, `secrets` all that there ever were."""
    found = rows()
    records = all_records(found)
    for record in records.values():
        yield from _moved(record, before.get(record.onboarding_id))
        yield from _ended(record, found)
        yield from _approved(record)
    yield from _locked(records, found)
    for name, user in users().items():
        yield from _guarded(name, user, records)
    yield from _told(account, found, secrets)


def _moved(record: Onboarding, before: Status | None) -> Iterator[str]:
    if before and record.status not in reachable(before):
        yield f"{record.onboarding_id} went from {before} to {record.status}"


def reachable(status: Status) -> set[Status]:
    """Where a status may have led meanwhile, itself included."""
    met, waiting = {status}, {status}
    while waiting:
        waiting = {further for one in waiting for further in NEXT.get(one, ())} - met
        met |= waiting
    return met


def _ended(record: Onboarding, found: list[dict[str, Any]]) -> Iterator[str]:
    """Nothing is left of what ended otherwise than COMPLETE, and no first password of what is COMPLETE."""
    if not record.status.is_final:
        return
    own = [name for name in stored() if f"/{record.onboarding_id}/" in name]
    if record.status is Status.COMPLETE:
        if record.generation == 1 and any("/password/" in name for name in own):
            yield f"{record.onboarding_id} is complete and its password is still stored"
        return
    if own:
        yield f"{record.onboarding_id} ended {record.status} and left {own}"
    if not record.is_reset and any(tag(name) == record.onboarding_id for name in users()):
        yield f"{record.onboarding_id} ended {record.status} and left its user"
    claims = [row for row in found if row["pk"].startswith("claim#") and row["onboarding_id"] == record.onboarding_id]
    if any(claim["state"] == "open" for claim in claims):
        yield f"{record.onboarding_id} ended {record.status} and can still be claimed"


def _approved(record: Onboarding) -> Iterator[str]:
    """Nothing goes on without as many others as are needed, none of them who asked or whom it is about."""
    agreed = {one.person for one in record.approval.decisions if one.decision == "approve"}
    if agreed & {record.requester.person, record.user_name.lower()}:
        yield f"{record.onboarding_id}: somebody approved their own request"
    going_on = record.status in (Status.PROVISIONING, Status.PENDING_MFA, Status.COMPLETE)
    if going_on and len(agreed) < record.approval.needed:
        yield f"{record.onboarding_id} is {record.status} with {len(agreed)} of {record.approval.needed} approvals"


def _locked(records: Mapping[str, Onboarding], found: list[dict[str, Any]]) -> Iterator[str]:
    """A name is locked for the one onboarding under way for it, and for nobody else."""
    locks = {row["pk"].removeprefix("user#"): row["onboarding_id"] for row in found if row["pk"].startswith("user#")}
    under_way = {one.user_name.lower(): one.onboarding_id for one in records.values() if not one.status.is_final}
    if locks != under_way:
        yield f"locked are {locks}, under way {under_way}"


def _guarded(name: str, user: Any, records: Mapping[str, Onboarding]) -> Iterator[str]:
    boundary = vars(user).get("boundary_arn")
    if boundary not in (ENROLLING, MEMBER, APPLICATION):
        yield f"{name} is without the guard: {boundary}"
    made_by = records[str(tag(name))]
    if boundary == MEMBER and not user.mfa_devices:
        yield f"{name} is a member without MFA"
    reached = made_by.status is Status.COMPLETE or any(one.event == "complete_onboarding" for one in made_by.timeline)
    if made_by.grants.privileged and not reached and (user.managed_policies or user.policies.keys() - {"GatehouseEnd"}):
        yield f"{name} has privileges before MFA"


def _told(account: Account, found: list[dict[str, Any]], secrets: set[str]) -> Iterator[str]:
    """No password and no secret key stands in a record or in a mail."""
    texts = {"the table": json.dumps(found, default=str), "a mail": json.dumps(account.wire.made("SendEmail"))}
    for secret in secrets:
        yield from (f"a secret stands in {where}" for where, text in texts.items() if json.dumps(secret)[1:-1] in text)
