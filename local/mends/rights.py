"""Calls that take more than one right: the emulator asks for the first alone."""

from collections.abc import Callable, Iterable
from typing import Any

from ministack.core import iam_evaluator

Further = tuple[str, str, str, Any]
"""One more right: action, service, resource and the context of the request."""


def also(needed: Callable[[str, str, Any], Iterable[Further]]) -> None:
    """A call that is allowed takes these rights as well; `needed` gets its action, resource and context."""
    original = iam_evaluator.enforce

    def enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Any = None,
    ) -> Any:
        denied = original(access_key, action, service, region, resource_arn, service_context)
        if denied:
            return denied
        more = needed(action, resource_arn, service_context)
        checks = (original(access_key, name, of, region, arn, context) for name, of, arn, context in more)
        return next((refused for refused in checks if refused), None)

    iam_evaluator.enforce = enforce
