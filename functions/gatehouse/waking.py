"""Wake a waiting execution by its task token. A token grants nothing: whoever is woken reads the record."""

from typing import Any

from gatehouse.model import Onboarding


def succeed(stepfunctions: Any, record: Onboarding) -> bool:
    """Let the waiting state go on; false when nothing waits (any more)."""
    return _send(stepfunctions, record, lambda token: stepfunctions.send_task_success(taskToken=token, output="{}"))


def fail(stepfunctions: Any, record: Onboarding, error: str, cause: str) -> bool:
    """Let the waiting state fail by that name; false when nothing waits (any more)."""
    return _send(
        stepfunctions,
        record,
        lambda token: stepfunctions.send_task_failure(taskToken=token, error=error, cause=cause[:256]),
    )


def _send(stepfunctions: Any, record: Onboarding, send: Any) -> bool:
    if record.task_token is None:
        return False
    exceptions = stepfunctions.exceptions
    # InvalidToken: somebody has changed the record by hand, and nothing waits by such a token.
    gone = (exceptions.TaskTimedOut, exceptions.TaskDoesNotExist, exceptions.InvalidToken)
    try:
        send(record.task_token)
    except gone:
        return False
    return True
