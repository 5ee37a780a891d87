"""Checks the state machines: their shape with statelint, and that every JSONata expression can be parsed.

`sam validate --lint` does not look into a definition file, and AWS refuses a bad one only at the deployment.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import jsonata
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from local.process import ROOT

DEFINITIONS = ROOT / "statemachine"


def problems(definition: dict[str, Any]) -> list[str]:
    """What is wrong with a definition, one sentence each."""
    # AWS takes a whole number for a BackoffRate too.
    config = Config({ProblemType.FLOAT})
    return [*Linter.validate(_with_plain_seconds(definition), config), *_unparsable(definition, "")]


def _with_plain_seconds(value: Any, name: str = "") -> Any:
    """The definition without computed time-outs, which AWS knows and statelint does not."""
    if isinstance(value, dict):
        return {key: _with_plain_seconds(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_seconds(item) for item in value]
    return 1 if name in ("TimeoutSeconds", "HeartbeatSeconds") and isinstance(value, str) else value


def _unparsable(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unparsable(item, f"{path}.{key}")
    elif isinstance(value, str) and value.startswith("{%"):
        try:
            jsonata.Jsonata(value.removeprefix("{%").removesuffix("%}").strip())
        except jsonata.JException as error:
            yield f"{path.lstrip('.')}: {error}"


def main() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in sorted(DEFINITIONS.glob("*.asl.json"))
        for problem in problems(json.loads(path.read_text()))
    ]
    print("\n".join(found) or "the state machines are sound")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
