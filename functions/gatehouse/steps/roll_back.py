"""RollBack: undo an onboarding from what is found in the account, and give its record the final status."""

import time
from dataclasses import dataclass
from typing import Any

from gatehouse import mailing, mails, outcomes, people, records, settings, teardown, times
from gatehouse.clients import aws_errors, client
from gatehouse.errors import TRANSIENT, ResidueRemains
from gatehouse.handling import handler
from gatehouse.logs import logger, metrics
from gatehouse.model import OPEN, Onboarding, Status
from gatehouse.outcomes import Outcome
from gatehouse.table import Table

STEP_SECONDS = 30
"""The time-out of a step's function in template.yaml: stopping an execution does not stop its step."""

_STEPS_THAT_MAKE_NOTHING = ("validate_request", "request_approval", "send_sign_in_instructions", "await_mfa")
_STEPS = (
    *_STEPS_THAT_MAKE_NOTHING,
    "create_user",
    "issue_password",
    "attach_policies",
    "complete_onboarding",
)


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    operators: str
    approvers: str
    absence_recheck_seconds: int


@handler
def roll_back(event: dict[str, Any]) -> dict[str, str]:
    """In: the onboarding's id, `error`, `cause`, and whether a step `may_still_run`. Out: how the execution ends.

    Called by the machine, by the watcher and by the follow-up; the end that the first call found stays.
    Raises what is TRANSIENT, to be called again soon, and what AWS refuses for good, with the record left
    ROLLBACK_INCOMPLETE, from where the follow-up goes on.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    record, end = _begin(table, event)
    if record is None or record.status.is_final:
        return {"error": end.status.error_name, "cause": end.cause}
    seconds = max(config.absence_recheck_seconds, _seconds_a_step_may_run(record) if event.get("may_still_run") else 0)
    try:
        with aws_errors():
            _undo_and_look_twice(table, record, seconds)
    except TRANSIENT:
        raise
    except Exception:
        stuck = Status.ROLLBACK_INCOMPLETE
        records.change(table, record.onboarding_id, "rollback_incomplete", within=OPEN, to=stuck)
        _count(stuck)
        raise
    _close(table, record, end)
    _tell(table, record, end, config)
    return {"error": end.status.error_name, "cause": end.cause}


def _end(record: Onboarding | None, error: str, cause: str) -> Outcome:
    if record and record.status.is_final:
        return Outcome(record.status, record.status_reason or "", record.status_detail or "")
    if record and record.ending:
        return Outcome(Status(record.ending["status"]), record.ending["reason"], record.ending["detail"])
    return outcomes.outcome(record, error, cause)


def _begin(table: Table, event: dict[str, Any]) -> tuple[Onboarding | None, Outcome]:
    """The record on its way back, with its end; as it stands if it is closed already or was never written."""
    found = records.find(table, event["onboarding_id"])
    end = _end(found, event.get("error", "Unknown"), event.get("cause", ""))
    if found is None or found.status.is_final:
        return found, end
    ending = {"status": end.status.value, "reason": end.reason, "detail": end.detail}
    try:
        begun = records.change(
            table,
            found.onboarding_id,
            "roll_back",
            within=OPEN,
            to=Status.ROLLING_BACK,
            sets={"ending": ending},
            removes=("task_token",),
            detail=end.cause,
        )
    except table.ConditionFailed:
        # Another roll-back closed it meanwhile.
        return _begin(table, event)
    return begun, end


def _seconds_a_step_may_run(record: Onboarding) -> float:
    """How long the step that was under way when its execution was stopped may still make things."""
    steps = [entry for entry in record.timeline if entry.event in _STEPS]
    if not steps or steps[-1].event in _STEPS_THAT_MAKE_NOTHING:
        return 0
    elapsed = (times.parse(times.now()) - times.parse(steps[-1].at)).total_seconds()
    return max(0, STEP_SECONDS - elapsed)


def _undo_and_look_twice(table: Table, record: Onboarding, seconds: float) -> None:
    """IAM may still show a state of seconds ago: "already gone" counts when it was seen twice."""
    iam, secretsmanager = client("iam"), client("secretsmanager")

    def remember(devices: list[str]) -> None:
        known = sorted({*record.virtual_devices, *devices})
        records.change(table, record.onboarding_id, None, within=OPEN, sets={"virtual_devices": known})

    logger().info("undone", removed=teardown.undo(iam, secretsmanager, record, remember))
    time.sleep(seconds)
    if again := teardown.undo(iam, secretsmanager, record, remember):
        raise ResidueRemains(f"found again and removed: {', '.join(again)}")


def _close(table: Table, record: Onboarding, end: Outcome) -> None:
    try:
        records.close(
            table, record, end.status, end.status.value.lower(),
            reason=end.reason, detail=end.detail, withdraw=tuple(record.claims),
        )  # fmt: skip
    except table.TransactionCancelled:
        closed = records.find(table, record.onboarding_id)
        if closed is None or not closed.status.is_final:
            raise
    _count(end.status)


def _count(status: Status) -> None:
    """A metric that an alarm can watch: FAILED and ROLLBACK_INCOMPLETE are faults, a rejection is none."""
    metrics().add_metric(name=status.error_name, unit="Count", value=1)
    metrics().flush_metrics()


def _tell(table: Table, record: Onboarding, end: Outcome, config: Settings) -> None:
    """The requester hears how it ended; a mail that fails does not bring residue back."""
    to = people.Directory.parse(config.approvers, config.operators).address(record.requester.person)
    content = {"onboarding_id": record.onboarding_id, "user_name": record.user_name}
    mail = mails.render("onboarding_ended", status=end.status.value, cause=end.cause, **content)
    try:
        mailing.send_once(
            client("sesv2", retries=False),
            table,
            record,
            "onboarding_ended",
            mail,
            sender=config.sender_address,
            to={to},
        )
    except Exception as error:
        logger().warning("mail not sent", error=type(error).__name__)
