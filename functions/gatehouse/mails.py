"""What the mails say: HTML and plain text of the same content, rendered by Jinja2."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gatehouse import times

SUBJECTS = {
    "approval_wanted": "Approval wanted: {user_name} as {profile}",
    "decided": "Decided: {user_name} as {profile} is {outcome}",
    "sign_in_instructions": "Your AWS account access: {user_name}",
    "password_reissued": "Your new AWS password: {user_name}",
    "reissued": "New {thing} for {user_name}",
    "onboarding_complete": "MFA enrolled, access complete: {user_name}",
    "application_complete": "Application ready: {user_name}",
    "access_key_ready": "Your AWS access key: {user_name}",
    "not_enrolled_by_user": "Check this: MFA of {user_name} was enrolled by somebody else",
    "secret_claimed": "Claimed: the {secret} of {user_name}",
    "claim_expired": "Not claimed: the {secret} of {user_name}",
    "onboarding_ended": "Onboarding of {user_name} ended: {status}",
    "withdrawn": "Your AWS access was withdrawn: {user_name}",
    "approval_reminder_1": "Reminder, approval wanted: {user_name} as {profile}",
    "mfa_reminder_1": "Reminder, enrol MFA: {user_name}",
    "mfa_reminder_2": "Last reminder, enrol MFA: {user_name}",
    "mail_bounced": "A mail did not arrive: {user_name}",
    "orphans": "Look at this: {count} that no onboarding explains",
    "compliance_summary": "MFA compliance of {account_id}: {headline}",
    "mfa_missing": "MFA is missing: {user_name}",
    "mfa_phishable": "A passkey or security key is wanted: {user_name}",
    "access_restricted": "Your AWS access is restricted until you enrol MFA: {user_name}",
    "access_suspended": "Your AWS access is suspended: {user_name}",
    "access_restored": "Your AWS access is back: {user_name}",
    "accounts_summary": "MFA compliance of other accounts: {headline}",
}
OF_RESETS = {
    "approval_wanted": "Approval wanted: reset of MFA of {user_name}",
    "decided": "Decided: reset of MFA of {user_name} is {outcome}",
    "sign_in_instructions": "Your MFA has been reset: {user_name}",
    "onboarding_ended": "Reset of MFA of {user_name} ended: {status}",
    "withdrawn": "Your MFA was not reset: {user_name}",
}
"""What the subjects say instead if it is about a reset."""


@dataclass(frozen=True)
class Mail:
    subject: str
    text: str
    html: str


def render(name: str, *, reset: bool = False, **content: Any) -> Mail:
    """The mail of that name, of an onboarding or of a reset. Raises jinja2.UndefinedError when content is missing."""
    subject = (SUBJECTS | (OF_RESETS if reset else {}))[name].format(**content)
    content |= {"reset": reset, "subject": subject}
    return Mail(
        subject,
        _templates().get_template(f"{name}.txt.j2").render(content),
        _templates().get_template(f"{name}.html.j2").render(content),
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("mail_templates")),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["moment"] = times.in_words
    return templates
