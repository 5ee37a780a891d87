"""An account in moto as the deployed template makes it, with the functions at hand as Lambda calls them."""

import copy
import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from gatehouse import (
    catalogue,
    effective_grants,
    iam_users,
    onboarding_request,
    passwords,
    profiles,
    records,
    settings,
    times,
)
from gatehouse.model import Decision, Onboarding, Requester, Status
from gatehouse.table import Table
from tests.unit import aws_rules
from tests.unit.wire import Wire, unsigned
from tests.wiring import description
from tests.wiring.template import ROOT, functions, of_type, parameters, resolve

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "us-east-1"
STACK = "gatehouse"
NOW = "2026-03-02T09:00:00.000000Z"
ONBOARDING_ID = "0b6f2c1e-7d43-4a53-9c1f-2f8f4d1e9a70"
"""The id in every sample event."""
EXECUTION_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-onboarding:{ONBOARDING_ID}"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}-onboarding"
USER = "alice.developer"
REQUESTER = "requester@example.com"
APPROVER, SECOND_APPROVER, SECURITY_APPROVER = "alma", "bob@example.com", "carol@example.com"
OPERATOR = "olga"
CHOSEN = {
    "SenderAddress": "gatehouse@example.com",
    "Approvers": json.dumps(
        {"platform": [f"{APPROVER} <alma@example.com>", SECOND_APPROVER], "security": [SECURITY_APPROVER]}
    ),
    "Operators": f"{OPERATOR} <olga@example.com>, otto@example.com",
}
BOUNDARY_PREFIX = f"arn:aws:iam::{ACCOUNT}:policy/gatehouse/{STACK}-"
ENROLLING = f"{BOUNDARY_PREFIX}boundary-enrolling"
MEMBER = f"{BOUNDARY_PREFIX}boundary-member"
MEMBER_ONE_REGION = f"{BOUNDARY_PREFIX}boundary-member-one-region"
APPLICATION = f"{BOUNDARY_PREFIX}boundary-application"
RESTRICTED = f"{BOUNDARY_PREFIX}restricted"
SUSPENDED = f"{BOUNDARY_PREFIX}suspended"
TASK_TOKEN = "AQCE" + "0123456789abcdef" * 127 + "task-token-x"
"""As long as Step Functions makes them: 2,048 characters."""


@dataclass
class Clock:
    moment: str = NOW

    def now(self) -> str:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment = times.after(self.moment, seconds)


