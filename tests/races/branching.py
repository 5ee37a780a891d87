"""Runs a story once, and off each of its calls every way in which something else happens, in processes of their own."""

import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from typing import Any

from gatehouse.model import Status
from tests.faults import inventory
from tests.faults.kinds import Call
from tests.faults.scenarios import People
from tests.faults.world import World
from tests.races.meanwhile import DECIDING, ENDS_IT, OF_SEVERAL_CALLS, ON_THE_WAY, REPLACED, REPLACES_IT, Scene
from tests.races.weaving import Woven
from tests.unit import account as accounts
from tests.unit.account import MEMBER

JOBS = min(2, os.cpu_count() or 1)
PORTION = 60
"""Ways that share the way there: the story is told once for each portion."""

SECONDS = 60
"""When a branch is given up: it takes tenths of a second."""

LATER = 30
"""How many calls after the first of two things the second happens at most."""

HAPPENINGS = ON_THE_WAY | DECIDING


@dataclass(frozen=True, order=True)
class Way:
    """One order of things: at the call of each number (from 0) something happens before that call is made.

    `resends~3~5` happens in two parts: three calls of it are made there, the rest five calls of the others later.
    """

    story: str
    happens: tuple[tuple[int, str], ...]

    def __str__(self) -> str:
        return " ".join([self.story, *(f"{number}:{name.replace(' ', '-')}" for number, name in self.happens)])

    @classmethod
    def parse(cls, text: str) -> "Way":
        story, *happens = text.split()
        pairs = (one.split(":") for one in happens)
        return cls(story, tuple((int(number), name.replace("-", " ")) for number, name in pairs))

    @property
    def names(self) -> set[str]:
        return {name.partition("~")[0] for _, name in self.happens}


@dataclass(frozen=True)
class Result:
    way: Way
    call: str
    status: str
    wrong: tuple[str, ...]


STORIES: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "enrolling": ({"profile": "developer", "access": ["console"]}, ON_THE_WAY),
    "deciding": ({"profile": "power-user", "access": ["console", "programmatic"]}, DECIDING),
}
"""What is asked for, and what may happen meanwhile."""


def tell(story: str, branch: Callable[[int, Call, Scene], None]) -> Scene:
    """One onboarding to its end; `branch` hears of every call before it is made. The account is left as it is then."""
    world = World()
    request, _ = STORIES[story]
    people = People(world, {"user_name": accounts.USER, "email": "alice@example.com", **request})
    scene = Scene(world, people)
    made = iter(range(10_000))
    world.line.meanwhile = lambda call: branch(next(made), call, scene)
    world.people = people.act
    scene.account.enter_context(world.standing())
    world.everybody_acts()
    return scene


def singles() -> list[Way]:
    """Everything that may happen, at every call from the machine's first step on."""
    return [
        Way(story, ((number, name),))
        for story, (_, happenings) in STORIES.items()
        for number in range(*_span(story))
        for name in happenings
    ]


def pairs(chosen: random.Random, count: int) -> list[Way]:
    """Two things that happen, one after the other or one within what the other began."""
    found = []
    for _ in range(count):
        story = chosen.choice(sorted(STORIES))
        first, end = _span(story)
        at = chosen.randrange(first, end)
        names = chosen.choices(sorted(STORIES[story][1]), k=2)
        found.append(Way(story, ((at, names[0]), (at + chosen.randrange(1, LATER), names[1]))))
    return sorted(set(found))


def woven(chosen: random.Random, count: int) -> list[Way]:
    """Something that happens in two parts, with calls of the others before, between and after them."""
    found = []
    for _ in range(count):
        story = chosen.choice(sorted(STORIES))
        name = chosen.choice(sorted(STORIES[story][1].keys() & OF_SEVERAL_CALLS))
        pause, later = chosen.randrange(1, 9), chosen.randrange(1, LATER)
        found.append(Way(story, ((chosen.randrange(*_span(story)), f"{name}~{pause}~{later}"),)))
    return sorted(set(found))


@cache
def _span(story: str) -> tuple[int, int]:
    """The numbers of the calls between the request's admission and the end."""
    made = calls(story)
    return next(number for number, call in enumerate(made) if call.function == "validate_request"), len(made)


def calls(story: str) -> list[Call]:
    """The calls of the story in which nothing else happens."""
    with _processes() as pool:
        return [Call.parse(text) for text in pool.submit(_undisturbed, story).result()]


def run(ways: Sequence[Way]) -> Iterator[Result]:
    """The results, in no order. Of two things that happen, the second is counted by the calls of that very branch."""
    with _processes() as pool:
        running = [
            pool.submit(_all, story, own[begin : begin + PORTION])
            for story in sorted(STORIES)
            if (own := sorted(way for way in ways if way.story == story))
            for begin in range(0, len(own), PORTION)
        ]
        for portion in as_completed(running):
            for line in portion.result():
                way, call, status, wrong = json.loads(line)
                yield Result(Way.parse(way), call, status, tuple(wrong))


