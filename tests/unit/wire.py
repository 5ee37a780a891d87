"""What lies between the functions' clients and moto: calls are noted, answered, refused, or their answers lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import botocore
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

Parameters = dict[str, Any]
Turn = Callable[[Parameters], Any]


@dataclass(repr=False)
class Wire:
    """`calls` are (operation, parameters), oldest first; `turns` what happens to the next calls of an operation."""

    calls: list[tuple[str, Parameters]] = field(default_factory=list)
    turns: dict[str, list[Turn]] = field(default_factory=dict)
    standing: dict[str, Turn] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)
    ended: dict[str, list[BaseException | None]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget what was called, and what was to happen."""
        for memory in (self.calls, self.turns, self.standing, self.lost, self.doubled, self.ended):
            memory.clear()

    def attach(self, client: Any) -> None:
        events = unsigned(client).meta.events
        events.register_first("before-parameter-build", self._note)
        events.register_first("before-call", self._before)
        events.register_first("after-call", self._after)
        events.register_first("needs-retry", self._retry)

    def made(self, operation: str) -> list[Parameters]:
        """The parameters of every call of that operation."""
        return [parameters for name, parameters in self.calls if name == operation]

    def names(self, *operations: str) -> list[str]:
        """The operations called, in order; only those given, if any are."""
        return [name for name, _ in self.calls if not operations or name in operations]

    def answer(self, operation: str, answer: Any) -> None:
        """Answer every call of an operation: with a value, or with what a function of the parameters returns."""
        self.standing[operation] = answer if callable(answer) else lambda _: answer

    def refuse(self, operation: str, code: str, *, times: int = 1, status: int = 400, message: str = "no") -> None:
        """Refuse the next calls of an operation, without an effect."""
        error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
        self.turns.setdefault(operation, []).extend([lambda _: error] * times)

    def first(self, operation: str, action: Callable[[], Any]) -> None:
        """Let something else happen just before the next call of an operation."""

        def turn(_: Parameters) -> None:
            action()

        self.turns.setdefault(operation, []).append(turn)

    def lose_answer(self, operation: str, times: int = 1) -> None:
        """The next calls take effect, and the caller sees a broken connection."""
        self.lost[operation] = times

    def end(self, operation: str, number: int, error: BaseException, *, after: bool) -> None:
        """Let the caller end at the call of that number from now on, before or after its effect."""
        waits: list[BaseException | None] = [None] * (number - 1)
        if after:
            self.ended[operation] = [*waits, error]
            return

        def turn(_: Parameters) -> None:
            raise error

        self.turns[operation] = [*([lambda _: None] * len(waits)), turn]

    def send_twice(self, operation: str) -> None:
        """The answer to the next call is lost below the SDK, which sends the request again by itself."""
        self.doubled.add(operation)

    def _note(self, params: Parameters, model: Any, **_: Any) -> None:
        self.calls.append((model.name, dict(params)))

    def _before(self, model: Any, **_: Any) -> Any:
        parameters = self.calls[-1][1]
        turns = self.turns.get(model.name)
        parsed = turns.pop(0)(parameters) if turns else None
        if parsed is None and model.name in self.standing:
            parsed = self.standing[model.name](parameters)
        if parsed is None:
            return None
        parsed = {"ResponseMetadata": {"HTTPStatusCode": 200}} | parsed
        return AWSResponse("", parsed["ResponseMetadata"]["HTTPStatusCode"], HTTPHeaders(), None), parsed

    def _after(self, model: Any, **_: Any) -> None:
        if self.lost.get(model.name, 0):
            self.lost[model.name] -= 1
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        if (waits := self.ended.get(model.name)) and (error := waits.pop(0)):
            raise error

    def _retry(self, operation: Any, **_: Any) -> int | None:
        if operation.name not in self.doubled:
            return None
        self.doubled.remove(operation.name)
        return 0


def unsigned(client: Any) -> Any:
    """The client, which leaves the signature out, in which every tenth moment would go: moto's S3 alone asks for it."""
    if client.meta.service_model.service_name == "s3":
        return client
    client.meta.events.register_first("choose-signer", lambda **_: botocore.UNSIGNED)
    return client
