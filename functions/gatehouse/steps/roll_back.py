"""RollBack: undo an onboarding from what is found in the account, and give its record the final status."""

import time
from dataclasses import dataclass, replace
from typing import Any

from gatehouse import iam_users, mailing, mails, outcomes, people, records, settings, teardown, times
from gatehouse.clients import aws_errors, client
from gatehouse.errors import TRANSIENT, NotYetConsistent, ResidueRemains, UserLives
from gatehouse.handling import handler
from gatehouse.logs import logger, metrics
from gatehouse.model import ENDED, OPEN, Onboarding, Status
from gatehouse.outcomes import Outcome
from gatehouse.table import Table

STEP_SECONDS = 30
"""The time-out of a step's function in template.yaml: stopping an execution does not stop its step."""

LONGEST_DETAIL = 1_000
"""Characters of what is said about what is left."""

_STEPS_THAT_MAKE_NOTHING = ("validate_request", "request_approval", "send_sign_in_instructions", "await_mfa")
_STEPS = (
    *_STEPS_THAT_MAKE_NOTHING,
    "create_user",
    teardown.DISARMED,
    "issue_password",
    "attach_policies",
    teardown.COMPLETING,
)


@dataclass(frozen=True)
class Settings:
    table_name: str
    sender_address: str
    configuration_set: str
    operators: str
    approvers: str
    absence_recheck_seconds: int


