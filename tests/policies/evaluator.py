"""Decides IAM requests with @cloud-copilot/iam-simulate, a batch at a time in one node process."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Request:
    principal: str
    action: str
    resource: str
    context: dict[str, str | list[str]]
    identity: tuple[str, ...]
    boundary: str | None
    # Decide without the check that AWS has this action, and this resource for it.
    as_it_stands: bool = False


@dataclass(frozen=True)
class Decision:
    allowed: bool
    # The Sids that refuse; None for an implicit refusal.
    by: tuple[str | None, ...]


@dataclass(frozen=True)
class Action:
    action: str
    level: str
    arns: tuple[str, ...] = ()
    # The condition keys that a request of it carries, besides those of every request.
    keys: tuple[str, ...] = ()
    # Whether AWS's service authorization reference has it; it lags behind the SDK.
    listed: bool = True


def decide(documents: dict[str, Any], requests: list[Request]) -> list[Decision]:
    """Raises AssertionError for a request with a resource or a condition key that AWS has not for the action:
    a refusal of such a request would prove nothing."""
    decisions = []
    for request, answer in _answers(documents, requests):
        assert "error" not in answer, f"{request.action} on {request.resource}: {answer['error']}"
        assert not answer["ignored"], f"{request.action} has no condition key {answer['ignored']}"
        decisions.append(Decision(allowed=answer["allowed"], by=tuple(answer["by"])))
    return decisions


def allowed_where_it_fits(documents: dict[str, Any], requests: list[Request]) -> list[Request]:
    """The requests that are allowed; one whose resource is none of the action's is left out."""
    return [request for request, answer in _answers(documents, requests) if answer.get("allowed")]


def actions_of(*services: str) -> dict[str, list[Action]]:
    """What the service authorization reference lists: actions, levels, the ARNs of their resources, condition keys."""
    answers = _node({"documents": {}, "requests": [], "services": services})["services"]
    return {
        service: [Action(a["action"], a["level"], tuple(a["arns"]), tuple(a["keys"])) for a in answers[service]]
        for service in services
    }


@cache
def every_iam_and_sts_action() -> list[Action]:
    """AWS's service reference, and what botocore can call beyond it: IAM decides on both."""
    listed = [action for actions in actions_of("iam", "sts").values() for action in actions]
    names = {action.action for action in listed}
    session = botocore.session.get_session()
    callable_too = [
        Action(f"{service}:{operation}", "Write", listed=False)
        for service in ("iam", "sts")
        for operation in session.get_service_model(service).operation_names
        if f"{service}:{operation}" not in names
    ]
    return listed + callable_too


def _answers(documents: dict[str, Any], requests: list[Request]) -> Iterator[tuple[Request, dict[str, Any]]]:
    question = {"documents": documents, "requests": [asdict(r) for r in requests], "services": []}
    yield from zip(requests, _node(question)["decisions"], strict=True)


def _node(question: dict[str, Any]) -> Any:
    node = _running()
    assert node.stdin, node.stdout
    try:
        node.stdin.write(json.dumps(question) + "\n")
        node.stdin.flush()
        answer = node.stdout.readline()
    except BrokenPipeError:
        answer = ""
    assert answer, f"node ended with {node.wait()}: what it said stands above"
    return json.loads(answer)


@cache
def _running() -> subprocess.Popen[str]:
    """The evaluator, which takes longer to start than to answer most questions. It ends with what feeds it."""
    # The node that came with this virtualenv: another one need not be on the machine.
    node = shutil.which("node", path=Path(sys.executable).parent) or shutil.which("node")
    assert node, "node is missing: run `make install`"
    assert (HERE / "node_modules").is_dir(), "the evaluator is missing: run `make install`"
    return subprocess.Popen([node, HERE / "evaluate.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
