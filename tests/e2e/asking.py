"""Asking the API, and looking at what it did."""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import deploy
from local.client import Answer, Person, claim_token, mails, principal, wait_for

Result = TypeVar("Result")

ROUTES = {
    "submit": ("POST", "/onboardings"),
    "list": ("GET", "/onboardings"),
    "read": ("GET", "/onboardings/{id}"),
    "decide": ("POST", "/onboardings/{id}/decision"),
    "resend": ("POST", "/onboardings/{id}/resend"),
    "cancel": ("POST", "/onboardings/{id}/cancel"),
    "reissue": ("POST", "/onboardings/{id}/reissue"),
    "reset": ("POST", "/onboardings/{id}/mfa-reset"),
    "describe": ("GET", "/openapi.json"),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True)
class Onboarding:
    """What somebody who got a 202 knows."""

    id: str
    user_name: str
    email: str
    claim_code: str

    @property
    def path(self) -> str:
        return f"/onboardings/{self.id}"


def request(**fields: Any) -> dict[str, Any]:
    """A request that would be accepted, for a user nobody else asks for; `fields` replace or add some."""
    name = f"api-{uuid.uuid4().hex[:12]}"
    wanted = {"user_name": name, "email": f"{name}@example.com", "profile": "developer", **fields}
    return {field: value for field, value in wanted.items() if value is not ...}


def signed(person: Person, method: str, path: str, body: bytes) -> tuple[str, dict[str, str]]:
    """Address and headers of a call as SigV4 signs it, without sending it."""
    call = AWSRequest(method, person.stack["api_url"] + path, data=body)
    keys = Credentials(person.access_key_id, person.secret_access_key, person.session_token)
    SigV4Auth(keys, "execute-api", person.stack["region"]).add_auth(call)
    return str(call.url), dict(call.headers)


def submit(person: Person, **fields: Any) -> Onboarding:
    """Ask for an onboarding that is accepted."""
    wanted = request(**fields)
    answer = person.post("/onboardings", wanted)
    assert answer.status == 202, answer.body
    accepted = answer.json
    return Onboarding(accepted["onboarding_id"], wanted["user_name"], wanted["email"], accepted["claim_code"])


def needing_approval(person: Person, profile: str = "power-user", **fields: Any) -> Onboarding:
    """An onboarding that waits for approvers."""
    onboarding = submit(person, profile=profile, justification="moves a system", **fields)
    awaited(person.stack, onboarding.id, "PENDING_APPROVAL")
    return onboarding


def awaited(stack: Mapping[str, Any], onboarding_id: str, *statuses: str, seconds: float = 60) -> dict[str, Any]:
    """The record as GET shows it to an operator, once it is in one of these statuses."""
    operator = principal(stack, "operator")

    def look() -> dict[str, Any] | None:
        record: dict[str, Any] = operator.get(f"/onboardings/{onboarding_id}").json
        return record if record["status"] in statuses else None

    return wait_for(look, f"{onboarding_id} {' or '.join(statuses)}", seconds)


def decide(person: Person, onboarding: Onboarding, decision: str, reason: str | None = None) -> Answer:
    return person.post(f"{onboarding.path}/decision", {"decision": decision, "reason": reason})


def token(stack: Mapping[str, Any], onboarding: Onboarding, number: int = 1) -> str:
    """The token in the n-th mail with a claim link that went to the user."""
    sent = wait_for(lambda: mails(stack, onboarding.email)[number - 1 :] or None, f"mail to {onboarding.email}")
    return claim_token(stack, sent[0])


def problem(answer: Answer, status: int, slug: str | None = None) -> dict[str, Any]:
    """The problem document of a refusal, after a look whether it is one."""
    assert answer.status == status, (answer.status, answer.body[:500])
    assert header(answer, "Content-Type") == "application/problem+json"
    document: dict[str, Any] = answer.json
    kind, title, detail = document["type"], document["title"], document["detail"]
    assert kind.startswith("urn:gatehouse:problem:")
    assert slug is None or kind == f"urn:gatehouse:problem:{slug}"
    assert title
    assert detail
    assert document["status"] == status
    return document