@dataclass
class Account:
    """`values` are what the template's references stand for; the clients are the test's own, without faults."""

    wire: Wire
    clock: Clock
    values: dict[str, Any] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def iam(self) -> Any:
        return own_client("iam")

    @property
    def secretsmanager(self) -> Any:
        return own_client("secretsmanager")

    @property
    def dynamodb(self) -> Any:
        return own_client("dynamodb")

    @property
    def table(self) -> Table:
        return Table(self.dynamodb, STACK)

    def call(self, stem: str, event: Any) -> Any:
        """The function's answer to an event, both through JSON as Lambda hands them on."""
        function = functions()[stem]
        handler = getattr(importlib.import_module(function.module), function.handler.rpartition(".")[2])
        with self.environment(stem):
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context())))

    @contextmanager
    def environment(self, stem: str) -> Iterator[None]:
        """The environment of one function: the template's variables and Lambda's own, and nothing else."""
        variables = resolve(dict(functions()[stem].environment), self.values)
        settings.load.cache_clear()
        with patch.dict(os.environ, LAMBDA | {name: str(value) for name, value in variables.items()}, clear=True):
            yield

    def step(self, stem: str, **changes: Any) -> Any:
        """Call a step as the state machine does: with its sample event, parts of it changed."""
        return self.call(stem, event(stem) | changes)

    def steps(self, last: str, **request: Any) -> Onboarding:
        """An onboarding that needs no approval, brought on to this step; returns its record."""
        self.seed(**request)
        for stem in STEPS[: STEPS.index(last) + 1]:
            self.step(stem)
        return self.record()

    def api(self, stem: str, body: Any = None, *, caller: str = REQUESTER, case: str = "", **changes: Any) -> "Answer":
        """The API function's answer; `caller` is an IAM user's name or an ARN, `changes` replace parts of the event."""
        sample = event(stem, case) | changes
        sample["body"] = sample["body"] if body is None else body if isinstance(body, str) else json.dumps(body)
        if sample["requestContext"]["identity"]["userArn"]:
            sample["requestContext"]["identity"]["userArn"] = arn_of(caller)
        given = self.call(stem, sample)
        answer = Answer(given["statusCode"], given["headers"], given["body"])
        # Whatever a test is about: callers were promised the answers that the description tells of.
        read = answer.json if "json" in answer.headers["Content-Type"] else answer.body
        description.require(sample["httpMethod"], sample["resource"], answer.status, answer.headers, read)
        return answer

    def record(self, onboarding_id: str = ONBOARDING_ID) -> Onboarding:
        found = records.find(self.table, onboarding_id)
        assert found is not None
        return found

    def write(self, record: Onboarding) -> Onboarding:
        """Put a record and its lock, whatever stood there."""
        for action in records.creation(self.table, record):
            self.dynamodb.put_item(TableName=STACK, Item=action["Put"]["Item"])
        return record

    def change(self, **changes: Any) -> Onboarding:
        """The record with some attributes replaced."""
        return self.write(replace(self.record(), **changes))

    def seed(self, status: Status = Status.REQUESTED, **described: Any) -> Onboarding:
        """Write the record that `make_record` makes."""
        return self.write(make_record(status, **described))

    def user(self, name: str = USER) -> dict[str, Any] | None:
        """The IAM user as GetUser shows it, or None."""
        try:
            return dict(self.iam.get_user(UserName=name)["User"])
        except self.iam.exceptions.NoSuchEntityException:
            return None

    def secret(self, what: str = "password", generation: int = 1) -> str | None:
        """The stored secret of the onboarding, or None."""
        name = f"gatehouse/{ONBOARDING_ID}/{what}/{generation}"
        try:
            return str(self.secretsmanager.get_secret_value(SecretId=name)["SecretString"])
        except self.secretsmanager.exceptions.ResourceNotFoundException:
            return None

    def password(self, name: str = USER) -> str | None:
        """What the user signs in with."""
        return iam_backends[ACCOUNT]["aws"].users[name].password

    def enrol(self, name: str = "phone", user_name: str = USER) -> str:
        """Enrol a virtual MFA device; returns its serial number."""
        serial: str = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
        self.iam.enable_mfa_device(
            UserName=user_name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
        )
        return serial

    def mails(self) -> list[dict[str, Any]]:
        """The mails sent: to, subject, text, html."""
        return [
            {
                "from": mail["FromEmailAddress"],
                "to": mail["Destination"]["ToAddresses"],
                "subject": mail["Content"]["Simple"]["Subject"]["Data"],
                "text": mail["Content"]["Simple"]["Body"]["Text"]["Data"],
                "html": mail["Content"]["Simple"]["Body"]["Html"]["Data"],
            }
            for mail in self.wire.made("SendEmail")
        ]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Status and slug of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return self.status, self.json["type"].removeprefix("urn:gatehouse:problem:")

    @property
    def fields(self) -> set[str]:
        """The fields that a problem document names."""
        return {error["field"] for error in self.json.get("errors", [])}


LAMBDA = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "example",
    "AWS_LAMBDA_FUNCTION_NAME": "gatehouse-example",
}
AS_APPLICATION: dict[str, Any] = {
    "kind": "application", "user_name": "backup", "profile": "application", "access": ["programmatic"],
    "justification": "nightly backup",
}  # fmt: skip
"""What makes a sound request one for an application."""
STANDS_FOR = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
    "Api": "a1b2c3d4e5",
    "BoundaryEnrolling": ENROLLING,
    "BoundaryMember": MEMBER,
    "BoundaryMemberOneRegion": MEMBER_ONE_REGION,
    "BoundaryApplication": APPLICATION,
    "Restricted": RESTRICTED,
    "Suspended": SUSPENDED,
    "ComplianceBucket": f"{STACK}-compliance",
    "ComplianceBucket.Arn": f"arn:aws:s3:::{STACK}-compliance",
    "ClaimApi": "f6g7h8i9j0",
    "ExpireClaimFunction": f"{STACK}-ExpireClaim",
    "LiftRestrictionFunction": f"{STACK}-LiftRestriction",
    "RollBackFunction": f"{STACK}-RollBack",
    "MailConfigurationSet": STACK,
    "ClaimCodeKey.Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/claim-code",
    "SecretsKey.Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/secrets",
    "Table": STACK,
    "condition HasClaimOrigin": False,
    "condition SweepsMembers": False,
}
"""What the template's references stand for, besides keys, parameters and roles."""
STEPS = (
    "validate_request",
    "create_user",
    "issue_password",
    "attach_policies",
    "send_sign_in_instructions",
    "await_mfa",
    "complete_onboarding",
)


