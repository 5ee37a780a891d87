"""How an onboarding that does not complete ends: a pure decision, with its reason."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import approvals
from gatehouse.model import Onboarding, Status

STOPPED = "Stopped"
"""What the watcher calls an execution that was stopped by hand; no step raises it."""


@dataclass(frozen=True)
class Outcome:
    """`status` is final; `reason` a constant for programs, `detail` a sentence for people."""

    status: Status
    reason: str
    detail: str

    @property
    def cause(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def outcome(record: Onboarding | None, error: str, cause: str) -> Outcome:
    """The end that an error leads to.

    The record is believed before the error: whoever holds a task token can name any error, but
    writes no decision and no cancellation.
    """
    detail = _sentence(cause)
    if record and (rejection := approvals.rejection(record)):
        return Outcome(Status.REJECTED, "REJECTED", f"by {rejection.person}: {rejection.reason}")
    if record and record.cancelled_by:
        return Outcome(Status.CANCELLED, "CANCELLED", f"by {record.cancelled_by}")
    status, reason = _ENDS.get(error, (Status.FAILED, constant(error)))
    return Outcome(status, reason, detail)


_ENDS = {
    "ApprovalTimeout": (Status.EXPIRED, "APPROVAL_TIMEOUT"),
    "MfaTimeout": (Status.EXPIRED, "MFA_TIMEOUT"),
    STOPPED: (Status.CANCELLED, "STOPPED"),
}


def in_words(end: Outcome) -> tuple[str, str]:
    """What an end means to who asked for it, and what they can do next."""
    return _BY_REASON.get(end.reason) or _BY_STATUS.get(end.status, _BY_STATUS[Status.FAILED])


_BY_REASON = {
    "APPROVAL_TIMEOUT": (
        "Too few of those who may approve it decided in time.",
        "Speak to an approver, then ask again.",
    ),
    "MFA_TIMEOUT": (
        "The user did not enrol an MFA device in time, so the user was removed.",
        "Ask again when the user has half an hour for it, and hand the claim code over the same day.",
    ),
    "STOPPED": (
        "Somebody stopped it by hand in the Step Functions console.",
        "Ask whoever runs Gatehouse why, then ask again.",
    ),
    "USER_ALREADY_EXISTS": (
        "An IAM user of that name exists already; it was not touched.",
        "Ask again with another user name, or have the existing user removed first.",
    ),
    "INVALID_REQUEST": (
        "The request breaks a rule.",
        "Put right what is named above, and ask again.",
    ),
    "GROUP_DIFFERS": (
        "A group that the profile needs does not grant what it should.",
        "Tell whoever runs Gatehouse: an administrator has to mend the group before you ask again.",
    ),
    "ACCESS_DENIED": (
        "AWS did not let Gatehouse do what was asked.",
        "Tell whoever runs Gatehouse: a policy of this account is in the way. Then ask again.",
    ),
}

_BY_STATUS = {
    Status.REJECTED: ("An approver said no.", "You may ask again with what was missing."),
    Status.CANCELLED: ("It was cancelled.", "Nothing is to be done. If you did not expect that, ask who cancelled it."),
    Status.EXPIRED: ("It was not finished in time.", "Ask again."),
    Status.FAILED: (
        "Something went wrong, and everything was undone.",
        "Tell whoever runs Gatehouse the onboarding id below; once the cause is mended, ask again.",
    ),
}


def constant(error: str) -> str:
    """`UserAlreadyExists` and `Lambda.Unknown` as USER_ALREADY_EXISTS and LAMBDA_UNKNOWN."""
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", error).upper()).strip("_")


def _sentence(cause: str) -> str:
    """The message within a Lambda function's error document, or the cause as it is, which may be anybody's."""
    try:
        document = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    return str(document.get("errorMessage", cause)) if isinstance(document, dict) else cause


def of_execution(ended: Mapping[str, Any]) -> tuple[str, str]:
    """Error and cause of an execution that ended, from its description or its status-change event."""
    if ended["status"] == "ABORTED":
        return STOPPED, "the execution was stopped by hand"
    if ended["status"] == "TIMED_OUT":
        return "ExecutionTimeout", "the execution ran out of time"
    return ended.get("error") or "ExecutionFailed", ended.get("cause") or "the execution failed"