@handler
def roll_back(event: dict[str, Any]) -> dict[str, str]:
    """In: the onboarding's id, `error`, `cause`, and from the machine its `execution_arn`, from others whether a step
    `may_still_run`. Out: how the execution ends.

    Called by the machine, by the watcher and by the follow-up; the end that the first call found stays. Called by the
    janitor with a user that was `left_behind`, it removes that one, and the record stays as it ended.
    Raises what is TRANSIENT, for the machine to call again soon. Whatever it raises otherwise leaves the record
    ROLLBACK_INCOMPLETE, with what is left, and the follow-up goes on from there.
    """
    config = settings.load(Settings)
    table = Table(client("dynamodb"), config.table_name)
    record, end = _begin(table, event)
    ended = {"error": end.status.error_name, "cause": end.cause}
    if record is None or record.status is Status.COMPLETE or _is_of_another(record, event):
        return ended
    if "left_behind" in event:
        _remove(table, record, event["left_behind"], config.absence_recheck_seconds)
        return ended
    if record.status.is_final:
        if "onboarding_ended" in record.mails_begun:
            # Whoever closed it may not have come to the mails.
            _tell(table, record, end, config)
        return ended
    seconds = max(config.absence_recheck_seconds, _seconds_a_step_may_run(record) if event.get("may_still_run") else 0)
    intent = mailing.intent()
    try:
        with aws_errors():
            _undo_and_look_twice(table, record, seconds)
            record = _close(table, record, end, intent)
    except Exception as error:
        if not (isinstance(error, TRANSIENT) and "execution_arn" in event):
            _leave_incomplete(table, record, error)
        raise
    _tell(table, record, end, config, intent)
    return ended


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
    if found is None or found.status.is_final or _is_of_another(found, event) or "left_behind" in event:
        return found, end
    ending = {"status": end.status.value, "reason": end.reason, "detail": end.detail}
    try:
        begun = records.change(
            table,
            found.onboarding_id,
            # Noted once: who is called every few minutes, for as long as AWS refuses, would fill the item.
            None if found.ending else "roll_back",
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


def _is_of_another(record: Onboarding, event: dict[str, Any]) -> bool:
    """Whether the machine that calls is not the one that the record is for: each machine has its own names."""
    return record.execution_arn is not None and event.get("execution_arn") not in (None, record.execution_arn)


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
        records.remember_devices(table, record, devices)

    logger().info("undone", removed=teardown.undo(iam, secretsmanager, record, remember))
    time.sleep(seconds)
    if again := teardown.undo(iam, secretsmanager, record, remember):
        raise ResidueRemains(f"found again and removed: {', '.join(again)}")


def _remove(table: Table, record: Onboarding, user_name: str, seconds: float) -> None:
    """Remove a user of whatever name, who appeared after its onboarding ended, or whom its roll-back did not see."""
    iam = client("iam")
    user = iam_users.own(iam, user_name, record.made_by)
    if user is None or record.status not in ENDED or record.is_reset:
        return
    if doubt := teardown.doubt(user, record):
        raise UserLives(f"user {user_name} {doubt}")
    renamed = replace(record, request={**record.request, "user_name": user_name})
    _undo_and_look_twice(table, renamed, seconds)
    detail = f"user {user_name}"
    records.change(table, record.onboarding_id, "left_behind_removed", within=ENDED, detail=detail)


def _leave_incomplete(table: Table, record: Onboarding, error: Exception) -> None:
    """Say in the record what is left, and why, for the follow-up to go on and for people to see."""
    stuck = Status.ROLLBACK_INCOMPLETE
    reason, detail = outcomes.constant(type(error).__name__), f"{error}; {_left(record)}"[:LONGEST_DETAIL]
    news = detail != record.status_detail
    try:
        records.change(
            table, record.onboarding_id, "rollback_incomplete" if news else None,
            within=OPEN, to=stuck, sets={"status_reason": reason, "status_detail": detail}, detail=detail,
        )  # fmt: skip
    except table.ConditionFailed:
        # Another roll-back closed it meanwhile.
        return
    _count(stuck)


def _left(record: Onboarding) -> str:
    try:
        with aws_errors():
            left = teardown.left(client("iam"), client("secretsmanager"), record)
    except Exception as error:
        return f"what is left could not be looked at ({error})"
    return f"left: {', '.join(left) or 'nothing that is shown'}"


def _close(table: Table, record: Onboarding, end: Outcome, intent: str) -> Onboarding:
    """The record at its end, with the mails about it begun unless another roll-back closed it.

    Where another onboarding holds the name (somebody has changed this one's record), that stays as it is.
    """
    begun = dict.fromkeys(_mail_names(record), intent)
    release = records.holder(table, record.user_name) in (None, record.onboarding_id)
    try:
        records.close(
            table, record, end.status, end.status.value.lower(),
            reason=end.reason, detail=end.detail, withdraw=tuple(record.claims),
            sets={f"mails_begun.{name}": value for name, value in begun.items()}, release=release,
        )  # fmt: skip
    except table.TransactionCancelled:
        closed = records.find(table, record.onboarding_id)
        if closed is None or not closed.status.is_final:
            raise
        record = closed
    else:
        record = replace(record, status=end.status, mails_begun={**record.mails_begun, **begun})
    _count(end.status)
    return record


def _count(status: Status) -> None:
    """A metric that an alarm can watch: FAILED and ROLLBACK_INCOMPLETE are faults, a rejection is none."""
    metrics().add_metric(name=status.error_name, unit="Count", value=1)
    metrics().flush_metrics()


def _mail_names(record: Onboarding) -> list[str]:
    """The requester hears how it ended; the user only if a mail has told of access that there is no more."""
    return ["onboarding_ended", *(["withdrawn"] if mailing.was_begun(record, "sign_in_instructions") else [])]


def _tell(table: Table, record: Onboarding, end: Outcome, config: Settings, intent: str | None = None) -> None:
    """A mail that fails does not bring residue back: it is logged. Raises NotYetConsistent, see `completion.tell`."""
    requester = people.Directory.parse(config.approvers, config.operators).address(record.requester.person)
    to = {"onboarding_ended": requester, "withdrawn": record.request["email"]}
    meaning, advice = outcomes.in_words(end)
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    for name in _mail_names(record):
        try:
            mail = mails.render(
                name,
                onboarding_id=record.onboarding_id,
                user_name=record.user_name,
                profile=record.request["profile"],
                requester=record.requester.person or "your administrator",
                status=end.status.value,
                cause=end.cause,
                meaning=meaning,
                advice=advice,
                reset=record.is_reset,
                locked=teardown.locks(client("iam"), record),
            )
            mailing.send_once(ses, table, record, name, mail, sender=sender, to={to[name]}, intent=intent)
        except NotYetConsistent:
            raise
        except Exception as error:
            logger().warning("mail not sent", mail=name, error=type(error).__name__)
