"""Runs one onboarding against the local stack, acting as each person with that person's own credentials.

    python -m local.demo                  the onboarding of local/example_request.json
    python -m local.demo request.json     one's own: the body of a POST /onboardings

A stack that `make up` left running is used, and left running. Otherwise one is brought up, and stopped at the end.
What a killed demo left behind counts as running: the next demo uses it, `make down` stops it. In the built-in request
a name that is taken gets a number; in one's own it is a problem of the request. Ctrl-C cancels the onboarding.

Ends with 0 when the onboarding is COMPLETE and the guard held, with 1 when not, with 2 for a wrong request.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError

from local import deploy, process, story
from local import stack as local_stack
from local.client import Answer
from local.screen import Screen

EXAMPLE = Path(__file__).with_name("example_request.json")

_LONGEST_VALUE = 60


class Unreadable(Exception):
    """The file holds no JSON; the message says why."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("request", nargs="?", type=Path, help="a JSON file")
    path: Path | None = parser.parse_args().request
    # So that a `kill` ends what was started as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        _run(path or EXAMPLE, own=path is not None)
    except Unreadable as wrong:
        _end(2, f"{path}: {wrong}")
    except story.Refused as refused:
        _end(2, f"{path or EXAMPLE} is refused:\n{_problems(refused.answer, refused.request)}")
    except (story.WentWrong, TimeoutError, deploy.DeployError, process.EmulatorError) as failure:
        _end(1, str(failure))
    except BrokenPipeError:
        # Whoever read along has gone; Python would complain once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, BotoCoreError) as failure:
        _end(1, f"the stack does not answer any more: {failure}")
    except KeyboardInterrupt:
        _end(130, "stopped")


def _run(path: Path, *, own: bool) -> None:
    request = _read(path)
    screen = Screen()
    with _stack(screen) as stack:
        began = time.monotonic()
        story.tell(stack, screen, request, may_rename=not own)
        screen.say(f"\nCOMPLETE in {time.monotonic() - began:.0f} s", "bold green")


def _read(path: Path) -> Any:
    """What the file holds; whether it is a request is the API's to say."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable("must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"must be JSON; line {error.lineno}, column {error.colno}: {error.msg}") from None


@contextmanager
def _stack(screen: Screen) -> Iterator[dict[str, Any]]:
    """The running stack, or one of our own for as long as it is needed."""
    if running := local_stack.running(local_stack.STATE_DIR):
        screen.say(f"The stack at {running['endpoint_url']} is used, and left running.")
        yield running
        return
    screen.say("No stack is running: one is brought up, and stopped at the end.")
    try:
        yield local_stack.up()
    finally:
        local_stack.down()


def _problems(answer: Answer, request: Any) -> str:
    """What the API has against a request: every field with what would be right, and what it holds."""
    wrong = answer.json.get("errors")
    if not wrong:
        return f"  {answer.json['detail']}"
    width = max(len(problem["field"]) for problem in wrong)
    return "\n".join(
        f"  {problem['field']:<{width}}  {problem['message']}{_holds(request, problem['field'])}" for problem in wrong
    )


def _holds(request: Any, field: str) -> str:
    if not isinstance(request, dict) or field not in request:
        return ""
    value = json.dumps(request[field], ensure_ascii=True)
    return f"; it is {value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + ' …'}"


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _end(status: int, message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
