"""Cached AWS clients: the only place that imports boto3."""

import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from gatehouse import errors

# At DEBUG the SDK writes every request and every answer whole, passwords and keys included, whoever turned it on.
logging.getLogger("botocore").setLevel(logging.INFO)

_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=3, read_timeout=10)
# For SendEmail and CreateAccessKey, which know no idempotency token: a retry after a lost answer would do it twice.
# What was throttled had no effect, and is sent again.
_NO_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=10)

_THROTTLED_RETRIES = 4
_THROTTLED = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
        "RequestLimitExceeded", "ProvisionedThroughputExceededException",
    }
)  # fmt: skip
_TRANSIENT = frozenset(
    {
        "ServiceFailure", "InternalFailure", "InternalServerError", "InternalServiceError",
        "InternalServiceErrorException", "ServiceUnavailable", "ServiceUnavailableException",
        "RequestTimeout", "RequestTimeoutException",
        "ConcurrentModification", "TransactionConflictException", "KMSInternalException",
        "DependencyTimeoutException", "DeleteConflict", "DeleteConflictException",
    }
)  # fmt: skip


to_dynamodb = TypeSerializer().serialize
from_dynamodb = TypeDeserializer().deserialize


@cache
def client(service: str, *, retries: bool = True, seconds: int | None = None) -> Any:
    """The client of one AWS service, made once per process; without `retries`, for calls that are not idempotent, it
    tries again only what was throttled.

    `seconds` is how long it waits for a connection, and then for an answer, where somebody else waits for it; without
    `retries` it then tries nothing again.
    """
    config = _RETRIES if retries else _NO_RETRIES
    if seconds is not None:
        config = config.merge(Config(connect_timeout=seconds, read_timeout=seconds))
    made = boto3.client(service, config=config)  # type: ignore[call-overload]
    if not retries and seconds is None:
        made.meta.events.register("needs-retry", _pause_where_throttled)
    return made


def _pause_where_throttled(response: Any, attempts: int, **_: Any) -> float | None:
    """For the SDK: the seconds until it tries again, None for never. Full jitter, 7.5 s at most in all."""
    code = response[1].get("Error", {}).get("Code") if response else None
    if code not in _THROTTLED or attempts > _THROTTLED_RETRIES:
        return None
    return random.uniform(0, 2**attempts / 4)  # noqa: S311 - no secret


def client_as(credentials: Mapping[str, Any], service: str) -> Any:
    """The client of one AWS service that signs as a session of another role; `credentials` are STS's answer.

    Never cached: they end, and the next session may be one of another account.
    """
    return boto3.client(  # type: ignore[call-overload]
        service,
        config=_RETRIES,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn the SDK's exceptions into those that a state machine knows by name.

    The SDK's own messages may echo a parameter (ParamValidationError echoes its value), so nothing of
    them goes on but the operation, the code and, where access was denied, AWS's own sentence.
    """
    try:
        yield
    except ClientError as error:
        raise _from_client_error(error) from None
    except (NotConnected, HTTPClientError) as error:
        raise errors.TransientFault(f"no answer: {type(error).__name__}") from None
    except BotoCoreError as error:
        raise errors.AwsCallFailed(f"not sent: {type(error).__name__}") from None


def _from_client_error(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    summary = f"{error.operation_name}: {code}"
    if code == "EntityTemporarilyUnmodifiable":
        return errors.TemporarilyUnmodifiable(summary)
    if code in ("NoSuchEntity", "NoSuchEntityException"):
        return errors.NotYetConsistent(summary)
    if code in _THROTTLED or status == 429:
        return errors.Throttled(summary)
    if code in _TRANSIENT or status >= 500:
        return errors.TransientFault(summary)
    if code.startswith("AccessDenied"):
        return errors.AccessDenied(f"{summary} ({error.response['Error'].get('Message', '')})")
    return errors.AwsCallFailed(summary)
