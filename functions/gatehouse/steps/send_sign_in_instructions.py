"""SendSignInInstructions: how to sign in, and a link that reveals the password once to who has the code."""

from dataclasses import dataclass
from typing import Any

from gatehouse import claims, iam_users, mailing, mails, records, settings, times
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    claim_url: str
    claim_ttl_seconds: int
    mfa_timeout_seconds: int


@handler
def send_sign_in_instructions(event: dict[str, Any]) -> None:
    """In: the onboarding's id. One mail per generation. Raises Cancelled, RecordClosed."""
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    record = records.advance(
        table,
        event["onboarding_id"],
        "send_sign_in_instructions",
        within={Status.PROVISIONING, Status.PENDING_MFA},
    )
    name = f"sign_in_instructions_{record.generation}"
    if name in record.mails_sent:
        return
    shown_with = {
        "user_name": record.user_name,
        "sign_in_url": iam_users.sign_in_url(client("iam"), record.account_id),
        "reset_required": record.request["require_password_reset"],
    }
    token = claims.new_token()
    record = records.open_claim(
        table, record, "password", claims.token_hash(token), config.claim_ttl_seconds, shown_with
    )
    mail = _mail(record, token, config, shown_with)
    to = {record.request["email"]}
    mailing.send_once(client("sesv2", retries=False), table, record, name, mail, sender=config.sender_address, to=to)


def _mail(record: Onboarding, token: str, config: Settings, shown_with: dict[str, Any]) -> mails.Mail:
    return mails.render(
        "sign_in_instructions",
        onboarding_id=record.onboarding_id,
        requester=record.requester.person or "your administrator",
        claim_url=config.claim_url,
        token=token,
        claim_expires_at=record.claim_expires_at,
        mfa_before=record.mfa_expires_at or times.after(times.now(), config.mfa_timeout_seconds),
        **shown_with,
    )
