"""A state machine that AWS would refuse is refused here first."""

import copy
from typing import Any

import pytest

from local import lint

SOUND: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
            "TimeoutSeconds": "{% $number('${Seconds}') %}",
            "Retry": [{"ErrorEquals": ["TransientFault"], "BackoffRate": 2}],
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}


def test_a_sound_machine_has_no_problems() -> None:
    assert lint.problems(SOUND) == []


@pytest.mark.parametrize(
    ("state", "field", "value", "problem"),
    [
        ("Ask", "Next", "Nowhere", 'No state found named "Nowhere"'),
        ("Ask", "ResultPath", "$.result", 'Field "ResultPath" not allowed'),
        ("Ask", "Output", "{% $states.result + %}", "States.Ask.Output: Unexpected end of expression"),
        ("Lost", "Type", "Succeed", "No transition found to state State Machine.Lost"),
    ],
    ids=["a transition to nowhere", "a JSONPath field", "an unfinished expression", "an unreachable state"],
)
def test_a_fault_is_named(state: str, field: str, value: str, problem: str) -> None:
    faulty = copy.deepcopy(SOUND)
    faulty["States"].setdefault(state, {})[field] = value
    assert any(problem in found for found in lint.problems(faulty))
