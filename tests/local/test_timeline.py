"""The timeline puts record and history together in the order of time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from local.timeline import Step, _timeline

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
DEFINITION = {
    "StartAt": "ValidateRequest",
    "States": {
        "ValidateRequest": {"Type": "Task", "Next": "ApprovalNeeded"},
        "ApprovalNeeded": {
            "Type": "Choice",
            "Choices": [{"Next": "RequestApproval"}],
            "Default": "CreateUser",
        },
        "RequestApproval": {"Type": "Task", "Next": "CreateUser"},
        "CreateUser": {"Type": "Task", "End": True},
        "RollBack": {"Type": "Task", "End": True},
    },
}


def entered(name: str, seconds: float) -> dict[str, Any]:
    details = {"name": name}
    return {"type": "TaskStateEntered", "timestamp": at(seconds), "stateEnteredEventDetails": details}


def left(seconds: float) -> dict[str, Any]:
    return {"type": "TaskStateExited", "timestamp": at(seconds), "stateExitedEventDetails": {}}


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def record(*told: tuple[float, str, str, str | None], needed: int = 1) -> dict[str, Any]:
    entries = [
        {"at": at(seconds).isoformat(), "event": event, "by": by, "detail": detail}
        for seconds, event, by, detail in told
    ]
    return {"created_at": BEGAN.isoformat(), "timeline": entries, "approval": {"needed": needed}}


def test_what_the_record_tells_stands_beside_the_step_in_which_it_happened() -> None:
    told = record(
        (0, "requested", "ann", None), (2, "approved", "bob", "fine"), (3.5, "create_user", "gatehouse", None)
    )
    history = [entered("RequestApproval", 1), left(3), entered("CreateUser", 3)]
    timeline = _timeline(told, history, DEFINITION, at(4))
    assert [(moment.seconds, moment.text) for moment in timeline.moments] == [
        (0, "requested by ann"),
        (1, "RequestApproval"),
        (2, "approved by bob: fine"),
        (3, "RequestApproval done in 2.00 s"),
        (3, "CreateUser"),
    ]
    assert timeline.steps[:2] == (
        Step("RequestApproval", 1, 3, ("approved by bob: fine",)),
        Step("CreateUser", 3, None, ()),
    )
    assert timeline.running


def test_the_steps_to_come_are_those_of_the_definition() -> None:
    coming = [step.name for step in _timeline(record(needed=1), [], DEFINITION, at(0)).steps]
    assert coming == ["ValidateRequest", "ApprovalNeeded", "RequestApproval", "CreateUser"]
    coming = [step.name for step in _timeline(record(needed=0), [], DEFINITION, at(0)).steps]
    assert coming == ["ValidateRequest", "ApprovalNeeded", "CreateUser"]


def test_nothing_more_comes_once_it_is_rolled_back() -> None:
    ended = {"type": "ExecutionFailed", "timestamp": at(3)}
    history = [entered("ValidateRequest", 1), left(2), entered("RollBack", 2), left(3), ended]
    timeline = _timeline(record(), history, DEFINITION, at(4))
    assert [step.name for step in timeline.steps] == ["ValidateRequest", "RollBack"]
    assert not timeline.running
