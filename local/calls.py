"""Which calls of AWS the functions made, from the emulator's record of IAM's decisions."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

_WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")


@dataclass(frozen=True)
class Call:
    """One request: `operation` such as `iam:CreateUser`; `writes` counts the items that a write is about, `keys` the
    uses of a KMS key, those that Secrets Manager makes on the way included.
    """

    function: str
    operation: str
    writes: int
    keys: int

    @property
    def service(self) -> str:
        return self.operation.split(":")[0]


def made(record: Path, *, after: int = 0) -> Iterator[Call]:
    """The calls of the stack's functions, without those of the first `after` lines."""
    lines = [json.loads(line) for line in record.read_text().splitlines()[after:]]
    lines.sort(key=lambda line: line["request"])
    for _, decisions in groupby(lines, key=lambda line: line["request"]):
        first, *others = list(decisions)
        actions = [first["action"], *(one["action"] for one in others)]
        if function := re.search(r"-(\w+)FunctionRole-", first["role_name"]):
            yield Call(
                function[1],
                first["operation"],
                writes=sum(action in _WRITES for action in actions),
                keys=sum(action.startswith("kms:") for action in actions),
            )


def lines(record: Path) -> int:
    """How long the record is now."""
    return len(record.read_text().splitlines()) if record.exists() else 0
