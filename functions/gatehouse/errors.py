"""Every error name a state machine may Retry or Catch: the class name is the wire format.

One class per failure that the machine treats differently. A message is shown in the execution
history and in mails, so none of them ever holds a password, a code or a token.
"""

from collections.abc import Sequence

from gatehouse.model import FieldProblem


class InvalidRequest(Exception):
    """The request breaks a rule; `problems` names each field and what would be right."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.field} {problem.message}" for problem in problems))


class UserAlreadyExists(Exception):
    """An IAM user of that name exists (without regard to case) and is not this onboarding's."""


class UserGone(Exception):
    """The user whose MFA was to be reset is not there any more, or is not the one that its onboarding made."""


class UserLives(Exception):
    """The user that is to be removed was completed, and its record does not know of it: nobody deletes it."""


class GroupDiffers(Exception):
    """A group of the catalogue exists outside our path, or grants what nobody approved."""


class NotApproved(Exception):
    """The record holds no sufficient approval of this digest: wait again, whoever woke the machine."""


class AlreadyDecided(Exception):
    """The decision was recorded before the machine began to wait for it."""


class Rejected(Exception):
    """An approver said no."""


class ApprovalTimeout(Exception):
    """Nobody decided in time."""


class Cancelled(Exception):
    """Somebody asked to cancel while the onboarding was under way."""


class RecordClosed(Exception):
    """The record is missing or in a status in which this step must not act."""


class MfaAlreadyEnrolled(Exception):
    """The user was faster than the machine: a device is there, nothing to wait for."""


class MfaNotEnrolled(Exception):
    """Woken without a device in IAM: look again shortly, then wait on."""


class MfaTimeout(Exception):
    """No device was enrolled in time."""


class ReportNotReady(Exception):
    """IAM is still making the account's credential report: ask again."""


class ReportGone(Exception):
    """IAM has no credential report of the account, or one that is too old to be told: have one made."""


class MalformedReport(Exception):
    """The credential report is not as AWS documents it: nobody is judged by it. Names the line, never its content."""


class TemporarilyUnmodifiable(Exception):
    """IAM is still busy with this user (EntityTemporarilyUnmodifiable): retry for minutes."""


class NotYetConsistent(Exception):
    """IAM does not show yet what was just written: retry for seconds."""


class TransientFault(Exception):
    """A 5xx or a broken connection: every step may be retried."""


class Throttled(TransientFault):
    """Too many calls at once, of ours or of anybody's in the account: retry for as long as a queue may last."""


class AccessDenied(Exception):
    """AWS says no. IAM says it too of a user under a path that it does not show yet: retry for seconds."""


class AwsCallFailed(Exception):
    """AWS refused a call for good. Holds operation and code, never a parameter's value."""


class ResidueRemains(Exception):
    """Roll-back found something again after it had removed it: retry."""


TRANSIENT = (TransientFault, Throttled, NotYetConsistent, TemporarilyUnmodifiable, ResidueRemains)
"""What goes away by itself: the state machine retries it."""
