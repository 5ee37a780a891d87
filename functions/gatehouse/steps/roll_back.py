"""RollBack: undo an onboarding from what is found in the account, and give its record the final status."""

import time
from dataclasses import dataclass
from typing import Any

from gatehouse import mailing, mails, outcomes, people, records, settings, teardown
from gatehouse.clients import aws_errors, client
from gatehouse.errors import TRANSIENT, ResidueRemains
from gatehouse.handling import handler
from gatehouse.logs import logger, metrics
from gatehouse.model import OPEN, Onboarding, Status
from gatehouse.outcomes import Outcome
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    operators: str
    absence_recheck_seconds: int


@handler
def roll_back(event: dict[str, Any]) -> dict[str, str]:
    """In: the onboarding's id, `error` and `cause`. Out: `error` and `cause` of the execution's end.

    Called by the machine, by the watcher and by the follow-up; the end that the first call found stays.
    Raises what is TRANSIENT, to be called again soon, and what AWS refuses for good, with the record left
    ROLLBACK_INCOMPLETE, from where the follow-up goes on.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    onboarding_id = event["onboarding_id"]
    found = records.find(table, onboarding_id)
    end = _end(found, event.get("error", "Unknown"), event.get("cause", ""))
    if found is None or found.status.is_final:
        return {"error": end.status.error_name, "cause": end.cause}
    record = _begin(table, found, end)
    try:
        with aws_errors():
            _undo_and_look_twice(record, config.absence_recheck_seconds)
    except TRANSIENT:
        raise
    except Exception:
        records.change(table, onboarding_id, "rollback_incomplete", within=OPEN, to=Status.ROLLBACK_INCOMPLETE)
        _count(Status.ROLLBACK_INCOMPLETE)
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


def _begin(table: Table, record: Onboarding, end: Outcome) -> Onboarding:
    ending = {"status": end.status.value, "reason": end.reason, "detail": end.detail}
    return records.change(
        table, record.onboarding_id, "roll_back",
        within=OPEN, to=Status.ROLLING_BACK, sets={"ending": ending}, removes=("task_token",), detail=end.cause,
    )  # fmt: skip


def _undo_and_look_twice(record: Onboarding, seconds: int) -> None:
    """IAM may still show a state of seconds ago: "already gone" counts when it was seen twice."""
    iam, secretsmanager = client("iam"), client("secretsmanager")
    logger().info("undone", removed=teardown.undo(iam, secretsmanager, record))
    time.sleep(seconds)
    if again := teardown.undo(iam, secretsmanager, record):
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
    to = people.address(record.requester.person, people.directory(config.operators.split(",")))
    content = {"onboarding_id": record.onboarding_id, "user_name": record.user_name}
    mail = mails.render("onboarding_ended", status=end.status.value, cause=end.cause, **content)
    try:
        mailing.send_once(
            client("sesv2"),
            table,
            record,
            "onboarding_ended",
            mail,
            sender=config.sender_address,
            to={to},
        )
    except Exception as error:
        logger().warning("mail not sent", error=type(error).__name__)
