"""A distributed Map evaluates JSONata."""

import json
import time
import uuid
from typing import Any

from tests.local.test_mend_machines import role


def test_items_their_inputs_and_the_result_are_what_the_expressions_say(aws: Any) -> None:
    outside = {
        "Type": "Map",
        "Items": "{% $states.input.numbers %}",
        "ItemSelector": {"number": "{% $states.context.Map.Item.Value %}", "of": "{% $states.input.name %}"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Tell",
            "States": {
                "Tell": {"Type": "Pass", "Output": "{% $states.input.of & $states.input.number %}", "End": True}
            },
        },
        "Assign": {"told": "{% $states.result %}"},
        "Output": {"all": "{% $join($states.result, ' ') %}"},
        "Next": "Last",
    }
    last = {"Type": "Pass", "Output": {"all": "{% $states.input.all %}", "told": "{% $told %}"}, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": outside, "Last": last}}
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(
        name=f"m-{uuid.uuid4().hex}", definition=json.dumps(definition), roleArn=role(aws)
    )["stateMachineArn"]
    given = json.dumps({"numbers": ["1", "2"], "name": "n"})
    execution = states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.05)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"all": "n1 n2", "told": ["n1", "n2"]}