def wrong_fields(answer: Answer) -> set[str]:
    """The fields that a 400 names."""
    errors = problem(answer, 400, "invalid-request")["errors"]
    assert errors
    assert all(set(error) == {"field", "message"} and error["message"] for error in errors), errors
    return {error["field"] for error in errors}


def header(answer: Answer, name: str) -> str | None:
    return next((value for key, value in answer.headers.items() if key.lower() == name.lower()), None)


def times(document: Any, name: str = "") -> Iterator[str]:
    """Every time that an answer holds: the values called `at` or `…_at`."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from times(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from times(value, name)
    elif document is not None and (name == "at" or name.endswith("_at")):
        yield document


def together(*calls: Callable[[], Result]) -> list[Result]:
    """The results of calls made at the same time, in their order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def root(stack: Mapping[str, Any], service: str) -> Any:
    """A client that no policy binds."""
    return _client(service, stack["endpoint_url"])


@cache
def _client(service: str, endpoint_url: str) -> Any:
    return deploy.client(service, endpoint_url)


def person_with(stack: Mapping[str, Any], *policies: str) -> Person:
    """Somebody new with these managed policies of the stack: `requester`, `approver`, `operator`."""
    iam, name = root(stack, "iam"), f"person-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=policy_arn(stack, policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Person(stack, key["AccessKeyId"], key["SecretAccessKey"])


def policy_arn(stack: Mapping[str, Any], policy: str) -> str:
    return f"arn:aws:iam::{stack['account_id']}:policy/gatehouse/gatehouse-{policy}"


def rewrite(stack: Mapping[str, Any], key: str, attribute: str, value: str) -> None:
    """Change an attribute (or path) of a table item behind Gatehouse's back, to be where time would lead."""
    names = {f"#{number}": part for number, part in enumerate(attribute.split("."))}
    root(stack, "dynamodb").update_item(
        TableName=stack["table_name"],
        Key={"pk": {"S": key}},
        UpdateExpression=f"SET {'.'.join(names)} = :value",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={":value": {"S": value}},
    )


@dataclass(frozen=True)
class Traces:
    """What an onboarding leaves from its first moment on. Locks go by themselves, so they tell no two moments apart."""

    rows: frozenset[str]
    executions: frozenset[str]
    locks: frozenset[str] = field(compare=False)


def traces(stack: Mapping[str, Any]) -> Traces:
    """The keys of records and idempotency keys in the table, the names of the executions, and the locked names."""
    pages = (
        root(stack, "dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack["table_name"], ProjectionExpression="pk", ConsistentRead=True)
    )
    keys = [item["pk"]["S"] for page in pages for item in page["Items"]]
    runs = (
        root(stack, "stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=stack["state_machine_arn"])
    )
    names = [run["name"] for page in runs for run in page["executions"]]
    kept = frozenset(key for key in keys if key.startswith(("onboarding#", "idempotency#")))
    return Traces(kept, frozenset(names), frozenset(key[5:] for key in keys if key.startswith("user#")))


def known_names(stack: Mapping[str, Any]) -> set[str]:
    """The names, in small letters, of every IAM user and of everybody who is being onboarded."""
    users = root(stack, "iam").get_paginator("list_users").paginate()
    return {user["UserName"].lower() for page in users for user in page["Users"]} | traces(stack).locks


def is_nobody(stack: Mapping[str, Any], onboarding: Onboarding) -> bool:
    """Whether nothing is left of this user: no lock, no IAM user, no secret."""
    secrets = root(stack, "secretsmanager").get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
    names = [secret["Name"] for page in secrets for secret in page["SecretList"]]
    return onboarding.user_name.lower() not in known_names(stack) and not any(onboarding.id in name for name in names)


def as_json(document: Any) -> bytes:
    """JSON as programs write it; a lone surrogate stays escaped."""
    return json.dumps(document).encode()
