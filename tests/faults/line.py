"""What lies between the functions' clients and the account: every call is counted, and may meet a fault."""

import os
import select
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from gatehouse import clients, times
from gatehouse.edges.claim_secret import MAIL_SECONDS
from tests.faults.kinds import Call, Kind
from tests.unit.account import Clock
from tests.unit.wire import Wire


@dataclass
class Fault:
    """One kind of fault from one call on; `since` is when it began."""

    call: Call
    kind: Kind
    since: str | None = None

    def strikes(self, call: Call, now: str) -> bool:
        if self.since is None:
            if call != self.call:
                return False
            self.since = now
        seconds = (times.parse(now) - times.parse(self.since)).total_seconds()
        return self.kind.lasts(self.call, call, seconds)


Faults = tuple[Fault, ...]


@dataclass
class Line:
    """`running` are the functions under way, the innermost last; so many of the calls `made` came `before` the story
    began; `before_call` and `after_call` hear of every call.
    """

    wire: Wire
    clock: Clock
    running: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    made: list[Call] = field(default_factory=list)
    before: int = 0
    documented: dict[Call, frozenset[str]] = field(default_factory=dict)
    before_call: Callable[[Call], None] = lambda call: None
    meanwhile: Callable[[Call], None] = lambda call: None
    after_call: Callable[[str], None] = lambda operation: None
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def clear(self) -> None:
        """As before the first call: the clients stay attached."""
        fresh = Line(self.wire, Clock())
        fresh.wire.clear()
        vars(self).update(vars(fresh))

    def attach(self, client: Any, retries: bool) -> None:
        service = client.meta.service_model.service_name
        prefix = {"stepfunctions": "states"}.get(service, service)

        def meanwhile(model: Any, **_: Any) -> None:
            function, operation = self.running[-1], f"{prefix}:{model.name}"
            self.meanwhile(Call(function, operation, self._counts[function, operation] + 1))

        def before(model: Any, params: Any, context: Any, **_: Any) -> Any:
            call = self._count(f"{prefix}:{model.name}", model)

            def effect() -> bool:
                self._take_effect(client, model, params, context)
                return retries

            self.before_call(call)
            for fault in self.faults:
                if fault.strikes(call, self.clock.now()) and (refused := fault.kind.happens(call, effect)):
                    status = refused["ResponseMetadata"]["HTTPStatusCode"]
                    return AWSResponse("", status, HTTPHeaders(), None), refused
            return None

        def after(model: Any, **_: Any) -> None:
            self.after_call(model.name)

        # The first to register is the first to be called, so the wire's own answers come after a fault.
        client.meta.events.register_first("before-parameter-build", meanwhile)
        client.meta.events.register_first("before-call", before)
        self.wire.attach(client)
        client.meta.events.register_last("after-call", after)

    def _count(self, operation: str, model: Any) -> Call:
        function = self.running[-1]
        self._counts[function, operation] += 1
        call = Call(function, operation, self._counts[function, operation])
        self.made.append(call)
        self.documented[call] = frozenset(shape.name for shape in model.error_shapes)
        return call

    def _take_effect(self, client: Any, model: Any, params: Any, context: Any) -> None:
        answered = self.wire.standing.get(model.name)
        if answered:
            answered(self.wire.calls[-1][1])
        else:
            client._make_request(model, params, context)
        self.after_call(model.name)


@cache
def the_line() -> Line:
    """The one line of all clients: they are made once, which takes longer than a story, and keep nothing."""
    line = Line(Wire(), Clock())
    for service in ("dynamodb", "iam", "kms", "lambda", "secretsmanager", "stepfunctions"):
        line.attach(clients.client(service), retries=True)
    for service in ("iam", "sesv2"):
        line.attach(clients.client(service, retries=False), retries=False)
    line.attach(clients.client("sesv2", retries=False, seconds=MAIL_SECONDS), retries=False)
    return line


CELL_SECONDS = 120
"""When a cell is given up: it takes tenths of a second."""


class Forks:
    """Runs every cell from the call on at which its fault begins, in a process of its own, forked off the clean run."""

    def __init__(self, line: Line, cells: Mapping[Call, list[Faults]], done: Callable[[bytes], None]) -> None:
        self._line, self._cells, self._done = line, cells, done
        self.answer_to: int | None = None
        line.before_call = self._fork

    @property
    def is_cell(self) -> bool:
        return self.answer_to is not None

    def finish(self, result: bytes) -> None:
        """The end of a cell's process."""
        assert self.answer_to is not None
        os.write(self.answer_to, result)
        os._exit(0)

    def _fork(self, call: Call) -> None:
        for faults in self._cells.get(call, ()):
            reading, writing = os.pipe()
            if (pid := os.fork()) == 0:
                os.close(reading)
                signal.alarm(CELL_SECONDS)
                self.answer_to, self._line.faults = writing, list(faults)
                self._line.before_call = lambda call: None
                return
            os.close(writing)
            self._done(_read(reading))
            os.waitpid(pid, 0)


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        select.select([pipe], [], [])
        return pipe.read()
