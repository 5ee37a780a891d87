"""Step Functions: a distributed Map of a machine that is written in JSONata."""

from typing import Any

from ministack.services import stepfunctions


def jsonata_in_distributed_maps() -> None:
    """`Items`, `ItemSelector`, `Output` and `Assign` are evaluated, as they are of an inline Map.

    The emulator takes them for JSONPath, and hands the expressions themselves to the items.
    """
    original = stepfunctions._run_distributed_map

    def run(state: Any, raw_input: Any, effective: Any, iterator: Any, execution: Any, context: Any) -> Any:
        if stepfunctions._state_query_language(state, context) != "JSONata":
            return original(state, raw_input, effective, iterator, execution, context)
        items = stepfunctions._jsonata_state_field(state, "Items", "array", raw_input, context)
        if selector := state.get("ItemSelector"):
            items = [_selected(selector, raw_input, context, index, item) for index, item in enumerate(items)]
        plain = {name: state[name] for name in state if name not in ("Items", "ItemSelector", "Output", "Assign")}
        results, following = original(plain, items, items, iterator, execution, context)
        output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        stepfunctions._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    stepfunctions._run_distributed_map = run


def _selected(selector: Any, raw_input: Any, context: dict[str, Any], index: int, item: Any) -> Any:
    of_item = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
    return stepfunctions._apply_jsonata_template(selector, raw_input, of_item)


MENDS = [jsonata_in_distributed_maps]
