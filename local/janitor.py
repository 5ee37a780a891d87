"""A dry run of the janitor: what no onboarding explains, what would be removed of it, and why. Nothing is changed.

    python -m local.janitor          the local stack that runs
    python -m local.janitor NAME     the stack of that name in AWS, with your own credentials and Region

You need the right to invoke the stack's function Janitor, which the policy <stack>-operator holds. Ends with 0 when
nothing is found, with 1 when something is, with 2 when not everything could be looked at.
"""

import argparse
import json
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import deploy
from local import stack as local_stack
from local.client import principal

COLUMNS = ("kind", "name", "outcome", "why", "since")

PATIENT = Config(read_timeout=330, retries={"total_max_attempts": 1})
"""The function's time is 300 s."""


class Unanswered(Exception):
    """The janitor could not be asked, or failed; the message says why."""


def ask(functions: Any, stack: str) -> dict[str, Any]:
    """What a dry run answers: `found` and `not_looked_at`. Raises Unanswered."""
    try:
        answer = functions.invoke(FunctionName=f"{stack}-Janitor", Payload=json.dumps({"dry_run": True}).encode())
    except (ClientError, BotoCoreError) as error:
        raise Unanswered(str(error)) from None
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Unanswered(f"{said['errorType']}: {said['errorMessage']}")
    return said


def table(found: list[dict[str, str]]) -> str:
    """One line for each finding, in columns."""
    rows = [COLUMNS, *(tuple(one[column] for column in COLUMNS) for one in found)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(COLUMNS))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _functions(stack: str | None) -> Any:
    if stack:
        return boto3.client("lambda", config=PATIENT)
    running = local_stack.running(local_stack.STATE_DIR)
    if running is None:
        raise Unanswered("no local stack runs: `make up` starts one, STACK=<name> asks one in AWS")
    return principal(running, "operator").aws("lambda")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local.janitor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stack", nargs="?", help="the name of a stack in AWS")
    stack: str | None = parser.parse_args().stack
    try:
        said = ask(_functions(stack), stack or deploy.STACK)
    except (Unanswered, BotoCoreError) as failure:
        print(failure, file=sys.stderr)
        sys.exit(2)
    print(table(said["found"]) if said["found"] else "nothing is found")
    if said["not_looked_at"]:
        print(f"could not look at: {', '.join(said['not_looked_at'])}", file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if said["found"] else 0)


if __name__ == "__main__":
    main()
