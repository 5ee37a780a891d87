"""Real faults, made with what AWS offers and lifted again: denials, throttled functions, lost events."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from gatehouse import times
from tests.workflow.people import Onboarding, now, root

PROVOKED = "ProvokedByAStory"
"""The Sid of every denial that a story makes: any other denial of a function is a fault of the template."""

_RULE = "gatehouse-mfa-device-enabled"


@contextmanager
def denied(stack: Mapping[str, Any], function: str, action: str, resource: str) -> Iterator[None]:
    """The role of a function may not do this to this resource; with a story's own resource no other one notices."""
    iam, name = root(stack, "iam"), f"story-{uuid.uuid4().hex}"
    role = _role(stack, function)
    statement = {"Sid": PROVOKED, "Effect": "Deny", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def _role(stack: Mapping[str, Any], function: str) -> str:
    arn: str = root(stack, "lambda").get_function_configuration(FunctionName=f"gatehouse-{function}")["Role"]
    return arn.rsplit("/", 1)[-1]


def user_arn(stack: Mapping[str, Any], user_name: str) -> str:
    return f"arn:aws:iam::{stack['account_id']}:user/gatehouse/{user_name}"


def secrets_arn(onboarding: Onboarding, what: str = "*") -> str:
    region, account = onboarding.stack["region"], onboarding.stack["account_id"]
    return f"arn:aws:secretsmanager:{region}:{account}:secret:gatehouse/{onboarding.id}/{what}"


@contextmanager
def held_up(stack: Mapping[str, Any], function: str) -> Iterator[None]:
    """The function is throttled, so whoever comes to it waits: every Task state tries again."""
    functions, name = root(stack, "lambda"), f"gatehouse-{function}"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def no_events_of(onboarding: Onboarding) -> Iterator[None]:
    """CloudTrail's events about this user get lost on their way; those of other users arrive."""
    _unheard(onboarding, set.add)
    try:
        yield
    finally:
        _unheard(onboarding, set.discard)


def _unheard(onboarding: Onboarding, change: Callable[[set[str], str], None]) -> None:
    """Several stories lose their events at a time, and the one rule has to leave out the users of them all."""
    events = root(onboarding.stack, "events")
    with _rule_in_hand:
        rule = events.describe_rule(Name=_RULE)
        pattern = json.loads(rule["EventPattern"])
        parameters = pattern["detail"].pop("requestParameters", {"userName": [{"anything-but": []}]})
        names = set(parameters["userName"][0]["anything-but"])
        change(names, onboarding.user_name)
        if names:
            pattern["detail"]["requestParameters"] = {"userName": [{"anything-but": sorted(names)}]}
        events.put_rule(Name=_RULE, EventPattern=json.dumps(pattern))


_rule_in_hand = threading.Lock()


def invoke(stack: Mapping[str, Any], function: str, payload: Mapping[str, Any]) -> Any:
    """What a deployed function answers, called as AWS would call it; raises RuntimeError with its error."""
    answer = root(stack, "lambda").invoke(FunctionName=f"gatehouse-{function}", Payload=json.dumps(payload))
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RuntimeError(said)
    return said


def follow_up(stack: Mapping[str, Any]) -> None:
    """The schedule fires. It looks after every open onboarding of the stack, also those of other stories."""
    invoke(stack, "FollowUp", {"source": "aws.events"})


def a_minute_passes(onboarding: Onboarding) -> None:
    """For a minute the follow-up leaves an onboarding alone that something has just happened to: make it older."""
    root(onboarding.stack, "dynamodb").update_item(
        TableName=onboarding.stack["table_name"],
        Key={"pk": {"S": f"onboarding#{onboarding.id}"}},
        UpdateExpression="SET updated_at = :then",
        ExpressionAttributeValues={":then": {"S": "2000-01-01T00:00:00.000000Z"}},
    )


def rewrite(onboarding: Onboarding, **changes: Any) -> None:
    """Change attributes of the record behind Gatehouse's back, by their paths."""
    names = {f"#{part}": part for path in changes for part in path.split(".")}
    sets = [f"#{path.replace('.', '.#')} = :value{number}" for number, path in enumerate(changes)]
    values = {f":value{number}": TypeSerializer().serialize(value) for number, value in enumerate(changes.values())}
    root(onboarding.stack, "dynamodb").update_item(
        TableName=onboarding.stack["table_name"],
        Key={"pk": {"S": f"onboarding#{onboarding.id}"}},
        UpdateExpression=f"SET {', '.join(sets)}",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def is_due(stack: Mapping[str, Any], claim: str, in_seconds: float = 0) -> None:
    """Change when a claim ends, behind Gatehouse's back: the stack's own time is a day."""
    at = times.after(now(), in_seconds)
    root(stack, "dynamodb").update_item(
        TableName=stack["table_name"],
        Key={"pk": {"S": f"claim#{claim}"}},
        UpdateExpression="SET expires_at = :at, created_at = :at",
        ConditionExpression="attribute_exists(entity)",
        ExpressionAttributeValues={":at": {"S": at}},
    )
