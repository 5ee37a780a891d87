"""Who is reminded of what, and when: pure functions that the follow-up asks."""

from dataclasses import dataclass

from gatehouse import approvals, mails, times
from gatehouse.model import Onboarding, Status
from gatehouse.people import Directory

APPROVAL = "approval_reminder_1"
MFA = "mfa_reminder_1"
MFA_LAST = "mfa_reminder_2"

HALF = 1 / 2
LAST_QUARTER = 3 / 4


@dataclass(frozen=True)
class Reminder:
    """`name` is the mail's, once per onboarding; `reason` a sentence for people; `until` when the time is over."""

    name: str
    reason: str
    until: str


def due(record: Onboarding, now: str) -> Reminder | None:
    """The reminder to send now, or None. Half of a wait is left to people before anybody presses them."""
    if record.cancelled_by:
        return None
    if record.status is Status.PENDING_APPROVAL:
        over, until = _elapsed(record, "request_approval", record.approval_expires_at, now)
        wanted = Reminder(APPROVAL, "Half of the time to decide is over.", until)
    elif record.status is Status.PENDING_MFA:
        over, until = _elapsed(record, "await_mfa", record.mfa_expires_at, now)
        first = Reminder(MFA, "Half of the time to enrol MFA is over.", until)
        last = Reminder(MFA_LAST, "The last quarter of the time to enrol MFA has begun.", until)
        wanted = last if over >= LAST_QUARTER else first
    else:
        return None
    return wanted if HALF <= over < 1 and wanted.name not in record.mails_sent else None


def addresses(record: Onboarding, reminder: Reminder, directory: Directory) -> set[str | None]:
    """Where a reminder goes: to the approvers who have not decided; to the user and the requester."""
    if reminder.name != APPROVAL:
        return {record.request["email"], directory.address(record.requester.person)}
    decided = {decision.person for decision in record.approval.decisions}
    waiting = {
        person
        for person in approvals.entitled(record, directory)
        if not any(directory.same(person, one) for one in decided)
    }
    return {directory.address(person) for person in waiting}


def mail(record: Onboarding, reminder: Reminder) -> mails.Mail:
    """What a reminder says: never a claim link or a code, which the first mail and the requester have."""
    return mails.render(
        reminder.name,
        onboarding_id=record.onboarding_id,
        user_name=record.user_name,
        profile=record.request["profile"],
        requester=record.requester.person or "your administrator",
        justification=record.request["justification"],
        reason=reminder.reason,
        until=reminder.until,
        reset=record.is_reset,
    )


def _elapsed(record: Onboarding, event: str, until: str | None, now: str) -> tuple[float, str]:
    """Which part of a wait is over, from when it began, and when it ends; none of one without an end."""
    began = next((entry.at for entry in record.timeline if entry.event == event), record.created_at)
    if until is None or until <= began:
        return 0, until or now
    whole = times.parse(until) - times.parse(began)
    return (times.parse(now) - times.parse(began)) / whole, until
