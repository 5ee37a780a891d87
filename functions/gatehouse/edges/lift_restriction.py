"""Looks at a user who may only enrol: whoever has enrolled gets back, exactly, what stood before.

So does who has no password any more: the restriction has lost its cause, and no sweep finds the user again. Asked by
the event of an enrolment and by the follow-up, which do not wait; both only guess, IAM is asked here.
"""

from dataclasses import dataclass
from typing import Any

from gatehouse import mailing, settings
from gatehouse.clients import client
from gatehouse.compliance import cases, live, restricting, telling
from gatehouse.compliance.cases import Busy, Case
from gatehouse.compliance.live import Live
from gatehouse.compliance.restricting import ChangedMeanwhile, Policies
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    boundary_prefix: str
    sender_address: str
    configuration_set: str


@handler
def lift_restriction(event: dict[str, Any]) -> None:
    """In: the user's name. Changes nothing for who has a password and no device, is suspended, or is being onboarded or
    reset.

    The end of a suspension that was interrupted is left to the operator, who was told that it failed.
    """
    config = settings.load(Settings)
    iam, table = client("iam"), Table(client("dynamodb"), config.table_name)
    known = cases.find(table, event["user_name"])
    if known is None:
        return
    try:
        with cases.held(table, known.user_name, known.user_id) as case:
            seen = live.look(iam, table, known.user_name)
            if seen is None:
                cases.note_absence(table, case)
            elif seen.user_id != case.user_id:
                cases.close(table, case)
            elif case.restoring == "restriction" or _has_complied(case, seen):
                _put_back(iam, table, case, seen, config)
            elif case.stands:
                cases.write(table, case, cases.next_look(restricting.LOOK_SECONDS[case.stands]), removes=("ttl",))
    except Busy:
        logger().info("left to who is at it", user_name=known.user_name)


def _has_complied(case: Case, seen: Live) -> bool:
    return case.stands == "restriction" and _reason(seen) is not None and not seen.under_way


def _reason(seen: Live) -> str | None:
    """Why a restriction has no cause any more, or None."""
    return "you have enrolled MFA" if seen.devices else None if seen.console else "you have no password any more"


def _put_back(iam: Any, table: Table, case: Case, seen: Live, config: Settings) -> None:
    policies = Policies.of(config.boundary_prefix)
    try:
        case, put_back = restricting.restore(iam, table, case, seen, policies, "restriction")
    except ChangedMeanwhile as changed:
        # Somebody has decided otherwise, and what was restricted stands no more.
        logger().warning("not put back", user_name=seen.user_name, cause=str(changed))
        cases.close(table, case)
        return
    logger().info("put back", user_name=seen.user_name, put_back=put_back)
    content = {
        "at": case.restored_at,
        "reason": _reason(seen) or "an operator asked for it",
        "put_back": put_back,
        "restricted": False,
    }
    ses, sender = client("sesv2", retries=False), mailing.Sender(config.sender_address, config.configuration_set)
    case, _ = telling.tell(ses, table, case, seen, telling.RESTORED, content, sender, policies.account_id)
    if _reason(seen):
        cases.close(table, case)