def _processes() -> ProcessPoolExecutor:
    """Each piece of work in a new process: clients, clock and account are its own."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(JOBS, spawn, _as_a_function, max_tasks_per_child=1)


def _as_a_function() -> None:
    os.environ.update(accounts.LAMBDA)


def _undisturbed(story: str) -> list[str]:
    found: list[str] = []
    tell(story, lambda _, call, __: found.append(str(call)))
    return found


def _all(story: str, ways: Sequence[Way]) -> list[str]:
    """Within a process of its own: the story, and off its calls a process for each way."""
    wanted: dict[int, list[Way]] = {}
    for way in ways:
        wanted.setdefault(way.happens[0][0], []).append(way)
    answers: list[str] = []
    branches: list[Branch] = []

    def at_call(number: int, call: Call, scene: Scene) -> None:
        if branches:
            branches[0].at_call(number)
            return
        for way in wanted.get(number, ()):
            answer = _forked()
            if answer is None:
                branches.append(Branch(way, call, scene))
                branches[0].at_call(number)
                return
            answers.append(answer or json.dumps([str(way), str(call), "", ["its process died, or did not end"]]))

    scene = tell(story, at_call)
    if branches:
        branches[0].come_to_its_end()
        os.write(
            _to[0], json.dumps([str(branches[0].way), str(branches[0].call), *judged(scene, branches[0].way)]).encode()
        )
        os._exit(0)
    return answers


class Branch:
    """What happens on one way; `still` is what stands still on it, with the number of the call at which it goes on."""

    def __init__(self, way: Way, call: Call, scene: Scene) -> None:
        self.way, self.call, self._scene = way, call, scene
        self._still: list[tuple[int, Woven]] = []

    def at_call(self, number: int) -> None:
        if any(woven.at_call() for _, woven in self._still):
            return
        for at, woven in self._still:
            if number >= at:
                woven.resume()
        for at, name in self.way.happens:
            if at == number:
                self._happen(number, name)

    def come_to_its_end(self) -> None:
        for _, woven in self._still:
            woven.resume()

    def _happen(self, number: int, name: str) -> None:
        what, *parts = name.split("~")
        if not parts:
            HAPPENINGS[what](self._scene)
            return
        pause, later = map(int, parts)
        woven = Woven(lambda: HAPPENINGS[what](self._scene), pause)
        self._still.append((number + later, woven))
        woven.begin()


_to: list[int] = []


def _forked() -> str | None:
    """None in the child; in the parent what the child answered."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(reading)
        signal.alarm(SECONDS)
        _to.append(writing)
        return None
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer


def judged(scene: Scene, way: Way) -> tuple[str, list[str]]:
    """The status at the end and what is wrong with it, once everybody has had their time and the schedule has run."""
    world, people = scene.world, scene.people
    for _ in range(3):
        world.follow_up()
        people.have_patience_again()
        world.everybody_acts()
    record = scene.record
    if record is None:
        return "none", [*world.wrong, "the record is gone"]
    wrong = [one for one in world.wrong if not (one == REPLACED and way.names & REPLACES_IT)]
    if not record.status.is_final:
        wrong.append(f"it is still {record.status}")
    if record.status in scene.forbidden:
        wrong.append(f"it is {record.status}, though somebody was answered that it would not be")
    if record.status is not Status.COMPLETE and not way.names & ENDS_IT:
        wrong.append(f"it ended {record.status}, {record.status_reason}: {record.status_detail}")
    if any(execution["status"] == "RUNNING" for execution in world.executions()):
        wrong.append("an execution still runs")
    wrong += _left(scene, record.status is Status.COMPLETE, "is deleted" in way.names)
    return record.status.value, wrong


def _left(scene: Scene, is_complete: bool, is_deleted: bool) -> Iterator[str]:
    """What is there and should not be, or is missing."""
    name = scene.people.user_name
    found = inventory.account(frozenset({name}))
    user = found["users"].get(name)
    if is_complete and not is_deleted:
        boundary = str(user and user["boundary"])
        if boundary != MEMBER:
            yield f"complete, and its boundary is {boundary}"
        elif not user["login_profile"] or user["devices"] != 1:
            yield f"complete, with {user['devices']} devices, login profile {user['login_profile']}"
    elif not is_complete and user:
        yield f"undone, and the user is there: {user}"
    if not is_complete:
        yield from (f"undone, and there is left: {secret}" for secret in found["secrets"])
        yield from (f"undone, and a claim is open: {kind}" for kind in found["open_claims"])
        yield from (f"undone, and a device is left: {serial}" for serial in found["unassigned_devices"])
    yield from (f"the password is left: {secret}" for secret in found["secrets"] if "/password/" in secret)
    yield from (f"a lock is left: {lock}" for lock in found["locks"])
