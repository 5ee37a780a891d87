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
    status, reason = _ENDS.get(error, (Status.FAILED, _constant(error)))
    return Outcome(status, reason, detail)


_ENDS = {
    "ApprovalTimeout": (Status.EXPIRED, "APPROVAL_TIMEOUT"),
    "MfaTimeout": (Status.EXPIRED, "MFA_TIMEOUT"),
    STOPPED: (Status.CANCELLED, "STOPPED"),
}


def _constant(error: str) -> str:
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
