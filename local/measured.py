"""One onboarding on the local stack, with everything that it took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import calls, people, prices, workers
from local.calls import Call
from local.client import Person, claim, claim_token, principal, send, wait_for
from local.workers import Worker

# What the measuring itself asks, and what the schedule does meanwhile, is no part of an onboarding.
_OUTSIDE = {"ReadOnboardings", "FollowUp"}


@dataclass(frozen=True)
class Run:
    """One onboarding with one approval: what it called, and what its functions' processes had used after it."""

    seconds: float
    calls: Sequence[Call]
    workers: Sequence[Worker]
    history: Sequence[Mapping[str, Any]]
    recipients: int
    requests: int
    record: int

    @property
    def transitions(self) -> int:
        return sum(event["type"].endswith("StateEntered") for event in self.history)


def onboard(stack: Mapping[str, Any], state_dir: Path, decisions: Path, user_name: str) -> Run:
    """Run one of profile power-user, acting as each person; `decisions` is the stack's record of IAM decisions."""
    before, began = calls.lines(decisions), time.monotonic()
    requester = principal(stack, "requester")
    request = {"user_name": user_name, "email": f"{user_name}@example.com", "profile": "power-user"}
    accepted = requester.post("/onboardings", request).json
    onboarding_id = accepted["onboarding_id"]
    _wait_for_status(requester, onboarding_id, "PENDING_APPROVAL")
    people.decide(principal(stack, "approver"), onboarding_id, "approve", "bench")
    _wait_for_status(requester, onboarding_id, "PENDING_MFA")
    mail = people.mails_about(stack, onboarding_id, request["email"])[0]
    send("GET", stack["claim_url"])
    claim(stack, claim_token(stack, mail), accepted["claim_code"])
    people.enrol(people.stand_in(principal(stack, "admin"), user_name), user_name)
    history = wait_for(lambda: _ended(principal(stack, "operator"), onboarding_id), "the end of the execution")
    items = principal(stack, "admin").aws("dynamodb")
    item = items.get_item(TableName=stack["table_name"], Key={"pk": {"S": f"onboarding#{onboarding_id}"}})["Item"]
    return Run(
        seconds=time.monotonic() - began,
        calls=[call for call in calls.made(decisions, after=before) if call.function not in _OUTSIDE],
        workers=[worker for worker in workers.running(state_dir) if worker.function not in _OUTSIDE],
        history=history,
        recipients=sum(len(sent["to"]) for sent in people.mails_about(stack, onboarding_id)),
        # POST /onboardings, the decision, the claim page and the claim.
        requests=4,
        record=_item_size(item),
    )


def _wait_for_status(requester: Person, onboarding_id: str, status: str) -> None:
    wait_for(lambda: people.record(requester, onboarding_id)["status"] == status, status)


def _ended(operator: Person, onboarding_id: str) -> list[dict[str, Any]] | None:
    execution = operator.stack["state_machine_arn"].replace(":stateMachine:", ":execution:")
    stepfunctions = operator.aws("stepfunctions")
    answer = stepfunctions.get_execution_history(executionArn=f"{execution}:{onboarding_id}", maxResults=1000)
    events: list[dict[str, Any]] = answer["events"]
    return events if events[-1]["type"] == "ExecutionSucceeded" else None


def _item_size(item: Mapping[str, Any]) -> int:
    """Bytes of an item as DynamoDB counts them: names and values, and a byte for each element of what holds others."""
    return sum(len(name) + _value_size(value) for name, value in item.items())


def _value_size(typed: Mapping[str, Any]) -> int:
    kind, value = next(iter(typed.items()))
    if kind == "M":
        return 3 + len(value) + _item_size(value)
    return 3 + len(value) + sum(map(_value_size, value)) if kind == "L" else len(str(value).encode())


def usage(run: Run) -> prices.Usage:
    """What it used, for its price."""

    def count(*operations: str) -> int:
        return sum(call.operation in operations for call in run.calls)

    return prices.Usage(
        transitions=run.transitions,
        invocations=len(run.workers),
        cpu=sum(worker.cpu for worker in run.workers),
        calls=len(run.calls),
        recipients=run.recipients,
        requests=run.requests,
        writes=sum(call.writes for call in run.calls),
        transacted=sum(call.writes for call in run.calls if call.operation == "dynamodb:TransactWriteItems"),
        reads=count("dynamodb:GetItem"),
        secret_calls=sum(call.service == "secretsmanager" for call in run.calls),
        key_uses=sum(call.keys for call in run.calls),
        record=run.record,
    )