def set_up(account: Account) -> None:
    """What the template makes and the functions need: table, key, group, boundaries; an alias besides."""
    account.values |= STANDS_FOR | parameters(CHOSEN)
    for looked_up_once_a_minute in (iam_users.account_alias, passwords.shortest_allowed):
        looked_up_once_a_minute.cache_clear()
    for function in functions().values():
        role = f"{function.logical_id}Role"
        account.values[f"{role}.Arn"] = f"arn:aws:iam::{ACCOUNT}:role/gatehouse/{STACK}-{role}"
    described = of_type("AWS::DynamoDB::Table")["Table"]["Properties"]
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    account.dynamodb.create_table(TableName=STACK, **{name: described[name] for name in wanted})
    # Not through the API, which takes ten times as long.
    iam = iam_backends[ACCOUNT]["aws"]
    iam.create_account_alias("example-corp")
    iam.create_group("gatehouse-users", "/gatehouse/")
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for arn in (ENROLLING, MEMBER, MEMBER_ONE_REGION, APPLICATION, RESTRICTED, SUSPENDED):
        iam.create_policy("", "/gatehouse/", json.dumps(anything), arn.rpartition("/")[2], [])
    aws_rules.add_aws_policies(iam, set(catalogue.managed_policies()))


@cache
def own_client(service: str) -> Any:
    """The test's own client, made once: it keeps nothing, and no fault meets it."""
    return unsigned(boto3.client(service, region_name=REGION))  # type: ignore[call-overload]


def change_catalogue(patch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], Any]) -> None:
    """Let the catalogue be the shipped one with a change, until the patch is undone."""
    changed = copy.deepcopy(dict(catalogue._catalogue()))
    change(changed)
    patch.setattr(catalogue, "_catalogue", lambda: changed)


def make_request(**request: Any) -> dict[str, Any]:
    """A sound request body."""
    return {"user_name": USER, "email": "alice@example.com", "profile": "developer"} | request


def make_record(
    status: Status = Status.REQUESTED,
    *,
    onboarding_id: str = ONBOARDING_ID,
    requester: Requester | None = None,
    approved_by: tuple[str, ...] = (),
    record: Mapping[str, Any] | None = None,
    **request: Any,
) -> Onboarding:
    """The record of a request as the API writes it, in any status; `record` replaces attributes of the record."""
    account = effective_grants.Account.of(BOUNDARY_PREFIX)
    reviewed = profiles.review(onboarding_request.canonical(make_request(**request)), account, NOW)
    decisions = tuple(Decision(person, arn_of(person), "approve", None, reviewed.digest, NOW) for person in approved_by)
    made = Onboarding(
        onboarding_id=onboarding_id,
        status=status,
        request=reviewed.request,
        digest=reviewed.digest,
        grants=reviewed.grants,
        requester=requester or Requester(arn_of(REQUESTER), REQUESTER, verified=True),
        approval=replace(reviewed.approval, decisions=decisions),
        created_at=NOW,
        updated_at=NOW,
        approval_expires_at=times.after(NOW, 259_200) if reviewed.approval.needed else None,
    )
    return replace(made, **(record or {}))


def arn_of(caller: str) -> str:
    return caller if caller.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:user/{caller}"


def context() -> Any:
    """What Lambda hands a handler besides the event."""
    return SimpleNamespace(
        aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        function_name="gatehouse-example",
        function_version="$LATEST",
        invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gatehouse-example",
        memory_limit_in_mb=512,
        get_remaining_time_in_millis=lambda: 30_000,
    )


def event(stem: str, case: str = "") -> dict[str, Any]:
    """A sample event of `events/`, to be changed at will."""
    path = ROOT / "events" / f"{stem}{f'.{case}' if case else ''}.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return copy.deepcopy(loaded)
