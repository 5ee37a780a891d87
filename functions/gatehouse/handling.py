"""What every handler that a state machine or an event calls has in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from gatehouse.clients import aws_errors
from gatehouse.logs import logger

Handler = Callable[[dict[str, Any], Any], Any]


def handler(function: Callable[[dict[str, Any]], Any]) -> Handler:
    """A Lambda handler: logs carry the onboarding's id, failures the names a state machine knows."""

    @wraps(function)
    def handle(event: dict[str, Any], context: Any) -> Any:
        log = logger()
        log.clear_state()
        log.append_keys(step=function.__module__.rsplit(".", 1)[-1], request_id=context.aws_request_id)
        if "onboarding_id" in event:
            log.append_keys(onboarding_id=event["onboarding_id"])
        try:
            with aws_errors():
                result = function(event)
        except Exception as error:
            log.error("failed", error=type(error).__name__, cause=str(error))
            raise
        log.info("done")
        return result

    return handle
