"""Calls the stack as people do: signed requests to the API, the claim page's POST, and boto3 with their own keys."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import deploy

Found = TypeVar("Found")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Person:
    """Somebody with keys of their own; `stack` is what stack.json says."""

    stack: Mapping[str, Any]
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def aws(self, service: str) -> Any:
        return deploy.client(
            service,
            self.stack["endpoint_url"],
            self.access_key_id,
            self.secret_access_key,
            self.session_token,
        )

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request signed with SigV4; a body that is no bytes is sent as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return self._signed("execute-api", method, self.stack["api_url"] + path, data, headers or {})

    def iam(self, action: str, **parameters: str) -> Answer:
        """A call of IAM by itself: to make a client of the SDK takes longer than to use it once."""
        data = urlencode({"Action": action, "Version": "2010-05-08", **parameters}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._signed("iam", "POST", self.stack["endpoint_url"], data, headers)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("POST", path, body, headers)

    def _signed(self, service: str, method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        request = AWSRequest(method, url, data=data, headers=dict(headers))
        credentials = Credentials(self.access_key_id, self.secret_access_key, self.session_token)
        SigV4Auth(credentials, service, self.stack["region"]).add_auth(request)
        return send(method, str(request.url), data, dict(request.headers))


def principal(stack: Mapping[str, Any], name: str) -> Person:
    """One of the people of stack.json: admin, requester, approver, second_approver, operator."""
    keys = stack["principals"][name]
    return Person(stack, keys["access_key_id"], keys["secret_access_key"])


def send(method: str, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An HTTP request as it is, without a signature of ours."""
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


def claim(stack: Mapping[str, Any], token: str, code: str) -> Answer:
    """What the claim page's button does."""
    body = json.dumps({"token": token, "code": code}).encode()
    return send("POST", stack["claim_url"], body, {"Content-Type": "application/json"})


def mails(stack: Mapping[str, Any], to: str = "", about: str = "") -> list[dict[str, Any]]:
    """The mails sent so far, oldest first; those to one address or whose text holds these words, if any are given."""
    asked = {name: value for name, value in (("to", to), ("about", about)) if value}
    sent: list[dict[str, Any]] = send("GET", f"{stack['mail_url']}?{urlencode(asked)}").json
    return sent


def claim_token(stack: Mapping[str, Any], mail: Mapping[str, Any]) -> str:
    """The token of the claim link that stands alone on a line of the mail's text."""
    found = re.search(rf"^{re.escape(stack['claim_url'])}#(\S{{43}})$", mail["text"], re.MULTILINE)
    if found is None:
        raise LookupError(f"no claim link in {mail['subject']!r}")
    return found[1]


def wait_for(look: Callable[[], Found | None], what: str, seconds: float = 60) -> Found:
    """What `look` finds as soon as it finds something; raises TimeoutError naming what was awaited.

    It looks less and less often, since what is waited for wants the processor as well.
    """
    began = time.monotonic()
    while True:
        if found := look():
            return found
        waited = time.monotonic() - began
        if waited > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(min(0.05 + waited / 8, 0.5))
