"""The kinds of fault that meet a call, as the program sees them once its SDK has done what it does by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

ENDPOINT = "https://aws.example"

UNMODIFIABLE_SECONDS = 60
"""How long IAM stays busy with a user: AWS says minutes, and the machines' retries last for four."""


LISTS = (
    "AccessKeyMetadata",
    "AccountAliases",
    "AttachedPolicies",
    "Certificates",
    "Groups",
    "MFADevices",
    "PolicyNames",
    "SSHPublicKeys",
    "ServiceSpecificCredentials",
    "Users",
)
"""What IAM's answers call their lists."""


class Crash(BaseException):
    """The process of a function ends here: nothing of it goes on, whatever it catches."""


@dataclass(frozen=True, order=True)
class Call:
    """One AWS call of a story: the how-many-th of this operation (`iam:CreateUser`) that this function makes."""

    function: str
    operation: str
    number: int

    def __str__(self) -> str:
        return f"{self.function}/{self.operation}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Call":
        function, operation, number = text.split("/")
        return cls(function, operation, int(number))

    @property
    def service(self) -> str:
        return self.operation.partition(":")[0]

    @property
    def name(self) -> str:
        return self.operation.partition(":")[2]


@dataclass(frozen=True)
class Kind:
    """`happens` gets the call, and `effect`, which makes AWS carry it out; it returns a refusal, None to let the call
    go on, or raises. `lasts` tells of a later call whether the same fault still stands; `applies` gets the call and
    the names of the errors that AWS documents for it.
    """

    name: str
    says: str
    happens: Callable[[Call, Callable[[], Any]], Any]
    lasts: Callable[[Call, Call, float], bool] = lambda first, call, seconds: first == call
    applies: Callable[[Call, frozenset[str]], bool] = lambda call, errors: True


def refusal(code: str, status: int = 400) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": "by the fault matrix"}, "ResponseMetadata": {"HTTPStatusCode": status}}


def _throttled(call: Call, _: Any) -> Any:
    codes = {"iam": "Throttling", "dynamodb": "ProvisionedThroughputExceededException"}
    return refusal(codes.get(call.service, "TooManyRequestsException"))


def _denied(call: Call, _: Any) -> Any:
    return refusal("AccessDenied", 403) if call.service == "iam" else refusal("AccessDeniedException")


def _failed(call: Call, _: Any) -> Any:
    codes = {"iam": "ServiceFailure", "dynamodb": "InternalServerError"}
    return refusal(codes.get(call.service, "InternalFailure"), 500)


def _failed_after(call: Call, effect: Callable[[], Any]) -> Any:
    effect()
    return _failed(call, effect)


def _lost(call: Call, _: Any) -> Any:
    raise ConnectionClosedError(endpoint_url=ENDPOINT)


def _timed_out(call: Call, effect: Callable[[], Any]) -> Any:
    """The answer is lost: an SDK that retries sends the call again by itself, another one gives up."""
    if effect():
        return None
    raise ReadTimeoutError(endpoint_url=ENDPOINT)


def _crash(call: Call, _: Any) -> Any:
    raise Crash(str(call))


def _crash_after(call: Call, effect: Callable[[], Any]) -> Any:
    effect()
    raise Crash(str(call))


def _stale(call: Call, _: Any) -> Any:
    return refusal("NoSuchEntity", 404) if call.service == "iam" else refusal("ResourceNotFoundException")


def _unseen(call: Call, _: Any) -> Any:
    return {name: [] for name in LISTS} | {"IsTruncated": False, "ResponseMetadata": {"HTTPStatusCode": 200}}


def _is_list_of_iam(call: Call, _: frozenset[str]) -> bool:
    return call.service == "iam" and call.name.startswith("List")


def _busy(call: Call, _: Any) -> Any:
    return refusal("EntityTemporarilyUnmodifiable", 409)


def _may_be_stale(call: Call, errors: frozenset[str]) -> bool:
    """IAM and Secrets Manager show what was written with a delay."""
    if call.service == "iam":
        return "NoSuchEntityException" in errors
    return call.service == "secretsmanager" and "ResourceNotFoundException" in errors and call.name != "CreateSecret"


def _is_write_of_iam(call: Call, _: frozenset[str]) -> bool:
    return call.service == "iam" and not call.name.startswith(("Get", "List"))


def _everywhere(first: Call, call: Call, _: float) -> bool:
    return call.operation == first.operation


def _of_this_function(first: Call, call: Call, _: float) -> bool:
    return (call.function, call.operation) == (first.function, first.operation)


def _for_a_minute(first: Call, call: Call, seconds: float) -> bool:
    return call.operation == first.operation and seconds < UNMODIFIABLE_SECONDS


KINDS = {
    kind.name: kind
    for kind in (
        Kind("throttled-once", "throttled until the SDK gives up; the next call goes through", _throttled),
        Kind("throttled", "throttled for ever, whoever calls", _throttled, lasts=_everywhere),
        Kind("denied", "denied to this function for ever", _denied, lasts=_of_this_function),
        Kind("500-before", "500, without an effect", _failed),
        Kind("500-after", "500, after it took effect", _failed_after),
        Kind("lost-before", "connection lost before it took effect", _lost),
        Kind("timeout-after", "took effect, and the answer was lost", _timed_out),
        Kind("crash-before", "the process dies before the call", _crash),
        Kind("crash-after", "the process dies after it took effect", _crash_after),
        Kind("stale", "what is there is not shown (any more, or yet)", _stale, applies=_may_be_stale),
        Kind("unseen", "a list that was written a moment ago is shown empty", _unseen, applies=_is_list_of_iam),
        Kind("unmodifiable", "IAM is busy with the user", _busy, lasts=_for_a_minute, applies=_is_write_of_iam),
    )
}
