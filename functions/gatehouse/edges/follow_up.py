"""The follow-up schedule: finds what no event told, and mends what a fault left behind."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from gatehouse import executions, iam_users, mailing, outcomes, people, records, reminders, settings, times, waking
from gatehouse.clients import aws_errors, client
from gatehouse.compliance import cases
from gatehouse.errors import AccessDenied, NotYetConsistent
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import Onboarding, Status
from gatehouse.table import Table

GRACE_SECONDS = 60
"""How long a record may rest before its execution is asked for: a start or a step takes seconds."""
PAGE = 100
"""Records or claims read at a time: as many as one BatchGetItem takes."""


class FollowUpIncomplete(Exception):
    """Some onboardings, claims or users could not be looked after; the next run tries again."""


class RecordOutdated(Exception):
    """A record is behind what its execution has done; nobody undoes that by it."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    state_machine_arn: str
    mfa_reset_state_machine_arn: str
    roll_back_function: str
    sender_address: str
    configuration_set: str
    approvers: str
    expire_claim_function: str
    lift_restriction_function: str


@handler
def follow_up(_: dict[str, Any]) -> dict[str, int]:
    """Look after every open onboarding, claim and restricted user that is due. Out: how many of them were seen.

    One that fails does not stop the others; in the end it fails the run, which an alarm watches.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    seen = failed = 0
    for about, look_after in _waiting(table, config):
        seen += 1
        try:
            with aws_errors():
                look_after()
        except Exception as error:
            failed += 1
            logger().error("not followed up", error=type(error).__name__, cause=str(error), **about)
    if failed:
        raise FollowUpIncomplete(f"{failed} of {seen} onboardings, claims and users could not be looked after")
    return {"seen": seen}


def _waiting(table: Table, config: Settings) -> Iterator[tuple[dict[str, Any], Callable[[], None]]]:
    """What waits, as a log names it, with what is to be done about it."""
    for record in _open(table):
        yield {"onboarding_id": record.onboarding_id}, partial(_look_after, table, record, config)
    for claim in map(records.claim_hash, _due(table, records.OPEN_CLAIM)):
        yield {"claim": claim}, partial(_expire, claim, config)
    for user_name in map(cases.user_name, _due(table, cases.ENTITY)):
        ask = partial(cases.ask_for_look, client("lambda"), config.lift_restriction_function)
        yield {"user_name": user_name}, partial(ask, user_name)


def _open(table: Table) -> Iterator[Onboarding]:
    for status in _MOST_URGENT_FIRST:
        start: Any = None
        while True:
            more = {"ExclusiveStartKey": start} if start else {}
            keys, start = table.query("by_status", ("status", status.value), Limit=PAGE, **more)
            found = table.get_many([item["pk"] for item in keys])
            yield from map(Onboarding.from_item, found.values())
            if start is None:
                break


_MOST_URGENT_FIRST = (
    Status.ROLLBACK_INCOMPLETE,
    Status.ROLLING_BACK,
    Status.REQUESTED,
    Status.PROVISIONING,
    Status.PENDING_APPROVAL,
    Status.PENDING_MFA,
)


def _due(table: Table, entity: str) -> Iterator[dict[str, Any]]:
    """The rows of that kind that are due, by their keys, those that wait longest first."""
    start: Any = None
    while True:
        more = {"ExclusiveStartKey": start} if start else {}
        found, start = table.query("by_time", ("entity", entity), Limit=PAGE, **more)
        due = [row for row in found if row["created_at"] <= times.now()]
        yield from due
        if start is None or len(due) < len(found):
            break


def _expire(claim: str, config: Settings) -> None:
    """Ask the function that alone may end what nobody claimed; does not wait."""
    payload = json.dumps({"claim": claim}).encode()
    client("lambda").invoke(FunctionName=config.expire_claim_function, InvocationType="Event", Payload=payload)


def _look_after(table: Table, record: Onboarding, config: Settings) -> None:
    stepfunctions = client("stepfunctions")
    if record.status is Status.PENDING_MFA and not record.cancelled_by and _mfa_settled(record):
        return
    if record.task_token and _wake(stepfunctions, record):
        return
    _remind(table, record, config)
    if record.updated_at > times.after(times.now(), -GRACE_SECONDS):
        return
    machine = config.mfa_reset_state_machine_arn if record.is_reset else config.state_machine_arn
    arn = record.execution_arn or _execution_arn(machine, record.onboarding_id)
    execution = executions.execution(stepfunctions, arn)
    if execution is None and record.status is Status.REQUESTED:
        executions.start(stepfunctions, machine, record.onboarding_id)
    elif execution and execution["status"] == "SUCCEEDED":
        _require_closed(table, record)
    elif execution is None or execution["status"] != "RUNNING":
        error, cause = outcomes.of_execution(execution or {"status": "FAILED"})
        executions.roll_back(client("lambda"), config.roll_back_function, record, error, cause)


def _require_closed(table: Table, record: Onboarding) -> None:
    """An execution succeeds once its record is COMPLETE: one that is open all the same must not cost a member the user.

    Raises RecordOutdated.
    """
    stands = records.find_many(table, [record.onboarding_id]).get(record.onboarding_id)
    if stands and not stands.status.is_final:
        raise RecordOutdated(f"the execution succeeded, and the record is {stands.status}: was the table restored?")


def _remind(table: Table, record: Onboarding, config: Settings) -> None:
    """A reminder that fails keeps nothing from being looked after: it is logged, and the next run tries again."""
    reminder = reminders.due(record, times.now())
    if reminder is None:
        return
    try:
        directory = people.Directory.parse(config.approvers, "")
        to = reminders.addresses(record, reminder, directory)
        mail = reminders.mail(record, reminder)
        ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
        mailing.send_once(ses, table, record, reminder.name, mail, sender=sender, to=to)
    except Exception as error:
        kind = type(error).__name__
        logger().warning("not reminded", onboarding_id=record.onboarding_id, mail=reminder.name, error=kind)


def _mfa_settled(record: Onboarding) -> bool:
    """Wake a machine whose user has enrolled, or whose time is over even though somebody made it wait anew."""
    stepfunctions = client("stepfunctions")
    if _has_device(record):
        return waking.succeed(stepfunctions, record)
    if record.mfa_expires_at and record.mfa_expires_at <= times.now():
        return waking.fail(stepfunctions, record, "MfaTimeout", "no device was enrolled in time")
    return False


def _has_device(record: Onboarding) -> bool:
    """False also where somebody deleted the user by hand; IAM denies what it does not find under the path."""
    try:
        with aws_errors():
            return any(iam_users.devices(client("iam"), record.user_name))
    except (NotYetConsistent, AccessDenied):
        return False


def _wake(stepfunctions: Any, record: Onboarding) -> bool:
    """Repeat the wake-up that a decision or a cancellation could not deliver."""
    if record.cancelled_by:
        return waking.fail(stepfunctions, record, "Cancelled", f"cancelled by {record.cancelled_by}")
    if record.status is Status.PENDING_APPROVAL and (record.approval_expires_at or "") <= times.now():
        return waking.fail(stepfunctions, record, "ApprovalTimeout", "nobody decided in time")
    if record.status is Status.PROVISIONING:
        return waking.succeed(stepfunctions, record)
    if record.status is Status.ROLLING_BACK:
        return waking.fail(stepfunctions, record, "Rejected", "an approver said no")
    return False


def _execution_arn(state_machine_arn: str, name: str) -> str:
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
