"""What people do in the stories: request, decide, claim, enrol, start an execution by hand."""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from local import client, deploy
from local.client import Answer, Person, wait_for
from tests.workflow import overheard

FINAL = {"COMPLETE", "REJECTED", "EXPIRED", "CANCELLED", "FAILED"}

Asked = TypeVar("Asked")
Given = TypeVar("Given")

_making_clients = threading.Lock()


@dataclass(frozen=True)
class Onboarding:
    """One onboarding as its requester knows it; `claim_code` is None for a start by hand."""

    stack: Mapping[str, Any]
    id: str
    user_name: str
    email: str
    claim_code: str | None = None
    machine: str = "state_machine_arn"

    @property
    def path(self) -> str:
        return f"/onboardings/{self.id}"

    @property
    def execution_arn(self) -> str:
        return f"{self.stack[self.machine].replace(':stateMachine:', ':execution:')}:{self.id}"


def root(stack: Mapping[str, Any], service: str) -> Any:
    """A client that no policy binds."""
    return _client(service, stack["endpoint_url"], "test", "test")


def aws(person: Person, service: str) -> Any:
    """A client with that person's own keys."""
    keys = (person.access_key_id, person.secret_access_key, *filter(None, [person.session_token]))
    return _client(service, person.stack["endpoint_url"], *keys)


@cache
def _cached_client(*arguments: str) -> Any:
    return deploy.client(*arguments)


def _client(*arguments: str) -> Any:
    # Clients may be used by many threads, but boto3 makes them in one only.
    with _making_clients:
        return _cached_client(*arguments)


def person(stack: Mapping[str, Any], name: str) -> Person:
    return client.principal(stack, name)


