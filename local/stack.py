"""The local stack: the real template, built and deployed by sam, on an emulator of AWS on this machine.

    python -m local.stack up      start it, or say where it runs if it does
    python -m local.stack down    stop it and remove what it left; harmless when nothing runs

`up` writes .local/stack.json. What changed since the stack came up is not deployed to it: `down`, then `up`.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from local import deploy, process, seed
from local.mails import PATH as MAILS

STATE_DIR = process.ROOT / ".local"
IAM_CALLS = "iam-calls.jsonl"

T = TypeVar("T")


def up(
    parameters: Mapping[str, str] | None = None,
    state_dir: Path = STATE_DIR,
    iam_decisions: Path | None = None,
    mail_server: str | None = None,
    iam_calls_per_second: float | None = None,
) -> dict[str, Any]:
    """Start an emulator on a free port, deploy the template to it, and create the people who use it.

    `parameters` replace the template parameters that are otherwise passed; `iam_decisions` is a file that takes one
    JSON line for every call that a role's policies decided; `mail_server` is the `host:port` of an SMTP server that
    gets every mail as well; `iam_calls_per_second` is what IAM answers at most, its calls are then noted in the file
    IAM_CALLS of the state directory. Two stacks may run at once, each with a state directory
    of its own; they share the build. Returns what it wrote to stack.json.
    """
    state_dir = state_dir.resolve()
    if already := running(state_dir):
        return already
    down(state_dir)
    state_dir.mkdir(parents=True, exist_ok=True)
    try:
        extra = {"GATEHOUSE_IAM_DECISIONS": str(iam_decisions.resolve())} if iam_decisions else {}
        extra |= {"SMTP_HOST": mail_server} if mail_server else {}
        if iam_calls_per_second:
            # As in local/mends/iam_rate.py, which only the emulator's environment can import.
            extra["GATEHOUSE_IAM_CALLS_PER_SECOND"] = str(iam_calls_per_second)
            extra["GATEHOUSE_IAM_CALLS"] = str(state_dir / IAM_CALLS)
            # What is reserved for the steps is taken from all there is, and a crowd needs the rest as well.
            extra["LAMBDA_ACCOUNT_CONCURRENCY"] = "64"
        stack = _start(state_dir, dict(parameters or {}), extra)
    except BaseException:
        process.stop(state_dir)
        raise
    _written(state_dir).write_text(json.dumps(stack, indent=2) + "\n")
    return stack


def down(state_dir: Path = STATE_DIR) -> int:
    """Stop the stack of that state directory, however much of it is left; returns how many processes that ended."""
    state_dir = state_dir.resolve()
    ended = process.stop(state_dir)
    _written(state_dir).unlink(missing_ok=True)
    return ended


def _start(state_dir: Path, parameters: dict[str, str], extra: dict[str, str]) -> dict[str, Any]:
    template = _phase("sam build", deploy.build)
    port = _phase("emulator", lambda: process.start(state_dir, extra))
    url = f"http://127.0.0.1:{port}"
    seed.account(url)
    given = _defaults() | parameters
    outputs = _phase("sam deploy", lambda: deploy.deploy(template, url, state_dir, given))
    # Only the deployed API has an address, and the mails must name one that this machine reaches.
    origin = deploy.reachable(outputs["ClaimUrl"], url).removesuffix("/claim")
    given |= {"ClaimOrigin": origin}
    outputs = _phase("claim address", lambda: deploy.change(url, given))
    return {
        "endpoint_url": url,
        "region": process.REGION,
        "account_id": process.ACCOUNT,
        "api_url": deploy.reachable(outputs["ApiUrl"], url),
        "claim_url": outputs["ClaimUrl"],
        "state_machine_arn": outputs["OnboardingStateMachineArn"],
        "mfa_reset_state_machine_arn": outputs["MfaResetStateMachineArn"],
        "table_name": outputs["TableName"],
        "mail_url": url + MAILS,
        "principals": _phase("people", lambda: seed.principals(url, outputs)),
    }


def _defaults() -> dict[str, str]:
    return {
        "SenderAddress": seed.SENDER,
        "Approvers": json.dumps({"platform": seed.APPROVERS, "security": seed.APPROVERS}),
        "Operators": ",".join(seed.OPERATORS),
    }


def running(state_dir: Path) -> dict[str, Any] | None:
    """What stack.json says, if the emulator it names is this stack's and answers."""
    try:
        stack: dict[str, Any] = json.loads(_written(state_dir).read_text())
        with urllib.request.urlopen(stack["mail_url"], timeout=5):
            answers = True
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None
    return stack if answers and any(process.belonging_to(state_dir)) else None


def _written(state_dir: Path) -> Path:
    return state_dir / "stack.json"


def _phase(name: str, work: Callable[[], T]) -> T:
    print(f"  {name:<14}", end="", flush=True)
    began = time.monotonic()
    result = work()
    print(f"{time.monotonic() - began:6.1f} s", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["up", "down"])
    if parser.parse_args().command == "down":
        print(f"stopped {down()} processes")
        return
    already = running(STATE_DIR)
    try:
        stack = already or up()
    except (deploy.DeployError, process.EmulatorError) as failure:
        sys.exit(str(failure))
    print(f"{'already ' if already else ''}up: {stack['api_url']} (see {_written(STATE_DIR)})")


if __name__ == "__main__":
    main()
