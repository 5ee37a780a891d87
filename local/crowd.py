"""Many people who are onboarded at once: each is asked for, claims the password and enrols a device, and is counted.

Each acts as soon as it can. In place of a console session a user signs with keys that root lends, as in `people`.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local import client, deploy
from local.client import Answer, Person

FINAL = ("COMPLETE", "REJECTED", "EXPIRED", "CANCELLED", "FAILED")
OPEN = ("REQUESTED", "PENDING_APPROVAL", "PROVISIONING", "PENDING_MFA", "ROLLING_BACK", "ROLLBACK_INCOMPLETE")

BUSY = (429, 503)
"""What an API answers that would like to be asked again."""

_PATIENCE = 30


@dataclass
class Asked:
    """One request: `seconds` its answers took together, `answers` their statuses, oldest first."""

    user_name: str
    seconds: float = 0.0
    answers: list[int] = field(default_factory=list)
    onboarding_id: str | None = None
    claim_code: str | None = None

    @property
    def email(self) -> str:
        return f"{self.user_name}@example.com"


def ask(requester: Person, user_name: str) -> Asked:
    """POST /onboardings for a developer, who needs no approval; as often as the API says that it is busy."""
    asked = Asked(user_name)
    body = {"user_name": user_name, "email": asked.email, "profile": "developer"}
    while not asked.answers or (asked.answers[-1] in BUSY and len(asked.answers) < _PATIENCE):
        began = time.monotonic()
        answer = requester.post("/onboardings", body, {"Idempotency-Key": user_name})
        asked.seconds += time.monotonic() - began
        asked.answers.append(answer.status)
        if answer.status in BUSY:
            time.sleep(float(answer.headers.get("Retry-After", 1)))
    if asked.answers[-1] == 202:
        asked.onboarding_id, asked.claim_code = answer.json["onboarding_id"], answer.json["claim_code"]
    return asked


def sign_in_and_enrol(stack: Mapping[str, Any], root: Any, asked: Asked) -> None:
    """What the mail asks of the user: claim the password with the code, then enrol a device."""
    mail = client.wait_for(lambda: client.mails(stack, asked.email), f"the mail to {asked.user_name}")[0]
    claimed = client.claim(stack, client.claim_token(stack, mail), str(asked.claim_code))
    if claimed.status != 200:
        raise RuntimeError(f"claim of {asked.user_name}: {claimed.status}")
    key = root.create_access_key(UserName=asked.user_name)["AccessKey"]
    user = Person(stack, key["AccessKeyId"], key["SecretAccessKey"])
    created = _patiently(user, "CreateVirtualMFADevice", VirtualMFADeviceName=asked.user_name)
    serial = re.findall(r"<SerialNumber>(.+?)</SerialNumber>", created.body.decode())[0]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    _patiently(user, "EnableMFADevice", UserName=asked.user_name, SerialNumber=serial, **codes)


def _patiently(user: Person, action: str, **parameters: str) -> Answer:
    """Who is throttled tries again, as a person does who sees an error."""
    for _ in range(_PATIENCE * 10):
        answer = user.iam(action, **parameters)
        if answer.status == 200:
            return answer
        if b"<Code>Throttling</Code>" not in answer.body:
            raise RuntimeError(f"{action}: {answer.status} {answer.body.decode()}")
        time.sleep(random.uniform(0.2, 1))  # noqa: S311
    raise TimeoutError(f"{action}: throttled all the time")


class Ledger:
    """The table as root sees it, whom no policy binds and no limit stops."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self._name = stack["table_name"]
        self._dynamodb = deploy.client("dynamodb", stack["endpoint_url"])

    def ids(self, status: str) -> set[str]:
        """The onboardings in a status."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._name,
            IndexName="by_status",
            KeyConditionExpression="#status = :status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": status}},
        )
        return {item["pk"]["S"].partition("#")[2] for page in pages for item in page["Items"]}

    def statuses(self) -> Counter[str]:
        """How many onboardings are in each status."""
        return Counter({status: len(self.ids(status)) for status in (*OPEN, *FINAL)})

    def items(self) -> Iterator[dict[str, Any]]:
        """Every item, its values still typed."""
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._name):
            yield from page["Items"]


@dataclass(frozen=True)
class Left:
    """What nothing may leave behind: locks, claims and secrets of passwords, users without the member's boundary."""

    locks: int
    open_claims: int
    secrets: int
    unguarded: int

    @property
    def sum(self) -> int:
        return self.locks + self.open_claims + self.secrets + self.unguarded


def left(stack: Mapping[str, Any], ledger: Ledger) -> Left:
    """Once every onboarding has ended."""
    items = list(ledger.items())
    secrets = deploy.client("secretsmanager", stack["endpoint_url"]).get_paginator("list_secrets").paginate()
    iam = deploy.client("iam", stack["endpoint_url"])
    users = [
        user for page in iam.get_paginator("list_users").paginate(PathPrefix="/gatehouse/") for user in page["Users"]
    ]
    boundaries = [
        iam.get_user(UserName=user["UserName"])["User"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
        for user in users
    ]
    return Left(
        locks=sum(item["pk"]["S"].startswith("user#") for item in items),
        open_claims=sum(item["pk"]["S"].startswith("claim#") and item["state"]["S"] == "open" for item in items),
        secrets=sum(secret["Name"].startswith("gatehouse/") for page in secrets for secret in page["SecretList"]),
        unguarded=sum(not boundary.endswith("-boundary-member") for boundary in boundaries),
    )
