"""Not a mend: IAM answers so many calls a second, as AWS does for a whole account, where that is asked for."""

import json
import os
import re
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam

from local.mends.iam_users import _error

CALLS_PER_SECOND = "GATEHOUSE_IAM_CALLS_PER_SECOND"
RECORD = "GATEHOUSE_IAM_CALLS"
"""A file that takes a JSON line for every call: at (seconds since 1970), who, action, throttled."""


class Bucket:
    """Holds the tokens of one second. Nobody waits for one: who finds none is sent away, at no cost to the others."""

    def __init__(self, rate: float) -> None:
        self._rate = self._tokens = rate
        self._filled = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def throttle() -> None:
    """More calls get Throttling. Root is left out: by it the tools look, and do what there is no console for."""
    rate = os.environ.get(CALLS_PER_SECOND)
    if not rate:
        return
    bucket, original = Bucket(float(rate)), iam.handle_request
    record = os.open(os.environ[RECORD], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        arn = iam_evaluator.caller_arn()
        if arn.endswith(":root"):
            return await original(method, path, headers, body, query_params)
        answered = bucket.take()
        action = re.search(rb"(?:^|&)Action=(\w+)", body)
        line = {"at": time.time(), "who": arn, "action": action and action[1].decode(), "throttled": not answered}
        os.write(record, json.dumps(line).encode() + b"\n")
        if answered:
            return await original(method, path, headers, body, query_params)
        return _error(400, "Throttling", "Rate exceeded")

    iam.handle_request = handle


MENDS = [throttle]
