"""RequestApproval: tell the approvers, and wait for their decision on a task token."""

from dataclasses import dataclass
from typing import Any

from gatehouse import approvals, mailing, mails, people, records, settings, times
from gatehouse.clients import client
from gatehouse.errors import AlreadyDecided, ApprovalTimeout, RecordClosed
from gatehouse.handling import handler
from gatehouse.model import Onboarding, Status
from gatehouse.table import Expression, Table

MAIL = "approval_wanted"


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    sender_address: str
    configuration_set: str
    api_url: str
    approval_timeout_seconds: int


@handler
def request_approval(event: dict[str, Any]) -> None:
    """In: the onboarding's id, the task token and when the state was entered. The decision resumes the machine.

    Raises AlreadyDecided when the decision came before the token, ApprovalTimeout, Cancelled.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    intent = mailing.intent()
    record = _wait(table, event, config.approval_timeout_seconds, intent)
    if times.now() >= str(record.approval_expires_at):
        raise ApprovalTimeout("nobody decided in time")
    directory = people.Directory.parse(config.approvers, "")
    to = {directory.address(person) for person in approvals.entitled(record, directory)}
    mail = _mail(record, config.api_url)
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    mailing.send_once(ses, table, record, MAIL, mail, sender=sender, to=to, intent=intent)


def _wait(table: Table, event: dict[str, Any], seconds: int, intent: str) -> Onboarding:
    """Store the token, then look whether somebody was faster."""
    onboarding_id = event["onboarding_id"]
    try:
        return records.advance(
            table,
            onboarding_id,
            "request_approval",
            within={Status.REQUESTED, Status.PENDING_APPROVAL},
            to=Status.PENDING_APPROVAL,
            sets={
                "task_token": event["task_token"],
                # A second wait, after somebody woke the machine without a decision, wins no time.
                "approval_expires_at": Expression("if_not_exists(#approval_expires_at, :expires_at)"),
                f"mails_begun.{MAIL}": Expression(f"if_not_exists(#mails_begun.#{MAIL}, :intent)"),
            },
            intent=intent,
            # From when the state was entered, as its time-out: nobody decides after the machine has given up.
            expires_at=times.after(event["entered_at"], seconds),
        )
    except RecordClosed:
        record = records.find(table, onboarding_id)
        if record and record.status in (Status.PROVISIONING, Status.ROLLING_BACK):
            raise AlreadyDecided("decided before the machine waited") from None
        raise


def _mail(record: Onboarding, api_url: str) -> mails.Mail:
    return mails.render(
        MAIL,
        onboarding_id=record.onboarding_id,
        requester=record.requester.person or record.requester.arn or "Somebody in the Step Functions console",
        user_name=record.user_name,
        kind=record.request["kind"],
        email=record.request["email"],
        profile=record.request["profile"],
        justification=record.request["justification"],
        expires_at=record.request["expires_at"],
        needed=record.approval.needed,
        decide_before=record.approval_expires_at,
        in_words=record.grants.in_words,
        beyond_profile=record.grants.beyond_profile,
        escalation_risks=record.grants.escalation_risks,
        reset=record.is_reset,
        decision_url=f"{api_url}/onboardings/{record.onboarding_id}/decision",
    )
