"""What every handler of a step or an event does."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatehouse.errors import Cancelled, Throttled
from gatehouse.handling import handler
from tests.unit.account import ONBOARDING_ID, context

EVENT = {"onboarding_id": ONBOARDING_ID, "task_token": "a token that wakes the machine"}
THROTTLED = ClientError({"Error": {"Code": "Throttling"}}, "CreateUser")


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_the_answer_is_the_function_s(log: io.StringIO) -> None:
    assert handler(lambda event: {"got": event})(EVENT, context()) == {"got": EVENT}


def test_a_log_line_carries_step_request_and_onboarding(log: io.StringIO) -> None:
    handler(lambda _: None)(EVENT, context())
    (line,) = lines(log)
    assert (line["message"], line["onboarding_id"]) == ("done", ONBOARDING_ID)
    assert (line["step"], line["request_id"]) == ("test_handling", context().aws_request_id)


def test_the_event_itself_is_not_logged(log: io.StringIO) -> None:
    handler(lambda _: None)(EVENT, context())
    assert EVENT["task_token"] not in log.getvalue()


def test_a_log_line_carries_nothing_of_an_earlier_event(log: io.StringIO) -> None:
    handler(lambda _: None)(EVENT, context())
    handler(lambda _: None)({}, context())
    assert "onboarding_id" not in lines(log)[-1]


@pytest.mark.parametrize(
    ("raised", "error", "cause"),
    [(Cancelled("by olga"), Cancelled, "by olga"), (THROTTLED, Throttled, "CreateUser: Throttling")],
)
def test_a_failure_is_logged_and_raised_under_the_name_that_the_machine_knows(
    log: io.StringIO, raised: Exception, error: type[Exception], cause: str
) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise raised

    with pytest.raises(error, match=cause):
        handler(fail)(EVENT, context())
    (line,) = lines(log)
    assert (line["level"], line["error"], line["cause"]) == ("ERROR", error.__name__, cause)
