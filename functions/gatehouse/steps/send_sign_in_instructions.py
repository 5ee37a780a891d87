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
    configuration_set: str
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
        within={Status.PROVISIONING, Status.PENDING_MFA, Status.COMPLETE},
        **records.unless_settled("password"),
    )
    template = "password_reissued" if record.reissuing else "sign_in_instructions"
    name = f"{template}_{record.generation}"
    if name in record.mails_sent:
        return
    shown_with = {
        "user_name": record.user_name,
        "sign_in_url": iam_users.sign_in_url(client("iam"), record.account_id),
        "reset_required": record.reset_required,
    }
    token, intent = claims.new_token(), mailing.intent()
    record = records.open_claim(
        table, record, "password", claims.token_hash(token), config.claim_ttl_seconds, shown_with, {name: intent}
    )
    mail = _mail(template, record, token, config, shown_with)
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    mailing.send_once(ses, table, record, name, mail, sender=sender, to={record.request["email"]}, intent=intent)


def _mail(template: str, record: Onboarding, token: str, config: Settings, shown_with: dict[str, Any]) -> mails.Mail:
    return mails.render(
        template,
        onboarding_id=record.onboarding_id,
        sent_again=record.generation > 1,
        code_holder=record.code_holder or "Your administrator",
        requester=record.requester.person or "your administrator",
        claim_url=config.claim_url,
        token=token,
        claim_expires_at=record.claim_expires_at,
        mfa_before=min(
            record.mfa_expires_at or times.after(times.now(), config.mfa_timeout_seconds), record.request["expires_at"]
        ),
        reset=record.is_reset,
        **shown_with,
    )
