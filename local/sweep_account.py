"""An IAM account of many users, served on a socket that the benchmark opened: as big, slow and limited as AWS is.

    python -m local.sweep_account USERS LATENCY_SECONDS CALLS_PER_SECOND

Runs in .venv/emulator. MiniStack lists everything on one page and makes a credential report at every call; here a list
has pages, and the report is made once, as on AWS. GET /calls counts what was asked, by service and action.
"""

import asyncio
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.services import iam

from local.mends.iam_rate import Bucket
from local.mends.iam_users import _error

FIRST_PAGE = 100
"""How much IAM lists on a page unless it is asked for another number."""

_calls: Counter[str] = Counter()


def populate(users: int) -> None:
    """People with and without console and MFA, and programs with keys, by the same dice in every run.

    Of ten, seven use the console; of these one has no MFA. The others have keys only, or nothing.
    """
    dice = random.Random(users)  # noqa: S311 - shapes of users, no secret
    for number in range(users):
        name = f"user-{number:05}"
        _ask("CreateUser", UserName=name, Path=dice.choice(("/", "/people/", "/gatehouse/")))
        if dice.random() < 0.7:
            _ask("CreateLoginProfile", UserName=name, Password="Example-Password-1")  # noqa: S106
            if dice.random() < 0.9:
                _ask("CreateVirtualMFADevice", VirtualMFADeviceName=name)
                serial = f"arn:aws:iam::{iam.get_account_id()}:mfa/{name}"
                _ask("EnableMFADevice", UserName=name, SerialNumber=serial)
        if dice.random() < 0.4:
            _ask("CreateAccessKey", UserName=name)
    for number in range(3):
        _ask("CreateVirtualMFADevice", VirtualMFADeviceName=f"abandoned-{number}")


def without_mfa() -> list[str]:
    """Who is not compliant: a password and no device."""
    owners = {device["User"] for device in iam._mfa_devices.values()}
    return sorted(name for name in iam._users if name in iam._login_profiles and name not in owners)


def in_pages(action: str, store: str) -> None:
    """Let an operation answer one page of what a dictionary of the emulator holds."""
    original = iam._IAM_HANDLERS[action]

    def page(parameters: dict[str, Any]) -> Any:
        status = parameters.pop("AssignmentStatus", ["Any"])[0]
        whole = getattr(iam, store)
        listed = [
            (key, one) for key, one in whole.items() if status == "Any" or bool(one["User"]) is (status == "Assigned")
        ]
        start = int(parameters.get("Marker", ["0"])[0])
        end = start + int(parameters.get("MaxItems", [FIRST_PAGE])[0])
        setattr(iam, store, dict(listed[start:end]))
        try:
            code, headers, body = original(parameters | {"AssignmentStatus": ["Any"]})
        finally:
            setattr(iam, store, whole)
        if end < len(listed):
            more = b"<IsTruncated>true</IsTruncated><Marker>%d</Marker>" % end
            body = re.sub(rb"<IsTruncated>false</IsTruncated>", more, _bytes(body))
        return code, headers, body

    iam._IAM_HANDLERS[action] = page


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def keep_report() -> None:
    """AWS makes a report at most every four hours, and hands out the one there is."""
    complete = iam._IAM_HANDLERS["GenerateCredentialReport"]({})
    iam._IAM_HANDLERS["GenerateCredentialReport"] = lambda _: complete


def as_slow_as_aws(latency: float, rate: float) -> None:
    """Every call takes a while, and IAM answers so many a second; 0 is no limit."""
    bucket = Bucket(rate) if rate else None
    original: Callable[..., Any] = iam.handle_request

    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        await asyncio.sleep(latency)
        if bucket and not bucket.take():
            _calls["throttled"] += 1
            return _error(400, "Throttling", "Rate exceeded")
        action = re.search(rb"(?:^|&)Action=(\w+)", body)
        _calls[f"iam:{action[1].decode() if action else '?'}"] += 1
        return await original(method, path, headers, body, query_params)

    iam.handle_request = handle


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] == "/calls":
        await _say(send, {"calls": dict(_calls), "without_mfa": without_mfa()})
        _calls.clear()
        return
    await ministack.app(scope, receive, send)


async def _say(send: Any, document: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def _ask(action: str, **parameters: str) -> None:
    status, _, body = iam._IAM_HANDLERS[action]({name: [value] for name, value in parameters.items()})
    if status != 200:
        raise RuntimeError(f"{action}: {body}")


def main() -> None:
    users, latency, rate = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    populate(users)
    in_pages("ListUsers", "_users")
    in_pages("GetAccountAuthorizationDetails", "_users")
    in_pages("ListVirtualMFADevices", "_mfa_devices")
    keep_report()
    as_slow_as_aws(latency, rate)
    config = Config()
    config.bind = [f"fd://{os.environ['GATEHOUSE_SOCKET']}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(serve(application, config, shutdown_trigger=asyncio.Event().wait))


if __name__ == "__main__":
    main()
