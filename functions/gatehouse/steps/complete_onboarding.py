"""CompleteOnboarding: only a device that IAM shows now opens the member boundary and what waited for it.

An application has no device and waits for none: its access key is made here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatehouse import (
    access_keys,
    catalogue,
    claims,
    completion,
    granting,
    iam_users,
    mailing,
    mails,
    passwords,
    people,
    records,
    secret_store,
    settings,
    times,
)
from gatehouse.clients import client
from gatehouse.errors import Cancelled, MfaNotEnrolled, NotYetConsistent, RecordClosed
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table

KEY_MAIL = "access_key_ready"

RESEND_SECONDS = 60
"""How long a resend may take to send what it has begun."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    secret_key_arn: str
    secret_readers: str
    sender_address: str
    configuration_set: str
    operators: str
    approvers: str
    claim_url: str
    claim_ttl_seconds: int


@handler
def complete_onboarding(event: dict[str, Any]) -> None:
    """In: the onboarding's id. Raises MfaNotEnrolled (wait on), Cancelled, NotYetConsistent (retry).

    Of a COMPLETE onboarding whose access key is being replaced: issues the new one.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    onboarding_id, intent = event["onboarding_id"], mailing.intent()
    try:
        # While it is set no resend begins: a password issued from now on would outlive the onboarding.
        record = records.advance(
            table,
            onboarding_id,
            "complete_onboarding",
            within={Status.PENDING_MFA, Status.PROVISIONING},
            only_if="(#status = :enrolling OR #request.#kind = :application)",
            sets={"completing": True},
            enrolling=Status.PENDING_MFA.value,
            application="application",
        )
    except RecordClosed:
        record = _completed_before(table, onboarding_id)
        if record.reissuing == "access_key":
            _reissue_key(table, onboarding_id, config)
            return
    else:
        record = _complete(table, record, config, intent)
    directory = people.Directory.parse(config.approvers, config.operators)
    sender = mailing.Sender(config.sender_address, config.configuration_set)
    completion.tell(client("sesv2", retries=False), table, record, directory, sender, intent)


def _complete(table: Table, record: Onboarding, config: Settings, intent: str) -> Onboarding:
    if record.is_application:
        return completion.close(table, _hand_over_key(table, record, (), config), (), intent)
    iam = client("iam")
    devices = list(iam_users.devices(iam, record.user_name))
    if not devices:
        raise MfaNotEnrolled("IAM shows no device")
    _require_no_resend_under_way(record)
    iam_users.ensure_boundary(iam, record.user_name, record.grants.boundary_member)
    if record.grants.privileged:
        granting.ensure_grants(iam, record.user_name, record.grants)
    if "programmatic" in record.request["access"]:
        record = _hand_over_key(table, record, devices, config)
    if "console" not in record.request["access"]:
        passwords.ensure_no_login_profile(iam, record.user_name)
    for generation in range(1, record.generation + 1):
        secret = secret_store.name(record.onboarding_id, "password", generation)
        secret_store.ensure_deleted(client("secretsmanager"), secret)
    return completion.close(table, record, devices, intent)


def _reissue_key(table: Table, onboarding_id: str, config: Settings) -> None:
    """Replace the key. A person without a device gets none: it would open nothing."""
    record = records.advance(
        table,
        onboarding_id,
        "issue_access_key",
        within={Status.COMPLETE},
        only_if="#reissuing = :reissued",
        reissued="access_key",
    )
    devices = () if record.is_application else list(iam_users.devices(client("iam"), record.user_name))
    if not (devices or record.is_application):
        raise MfaNotEnrolled("IAM shows no device")
    for earlier in range(1, record.generation):
        secret = secret_store.name(record.onboarding_id, "access_key", earlier)
        secret_store.ensure_deleted(client("secretsmanager"), secret)
    _hand_over_key(table, record, devices, config)


def _hand_over_key(
    table: Table, record: Onboarding, devices: Sequence[Mapping[str, Any]], config: Settings
) -> Onboarding:
    """Store a key where only its claim can read it, and mail the link; returns the record as it then stands."""
    name = f"{KEY_MAIL}_{record.generation}"
    if name in record.mails_sent:
        return record
    key = secret_store.ensure_stored(
        client("secretsmanager"),
        secret_store.name(record.onboarding_id, "access_key", record.generation),
        lambda again: access_keys.make(client("iam", retries=False), record, again),
        kms_key_id=config.secret_key_arn,
        readers=config.secret_readers.split(","),
        tags={iam_users.ID_TAG: record.onboarding_id},
    )
    shown_with = {
        "user_name": record.user_name,
        "access_key_id": json.loads(key)["access_key_id"],
        "mfa_serial": next((one["serial_number"] for one in devices if one["kind"] != "security_key"), None),
        "roles": access_keys.assumable_roles(record),
        # A program runs where it likes.
        "region": None if record.is_application else client("secretsmanager").meta.region_name,
        "longest_key_age_days": catalogue.profiles()[record.request["profile"]].get("longest_key_age_days"),
    }
    token, intent = claims.new_token(), mailing.intent()
    opened = records.open_claim(
        table, record, "access_key", claims.token_hash(token), config.claim_ttl_seconds, shown_with, {name: intent}
    )
    mail = mails.render(
        KEY_MAIL,
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        code_holder=record.code_holder or "your administrator",
        claim_url=config.claim_url,
        token=token,
        claim_expires_at=opened.claim_expires_at,
    )
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    mailing.send_once(ses, table, opened, name, mail, sender=sender, to={record.request["email"]}, intent=intent)
    return opened


def _require_no_resend_under_way(record: Onboarding) -> None:
    begun = record.resent_at and record.resent_at > times.after(times.now(), -RESEND_SECONDS)
    if begun and f"sign_in_instructions_{record.generation}" not in record.mails_sent:
        raise NotYetConsistent("a resend is under way")


def _completed_before(table: Table, onboarding_id: str) -> Onboarding:
    """The record when an earlier try completed it but its answer was lost."""
    record = records.find(table, onboarding_id)
    if record is None or record.status is not Status.COMPLETE:
        raise (Cancelled if record and record.cancelled_by else RecordClosed)("closed while completing")
    return record
