"""The decisions of IAM: one more check that AWS makes, and a record of all that roles are allowed."""

import itertools
import json
import os
import re
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_evaluator

from local.mends import rights

RECORD = "GATEHOUSE_IAM_DECISIONS"

_first_evaluation: ContextVar[Any] = ContextVar("gatehouse_evaluation", default=None)
_request: ContextVar[int] = ContextVar("gatehouse_request", default=0)


_TAGGING = {"iam:CreateUser": "iam:TagUser", "secretsmanager:CreateSecret": "secretsmanager:TagResource"}


def tags_on_creation() -> None:
    """CreateUser and CreateSecret with tags also need the right to tag; the emulator asks for the first alone."""

    def tagging(action: str, resource: str, context: Any) -> list[rights.Further]:
        tags = action in _TAGGING and (context or {}).get("aws:TagKeys")
        return [(_TAGGING[action], action.partition(":")[0], resource, context)] if tags else []

    rights.also(tagging)


def recorder() -> None:
    """Not a mend: with GATEHOUSE_IAM_DECISIONS=<file> one JSON line for every decision about a call by a role.

    A report of what each statement was needed for reads it: role_name, action, resource, decision and sid, the
    Sid of the statement that allowed or denied it. So does a count of calls: request tells the decisions of one
    call, of a transaction say, from those of the next, and operation is what was called.
    """
    path = os.environ.get(RECORD)
    if not path:
        return
    original_enforce, original_evaluate = iam_evaluator.enforce, iam_evaluator.evaluate
    original_origin = app.pin_request_origin
    numbers = itertools.count(1)
    # Unbuffered and appending: a line is whole, or it is not there.
    record = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def origin(source_ip: str, secure_transport: bool) -> None:
        # The first thing that the emulator notes of a request, in the context that only this request has.
        _request.set(next(numbers))
        original_origin(source_ip, secure_transport)

    def evaluate(context: Any, policies: Any, *limits: Any) -> Any:
        result = original_evaluate(context, policies, *limits)
        if _first_evaluation.get() is None:
            # Of those that enforce() makes, the identity's comes first and a resource policy's after it.
            _first_evaluation.set((context, result))
        return result

    def enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Any = None,
    ) -> Any:
        _first_evaluation.set(None)
        denied = original_enforce(access_key, action, service, region, resource_arn, service_context)
        if seen := _first_evaluation.get():
            context, result = seen
            role = re.search(r":assumed-role/([^/]+)/", context.principal_arn)
        if seen and role:
            enclosing = (service_context or {}).get("dynamodb:EnclosingOperation")
            line = {
                "request": _request.get(),
                "operation": f"{service}:{enclosing[0]}" if enclosing else action,
                "role_name": role[1],
                "action": action,
                "resource": resource_arn,
                "decision": getattr(denied, "decision", "Allow"),
                "sid": getattr(denied, "matched_sid", "") or result.matched_sid,
            }
            os.write(record, json.dumps(line).encode() + b"\n")
        return denied

    iam_evaluator.enforce = enforce
    iam_evaluator.evaluate = evaluate
    app.pin_request_origin = origin


MENDS = [recorder, tags_on_creation]
