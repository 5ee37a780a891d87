"""One onboarding in an account of its own: the functions, the machines, the schedule, and time."""

import contextlib
import hmac
import io
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from gatehouse import logs, times
from gatehouse.model import Onboarding, Purpose
from tests.faults import interpreter, inventory
from tests.faults.kinds import Crash
from tests.faults.line import the_line
from tests.unit import account as accounts
from tests.unit import aws_rules, quick_moto
from tests.unit.account import ACCOUNT, REGION, STACK, Account, Answer
from tests.wiring.template import ROOT, functions, of_type, resolve

FOLLOW_UP_SECONDS = 300
"""The schedule's default."""

IDLE_RUNS = 2
"""Runs of the follow-up that change nothing before a wait is taken to last to its time-out."""

AGAIN_SECONDS = (60, 120)
"""When Lambda tries a failed asynchronous invocation again."""

CRASHED = "Runtime.ExitError"
"""What Lambda calls the error of a function whose process died, and Step Functions with it."""


class Broken(BaseException):
    """The matrix itself is wrong; the interpreter would take an Exception for one of the machine's."""


class World:
    """`people` act where something waits for them; `wrong` says what must never be and was, with the call."""

    def __init__(self) -> None:
        self.line = the_line()
        self.line.clear()
        self.clock = self.line.clock
        self.account = Account(self.line.wire, self.clock)
        self.people: Callable[[], bool] = lambda: False
        self.wrong: list[str] = []
        self.secrets: set[str] = set()
        self.taken_mails: list[dict[str, Any]] = []
        self.log = io.StringIO()
        self.privileged: str | None = None
        self._queue: deque[tuple[str, Any, int]] = deque()
        self._begun: deque[Callable[[], None]] = deque()
        around = interpreter.Surroundings(self.clock, self._invoke_task, self._wait, self._begun.append, self._ended)
        self._stepfunctions = interpreter.surround(around)
        self.line.after_call = self._check

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """The account, as the template makes it."""
        with (
            mock_aws(config={"core": {"reset_boto3_session": False}}),
            contextlib.redirect_stdout(self.log),
            pytest.MonkeyPatch.context() as patch,
        ):
            aws_rules.apply(patch)
            quick_moto.apply(patch)
            patch.setattr(times, "now", self.clock.now)
            patch.setattr(time, "sleep", self.clock.advance)
            accounts.set_up(self.account)
            self._answer()
            self._make_machines()
            logs.logger.cache_clear()
            yield

    def _answer(self) -> None:
        """What moto does not do."""
        wire, machine = self.line.wire, self._stepfunctions
        wire.answer("GenerateMac", lambda asked: {"Mac": hmac.digest(b"key", asked["Message"], "sha256")})
        wire.answer("SendEmail", self._take_mail)
        wire.answer("Invoke", self._invoke)
        for operation, api in (
            ("StartExecution", "_start_execution"),
            ("DescribeExecution", "_describe_execution"),
            ("SendTaskSuccess", "_send_task_success"),
            ("SendTaskFailure", "_send_task_failure"),
        ):
            wire.answer(operation, lambda asked, api=api: interpreter.answer(getattr(machine, api)(asked)))

    def _make_machines(self) -> None:
        """From the files in statemachine/, with the template's substitutions and the template's names."""
        values = dict(self.account.values)
        for function in functions().values():
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{function.logical_id.removesuffix('Function')}"
            values[f"{function.logical_id}.Arn"] = arn
        for machine in of_type("AWS::Serverless::StateMachine").values():
            properties = machine["Properties"]
            text = (ROOT / properties["DefinitionUri"]).read_text()
            # Who is throttled for ever gives up after nine tries as after 99, which only take longer to tell.
            text = text.replace('"MaxAttempts": 99', '"MaxAttempts": 9')
            for name, value in resolve(properties.get("DefinitionSubstitutions", {}), _Lenient(values)).items():
                text = text.replace(f"${{{name}}}", str(value))
            made = interpreter.answer(
                self._stepfunctions._create_state_machine(
                    {
                        "name": resolve(properties["Name"], values),
                        "definition": text,
                        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/gatehouse/machine",
                    }
                )
            )
            assert "stateMachineArn" in made, made

    def call(self, stem: str, event: Any) -> Any:
        """A function's answer; raises what it raises, and Crash where its process died."""
        self.line.running.append(stem)
        try:
            return self.account.call(stem, event)
        finally:
            self.line.running.pop()

    def ask(self, stem: str, body: Any, *, caller: str, **changes: Any) -> Answer:
        """What API Gateway answers: 502 where the function's process died."""
        self.line.running.append(stem)
        try:
            return self.account.api(stem, body, caller=caller, **changes)
        except Crash:
            return Answer(502, {}, '{"message": "Internal server error"}')
        finally:
            self.line.running.pop()

    def ask_patiently(self, stem: str, body: Any, *, caller: str, **changes: Any) -> Answer:
        """Whoever is answered with a 5xx asks again, twice, a few seconds later."""
        for _ in range(2):
            answer = self.ask(stem, body, caller=caller, **changes)
            if answer.status < 500:
                return answer
            self.clock.advance(5)
        return self.ask(stem, body, caller=caller, **changes)

    def later(self, stem: str, event: Any) -> None:
        """An asynchronous invocation: tried three times."""
        self._queue.append((stem, event, 0))

    def settle(self) -> bool:
        """Let everything happen that waits for nobody; whether anything did."""
        busy = bool(self._begun or self._queue)
        while self._begun or self._queue:
            if self._begun:
                self._begun.popleft()()
                continue
            stem, event, tried = self._queue.popleft()
            try:
                self.call(stem, event)
            except (Crash, Exception):
                if tried < len(AGAIN_SECONDS):
                    self.clock.advance(AGAIN_SECONDS[tried])
                    self._queue.append((stem, event, tried + 1))
        return busy

    def follow_up(self) -> None:
        """The schedule fires once."""
        self.clock.advance(FOLLOW_UP_SECONDS)
        with contextlib.suppress(Crash, Exception):
            self.call("follow_up", accounts.event("follow_up"))
        self.settle()

    def janitor(self) -> None:
        """The other schedule fires once."""
        with contextlib.suppress(Crash, Exception):
            self.call("janitor", accounts.event("janitor"))
        self.settle()

    def everybody_acts(self) -> None:
        """Until nobody has anything to do."""
        self.settle()
        while self.people():
            self.settle()

    def record(self, user_name: str, purpose: Purpose) -> Onboarding | None:
        """The record of that user, also where whoever asked for it was not told its id."""
        found = (item for key, item in inventory.rows().items() if key.startswith("onboarding#"))
        records = [Onboarding.from_item(_whole(item)) for item in found if item["user_key"] == user_name.lower()]
        own = (record for record in records if record.purpose is purpose)
        return max(own, key=lambda record: record.created_at, default=None)

    def mails_with_links(self) -> list[tuple[dict[str, Any], str]]:
        """The mails with a claim link, oldest first, each with its token."""
        found = ((mail, re.search(r"^\S+#(\S{43})$", mail["text"], re.MULTILINE)) for mail in self.taken_mails)
        return [(mail, link[1]) for mail, link in found if link]

    def leaks(self) -> list[str]:
        """Where a secret was seen that nobody but who claims it may see."""
        executions = self._stepfunctions._executions.values()
        seen = {
            "a state of an execution": json.dumps([execution["events"] for execution in executions]),
            "a log": self.log.getvalue(),
        }
        found = (where for where, text in seen.items() if any(one in text for one in self.secrets))
        return [f"a secret stands in {where}" for where in found]

    def executions(self) -> list[dict[str, Any]]:
        return list(self._stepfunctions._executions.values())

    def _check(self, operation: str) -> None:
        inventory.mark_devices()
        broken = [*inventory.unguarded()]
        if self.privileged:
            broken += inventory.privileged_before_mfa(self.privileged)
        for one in broken:
            said = f"after {self.line.made[-1] if self.line.made else operation}: {one}"
            if said not in self.wrong:
                self.wrong.append(said)

    def _take_mail(self, asked: dict[str, Any]) -> dict[str, Any]:
        content = asked["Content"]["Simple"]
        tags = {tag["Name"]: tag["Value"] for tag in asked["EmailTags"]}
        mail = {"to": asked["Destination"]["ToAddresses"], "text": content["Body"]["Text"]["Data"], **tags}
        self.taken_mails.append(mail)
        self.secrets |= {token for _, token in self.mails_with_links()}
        return {"MessageId": "by the fault matrix"}

    def _invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        stem, event = _stem(asked["FunctionName"]), json.loads(asked["Payload"])
        if asked.get("InvocationType") == "Event":
            self.later(stem, event)
            return {"StatusCode": 202}
        try:
            document, failed = self.call(stem, event), {}
        except Crash:
            document, failed = {"errorType": CRASHED}, {"FunctionError": "Unhandled"}
        except Exception as error:
            document, failed = {"errorType": type(error).__name__}, {"FunctionError": "Unhandled"}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(document).encode()), **failed}

    def _invoke_task(self, function: str, event: Any) -> Any:
        try:
            return self.call(_stem(function), event)
        except Crash as crash:
            document = {"errorType": CRASHED, "errorMessage": f"Runtime exited with error at {crash}"}
        except Exception as error:
            document = {"errorType": type(error).__name__, "errorMessage": str(error)}
        raise self._stepfunctions._ExecutionError(document["errorType"], json.dumps(document))

    def _wait(self, wake: interpreter.Wake, seconds: float) -> bool:
        """What happens while a task waits: people act, and when there is nothing to do for them the schedule fires."""
        try:
            return self._let_happen(wake, seconds)
        except Exception as error:
            raise Broken(repr(error)) from error

    def _let_happen(self, wake: interpreter.Wake, seconds: float) -> bool:
        deadline, idle = times.after(self.clock.now(), seconds), 0
        while not wake.is_set():
            if self.settle() or self.people():
                idle = 0
            elif self.clock.now() >= deadline:
                return False
            elif idle == IDLE_RUNS:
                self.clock.moment = max(deadline, self.clock.now())
            else:
                self.follow_up()
                idle += 1
        return True

    def _ended(self, execution: dict[str, Any]) -> None:
        if execution["status"] in ("FAILED", "ABORTED", "TIMED_OUT"):
            event = accounts.event("execution_ended")
            event["detail"] |= interpreter.event_of(execution)
            self.later("execution_ended", event)


class _Lenient(dict[str, Any]):
    """A machine that the stories do not start may name what the account of the tests does not have."""

    def __missing__(self, name: str) -> str:
        return name


def _stem(function: str) -> str:
    wanted = f"{function.removeprefix(f'{STACK}-')}Function"
    return next(stem for stem, known in functions().items() if known.logical_id == wanted)


def _whole(item: Any) -> Any:
    from gatehouse.table import _whole as whole

    return {name: whole(value) for name, value in item.items()}
