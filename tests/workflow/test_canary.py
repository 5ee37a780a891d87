"""Passwords, codes, tokens and keys stand where they belong, and nowhere else: not when something fails either.

The stack logs at DEBUG. The search goes over what every story of the run noted, and these make the worst cases sure.
"""

import base64
import html
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local import client
from local.client import Answer, wait_for
from tests.workflow import evidence, faults, overheard, people

Places = Mapping[str, list[str]]

WHOLE = 10_000
"""As many log events FilterLogEvents answers with; where it does, there may be more."""
ANCHOR = 8
"""Characters by which a secret is first looked for; a claim code, the shortest, has no more."""


def test_an_onboarding_with_everything_to_reveal(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "revealing", "power-user", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.secret_value(onboarding, "password")
    assert people.claim(onboarding, people.link(onboarding), "AAAAAAAA").status == 403
    code = people.resend(onboarding).json["claim_code"]
    claimed = people.claim(onboarding, people.link(onboarding, number=2), code)
    assert people.password_is(onboarding, claimed.json["password"])
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert people.claim(onboarding, people.link(onboarding, "Your AWS access key"), code).status == 200


def test_an_onboarding_that_is_rolled_back(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "unrevealed")
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.secret_value(onboarding, "password")
    token = people.link(onboarding)
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")
    assert people.claim(onboarding, token).status == 410


def test_a_password_that_iam_does_not_take(stack: dict[str, Any]) -> None:
    request = people.wanted("refused-password", "developer")
    user = faults.user_arn(stack, request["user_name"])
    with faults.denied(stack, "IssuePassword", "iam:CreateLoginProfile", user):
        onboarding = people.submit(stack, request)
        assert wait_for(lambda: _stored(onboarding, "password"), "the password")
        evidence.undone(onboarding, "FAILED", "ACCESS_DENIED")


def test_an_access_key_that_cannot_be_handed_over(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "refused-key", access=["programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    user = faults.user_arn(stack, onboarding.user_name)
    with faults.denied(stack, "CompleteOnboarding", "iam:DeleteLoginProfile", user):
        people.enrol(onboarding)
        assert wait_for(lambda: _stored(onboarding, "access-key"), "the key")
        evidence.undone(onboarding, "FAILED", "ACCESS_DENIED")


def test_a_claim_that_cannot_be_answered(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "refused-claim")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    secrets = faults.secrets_arn(onboarding)
    with faults.denied(stack, "ClaimSecret", "secretsmanager:GetSecretValue", secrets):
        assert people.claim(onboarding, token).status == 500
    assert people.claim(onboarding, token).status == 200
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")


@pytest.fixture(scope="module")
def planted() -> str:
    # In JSON, in HTML and in base64 it looks otherwise.
    return f"planted-{uuid.uuid4()}-<'&\"\\>"


@pytest.fixture(scope="module")
def places(stack: dict[str, Any], stack_dir: Path, planted: str) -> Places:
    """Everything that the run has left so far, with something planted in each place."""
    _plant(stack, stack_dir, planted)
    return _places(stack, stack_dir)


@pytest.mark.afterwards
def test_the_search_finds_what_is_planted(places: Places, planted: str) -> None:
    noted = {"planted": frozenset({planted})}
    hits = {place: [_hits(texts, value) for _, value in _suspected(texts, noted)] for place, texts in places.items()}
    assert hits == {place: [1] for place in places}


@pytest.mark.afterwards
def test_no_secret_stands_where_it_does_not_belong(stack: dict[str, Any], places: Places) -> None:
    for token in _task_tokens(places["histories"]):
        overheard.secret("task token", token)
    noted = overheard.secrets()
    assert noted.keys() == {"password", "secret access key", "claim code", "claim token", "task token"}
    assert _log_level(stack) == "DEBUG"
    # The errors that were forced did reach the logs.
    for failed in ("CreateLoginProfile", "DeleteLoginProfile", "GetSecretValue"):
        assert any(failed in line and "AccessDenied" in line for line in places["logs"]), failed

    found = [
        f"a {kind} in the {place}"
        for place, texts in places.items()
        for kind, value in _suspected(texts, noted)
        if _hits(texts, value) > _belongs(kind, place)
    ]
    assert found == []


def _belongs(kind: str, place: str) -> float:
    """In how many texts of a place a secret of that kind may stand."""
    if kind == "task token" and place in ("table", "histories"):
        return float("inf")  # it only wakes the machine
    return 1 if (kind, place) == ("claim token", "mails") else 0


def _hits(texts: list[str], secret: str) -> int:
    return sum(any(form in text for form in _forms(secret)) for text in texts)


def _suspected(texts: list[str], noted: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """The secrets of which a form begins as something in these texts does: one reading, however many they are."""
    whole = "\n".join(texts)
    windows = map(whole.__getitem__, map(slice, range(len(whole)), range(ANCHOR, len(whole) + ANCHOR)))
    beginnings = {form[:ANCHOR] for values in noted.values() for value in values for form in _forms(value)}
    there = beginnings.intersection(windows)
    for kind, values in noted.items():
        yield from ((kind, value) for value in values if any(form[:ANCHOR] in there for form in _forms(value)))


def _forms(secret: str) -> set[str]:
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        html.escape(secret),
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode(),
    }


def _places(stack: dict[str, Any], stack_dir: Path) -> Places:
    """Everything that the stack has written anywhere but into Secrets Manager, and said to anybody."""
    machines = people.root(stack, "stepfunctions")
    executions = machines.get_paginator("list_executions").paginate(stateMachineArn=stack["state_machine_arn"])
    return {
        "logs": _log_lines(stack),
        "histories": [_history(machines, one["executionArn"]) for page in executions for one in page["executions"]],
        "table": [json.dumps(item) for item in people.rows(stack)],
        "mails": ["\n".join((mail["subject"], mail["text"], mail["html"])) for mail in client.mails(stack)],
        "dead letters": _dead_letters(stack),
        "refusals": overheard.refusals(),
        "emulator's logs": [line for log in stack_dir.glob("*.log") for line in log.read_text().splitlines()],
    }


def _log_lines(stack: dict[str, Any]) -> list[str]:
    logs = people.root(stack, "logs")
    groups = [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]
    return [message for group in groups for message in _messages(logs, group, _streams(logs, group))]


def _streams(logs: Any, group: str) -> list[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]


def _messages(logs: Any, group: str, streams: list[str]) -> Iterator[str]:
    """Of so many streams at a time that the answer is whole: the emulator's FilterLogEvents has no second page."""
    if not streams:
        return
    events = logs.filter_log_events(logGroupName=group, logStreamNames=streams)["events"]
    if len(events) < WHOLE:
        yield from (event["message"] for event in events)
        return
    assert len(streams) > 1, f"{streams} has more than can be read"
    half = len(streams) // 2
    yield from _messages(logs, group, streams[:half])
    yield from _messages(logs, group, streams[half:])


def _history(machines: Any, execution: str) -> str:
    pages = machines.get_paginator("get_execution_history").paginate(executionArn=execution, includeExecutionData=True)
    described = machines.describe_execution(executionArn=execution)
    return json.dumps([described, *pages], default=str)


def _dead_letters(stack: dict[str, Any]) -> list[str]:
    queues, url = _dead_letter_queue(stack)
    found: dict[str, str] = {}
    while True:
        messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        if {message["MessageId"] for message in messages} <= found.keys():
            return list(found.values())
        found |= {message["MessageId"]: message["Body"] for message in messages}


def _dead_letter_queue(stack: dict[str, Any]) -> tuple[Any, str]:
    queues = people.root(stack, "sqs")
    return queues, queues.get_queue_url(QueueName="gatehouse-dead-letters")["QueueUrl"]


def _task_tokens(histories: list[str]) -> set[str]:
    """The token of every state that ever waited."""
    events = (event for history in histories for page in json.loads(history)[1:] for event in page["events"])
    parameters = (event.get("taskScheduledEventDetails", {}).get("parameters", "{}") for event in events)
    payloads = (json.loads(one).get("Payload", {}) for one in parameters)
    return {payload["task_token"] for payload in payloads if "task_token" in payload}


def _log_level(stack: dict[str, Any]) -> str:
    configured = people.root(stack, "lambda").get_function_configuration(FunctionName="gatehouse-IssuePassword")
    level: str = configured["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"]
    return level


def _stored(onboarding: people.Onboarding, what: str) -> str | None:
    secrets = people.root(onboarding.stack, "secretsmanager")
    try:
        return evidence.secret_value(onboarding, what)
    except secrets.exceptions.ResourceNotFoundException:
        return None


def _plant(stack: dict[str, Any], stack_dir: Path, text: str) -> None:
    """Once into each place, by the way in which such a place is written."""
    logs, group = people.root(stack, "logs"), "/aws/lambda/gatehouse-functions"
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps({"cause": text})}
    logs.put_log_events(logGroupName=group, logStreamName="planted", logEvents=[event])
    people.start_by_hand(stack, json.dumps({"user_name": text}))
    item = {"pk": {"S": "planted"}, "note": {"M": {"hidden": {"S": text}}}}
    people.root(stack, "dynamodb").put_item(TableName=stack["table_name"], Item=item)
    people.root(stack, "sesv2").send_email(
        FromEmailAddress="gatehouse@example.com",
        Destination={"ToAddresses": ["planted@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Planted"}, "Body": {"Html": {"Data": html.escape(text)}}}},
    )
    queues, url = _dead_letter_queue(stack)
    queues.send_message(QueueUrl=url, MessageBody=base64.b64encode(text.encode()).decode())
    overheard.answer(Answer(400, {}, json.dumps({"detail": text}).encode()))
    (stack_dir / "planted.log").write_text(f"{text}\n")