def call(stack: Mapping[str, Any], by: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """A signed request by one of the people of stack.json; `idempotency_key="k"` is the header Idempotency-Key."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = person(stack, by).call(method, path, body, given)
    overheard.answer(answer)
    return answer


def wanted(stem: str, profile: str, **fields: Any) -> dict[str, Any]:
    """A request for a user whom no other story has."""
    name = f"{stem}-{uuid.uuid4().hex[:8]}"
    if profile == "migration-admin":
        fields.setdefault("justification", "moves the data centre")
    return {"user_name": name, "email": f"{name}@example.com", "profile": profile, **fields}


def submit(stack: Mapping[str, Any], request: Mapping[str, Any], **headers: str) -> Onboarding:
    """What the requester has in hand after POST /onboardings answered 202."""
    answer = call(stack, "requester", "POST", "/onboardings", dict(request), **headers)
    assert answer.status == 202, answer.body
    return accepted(stack, request, answer)


def accepted(stack: Mapping[str, Any], request: Mapping[str, Any], answer: Answer) -> Onboarding:
    code = answer.json["claim_code"]
    overheard.secret("claim code", code)
    return Onboarding(stack, answer.json["onboarding_id"], request["user_name"], request["email"], code)


def requested(stack: Mapping[str, Any], stem: str, profile: str = "developer", **fields: Any) -> Onboarding:
    """A fresh onboarding, requested through the API."""
    return submit(stack, wanted(stem, profile, **fields))


def awaited(onboarding: Onboarding, *statuses: str, seconds: float = 60) -> dict[str, Any]:
    """The record as the table holds it, once it is in one of these statuses.

    Read as root and not through the API: fifty stories that poll would keep both cores busy with GETs.
    """

    def look() -> dict[str, Any] | None:
        item = row(onboarding.stack, f"onboarding#{onboarding.id}")
        if item is None or item["status"] in statuses:
            return item
        ended = item["status"] in FINAL and f"{item['status']} {item['status_reason']}: {item['status_detail']}"
        assert not ended, f"{onboarding.user_name} ended {ended}, awaited {statuses}"
        return None

    return wait_for(look, f"{onboarding.user_name} {' or '.join(statuses)}", seconds)


def row(stack: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """An item of the table in plain values."""
    found = root(stack, "dynamodb").get_item(TableName=stack["table_name"], Key={"pk": {"S": key}}, ConsistentRead=True)
    return _plain({"M": found["Item"]}) if "Item" in found else None


def rows(stack: Mapping[str, Any], **having: str) -> list[dict[str, Any]]:
    """The items of the table in plain values; those with these attributes, if any are given."""
    wanted: dict[str, Any] = {"TableName": stack["table_name"], "ConsistentRead": True}
    if having:
        wanted["FilterExpression"] = " AND ".join(f"{name} = :{name}" for name in having)
        wanted["ExpressionAttributeValues"] = {f":{name}": {"S": value} for name, value in having.items()}
    pages = root(stack, "dynamodb").get_paginator("scan").paginate(**wanted)
    return [_plain({"M": item}) for page in pages for item in page["Items"]]


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    if kind == "M":
        return {name: _plain(one) for name, one in content.items()}
    if kind == "L":
        return [_plain(one) for one in content]
    return int(content) if kind == "N" else None if kind == "NULL" else content


def decide(onboarding: Onboarding, decision: str, reason: str | None = None, by: str = "approver") -> Answer:
    body = {"decision": decision, "reason": reason}
    return call(onboarding.stack, by, "POST", f"{onboarding.path}/decision", body)


def approve(onboarding: Onboarding, by: str = "approver") -> None:
    answer = decide(onboarding, "approve", by=by)
    assert answer.status == 200, answer.body


def cancel(onboarding: Onboarding, by: str = "requester") -> Answer:
    return call(onboarding.stack, by, "POST", f"{onboarding.path}/cancel")


def ask_for_reset(onboarding: Onboarding, by: str = "operator", **headers: str) -> Answer:
    """Somebody asks for a reset of the user's MFA."""
    body = {"reason": "lost the phone; called back on the known number"}
    answer = call(onboarding.stack, by, "POST", f"{onboarding.path}/mfa-reset", body, **headers)
    if answer.status == 202:
        overheard.secret("claim code", answer.json["claim_code"])
    return answer


def reset(onboarding: Onboarding) -> Onboarding:
    """A reset of the user's MFA as the operator knows it who asked for it."""
    answer = ask_for_reset(onboarding)
    assert answer.status == 202, answer.body
    asked = {"id": answer.json["onboarding_id"], "claim_code": answer.json["claim_code"]}
    return replace(onboarding, **asked, machine="mfa_reset_state_machine_arn")


def resend(onboarding: Onboarding, by: str = "requester") -> Answer:
    answer = call(onboarding.stack, by, "POST", f"{onboarding.path}/resend")
    if answer.status == 200:
        overheard.secret("claim code", answer.json["claim_code"])
    return answer


def reissue(onboarding: Onboarding, what: str, reason: str = "laptop was stolen", by: str = "operator") -> Answer:
    body = {"what": what, "reason": reason}
    answer = call(onboarding.stack, by, "POST", f"{onboarding.path}/reissue", body)
    if answer.status == 200:
        overheard.secret("claim code", answer.json["claim_code"])
    return answer


def mails(onboarding: Onboarding, subject: str, to: str = "") -> list[dict[str, Any]]:
    """The mails about this onboarding whose subject begins so, oldest first; to anybody or to one address."""
    sent = client.mails(onboarding.stack, to, about=onboarding.user_name)
    return [mail for mail in sent if mail["subject"].startswith(subject)]


def link(onboarding: Onboarding, subject: str = "Your AWS account access", number: int = 1) -> str:
    """The claim token in the n-th such mail to the user."""

    def look() -> list[dict[str, Any]] | None:
        found = mails(onboarding, subject, onboarding.email)
        return found if len(found) >= number else None

    mail = wait_for(look, f"mail {number} {subject!r} to {onboarding.user_name}")[number - 1]
    token = client.claim_token(onboarding.stack, mail)
    overheard.secret("claim token", token)
    return token


def claim(onboarding: Onboarding, token: str, code: str | None = None) -> Answer:
    """What the claim page's button does; with the requester's code if no other is given."""
    answer = client.claim(onboarding.stack, token, code or str(onboarding.claim_code))
    if answer.status == 200:
        for name in ("password", "secret_access_key"):
            overheard.secret(name.replace("_", " "), answer.json.get(name))
    else:
        overheard.answer(answer)
    return answer


@contextmanager
def signed_in(onboarding: Onboarding) -> Iterator[Person]:
    """The new user with keys to sign with.

    A user signs in at the console with the password, and the emulator has no console. So root lends the user an
    access key, which no user could make for itself, and takes it back: from then on nothing differs from a sign-in.
    """
    iam = root(onboarding.stack, "iam")
    key = iam.create_access_key(UserName=onboarding.user_name)["AccessKey"]
    try:
        yield Person(onboarding.stack, key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        # CompleteOnboarding removes keys that it did not make.
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_access_key(UserName=onboarding.user_name, AccessKeyId=key["AccessKeyId"])


def enrol(onboarding: Onboarding) -> str:
    """The user enrols a virtual device, as the mail says; returns its serial number."""
    with signed_in(onboarding) as user:
        return enrol_device(aws(user, "iam"), onboarding.user_name, onboarding.user_name)


def enrol_device(iam: Any, user_name: str, device_name: str) -> str:
    """Whoever that client signs for enrols a device for a user; returns its serial number."""
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=device_name)["VirtualMFADevice"]
    serial: str = device["SerialNumber"]
    iam.enable_mfa_device(
        UserName=user_name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    return serial


def password_is(onboarding: Onboarding, password: str) -> bool:
    """Whether the user's password is this one; it is another one afterwards, as after a forced reset."""
    with signed_in(onboarding) as user:
        iam = aws(user, "iam")
        try:
            iam.change_password(OldPassword=password, NewPassword=f"Own-{uuid.uuid4()}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
    return True


def start_by_hand(stack: Mapping[str, Any], document: str, name: str | None = None) -> str:
    """The operator starts the machine in the Step Functions console; returns the execution's name."""
    name = name or f"by-hand-{uuid.uuid4()}"
    aws(person(stack, "operator"), "stepfunctions").start_execution(
        stateMachineArn=stack["state_machine_arn"], name=name, input=document
    )
    return name


def wake(onboarding: Onboarding, token: str) -> None:
    """The administrator answers a task token as the machine's own functions do."""
    admin = aws(person(onboarding.stack, "admin"), "stepfunctions")
    admin.send_task_success(taskToken=token, output="{}")


def now() -> str:
    """The time as the records write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def at_once(call: Callable[[Asked], Given], asked: Iterable[Asked], threads: int = 50) -> list[Given]:
    """The answers to calls made at the same time, in their order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, asked))
