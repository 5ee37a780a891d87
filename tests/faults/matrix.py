"""Every call of the stories meets every kind of fault that fits it: who runs the cells, and what each must end in."""

import json
import multiprocessing
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from gatehouse import times
from gatehouse.edges.expire_claim import TAKEN_SECONDS
from gatehouse.model import Onboarding, Status
from tests.faults import inventory
from tests.faults.kinds import KINDS, Call
from tests.faults.line import Fault, Faults, Forks
from tests.faults.scenarios import SCENARIOS, People, Scenario
from tests.faults.world import World
from tests.unit.account import ENROLLING
from tests.wiring.template import functions, of_type

OUTCOMES = {
    "C": "complete, with exactly what a run without faults leaves",
    "R": "rolled back, with nothing left",
    "CL": "complete; a secret that was revealed and could not be deleted went when its claim's time was over",
    "CJ": "complete; a secret that was taken for gone was found and removed by one pass of the janitor",
    "RJ": "rolled back; a secret that was taken for gone was found and removed by one pass of the janitor",
    "N": "refused: nothing was begun",
    "IR": "ROLLBACK_INCOMPLETE as long as the fault stood; rolled back by one pass of the schedules after it",
    "WR": "still open as long as the fault stood; rolled back by one pass of the schedules after it",
    "WC": "still open as long as the fault stood; complete after one pass of the schedules",
    "!": "wrong",
}
A_YEAR = 366 * 86_400
RUNS_WHILE_IT_STANDS = 2
"""Runs of the follow-up that a fault outlasts, if it is one that stays."""

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, order=True)
class Cell:
    """One or two faults in one story: (call, kind) each, in the order in which they begin."""

    scenario: str
    faults: tuple[tuple[Call, str], ...]

    def __str__(self) -> str:
        return " ".join([self.scenario, *(f"{call}={kind}" for call, kind in self.faults)])

    @classmethod
    def parse(cls, text: str) -> "Cell":
        scenario, *faults = text.split()
        pairs = (fault.split("=") for fault in faults)
        return cls(scenario, tuple((Call.parse(call), kind) for call, kind in pairs))


@dataclass(frozen=True)
class Recorded:
    """A story without faults: its calls, those that meet faults, the errors that AWS documents, and what it leaves."""

    calls: tuple[Call, ...]
    met: tuple[Call, ...]
    documented: Mapping[str, list[str]]
    left: Mapping[str, Any]
    status: str
    wrong: tuple[str, ...] = ()

    def fitting(self, call: Call) -> Iterator[str]:
        errors = frozenset(self.documented[str(call)])
        yield from (name for name, kind in KINDS.items() if kind.applies(call, errors))


@dataclass(frozen=True)
class Result:
    cell: Cell
    outcome: str
    wrong: tuple[str, ...] = ()
    left: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""


def record(names: Iterable[str]) -> dict[str, Recorded]:
    """The stories without faults, told here: whatever has to be loaded is, before the cells fork off."""
    return {name: _record(SCENARIOS[name]) for name in names}


def _record(scenario: Scenario) -> Recorded:
    world = World()
    with world.standing():
        people = scenario.tell(world)
        stands = people.record()
        documented = {str(call): sorted(errors) for call, errors in world.line.documented.items()}
        status = stands.status.value if stands else "NONE"
        calls = tuple(world.line.made)
        met = tuple(filter(scenario.meets, calls[world.line.before :]))
        left = _left(people)
        wrong = (*world.wrong, *world.leaks(), *people.refused, *_other_than_said(scenario, left))
        return Recorded(calls, met, documented, left, status, wrong)


def _other_than_said(scenario: Scenario, left: Mapping[str, Any]) -> Iterator[str]:
    """A story that leaves something else than it should is no measure for what is to be there after a fault."""
    found = list(left["users"].values())
    said = [scenario.leaves] if scenario.leaves else []
    seen = [{name: one[name] for name in scenario.leaves or {}} for one in found]
    if said != seen:
        yield f"leaves {seen}, not {said}"
    yield from (f"leaves {what}: {there}" for what, there in left.items() if what != "users" and there)


def unmet(recorded: Mapping[str, Recorded]) -> list[str]:
    """The functions of the two machines whose calls no fault meets."""
    met = {call.function for story in recorded.values() for call in story.met}
    machines = (of_type("AWS::Serverless::StateMachine")[f"{name}StateMachine"] for name in ("Onboarding", "MfaReset"))
    named = {name for machine in machines for name in machine["Properties"]["DefinitionSubstitutions"]}
    return sorted(stem for stem, one in functions().items() if f"{one.logical_id}Arn" in named and stem not in met)


def singles(recorded: Mapping[str, Recorded]) -> list[Cell]:
    return [
        Cell(name, ((call, kind),))
        for name, story in recorded.items()
        for call in story.met
        for kind in story.fitting(call)
    ]


def pairs(recorded: Mapping[str, Recorded], number: int, seed: int) -> list[Cell]:
    """Two faults in one story: the first at any of its calls, the second at any other, also one of its roll-back."""
    chosen, undoing = random.Random(seed), recorded["undone"]
    found = []
    for _ in range(number):
        name = chosen.choice(sorted(recorded))
        first = chosen.choice(recorded[name].met)
        rest = recorded[name].calls[recorded[name].calls.index(first) + 1 :]
        others = [(call, recorded[name]) for call in rest]
        others += [(call, undoing) for call in undoing.calls if call.function in ("roll_back", "execution_ended")]
        second, story = chosen.choice(others)
        kinds = chosen.choice([*recorded[name].fitting(first)]), chosen.choice([*story.fitting(second)])
        found.append(Cell(name, ((first, kinds[0]), (second, kinds[1]))))
    return sorted(set(found))


def run(cells: Sequence[Cell], recorded: Mapping[str, Recorded], jobs: int) -> Iterator[Result]:
    """The results, as they come; a cell whose process died is wrong."""
    missing = set(cells)
    for text, outcome, wrong, left, log in _side_by_side([*_portions(cells, recorded, jobs)], jobs):
        result = Result(Cell.parse(text), outcome, tuple(wrong), left, log)
        missing.discard(result.cell)
        yield result
    for cell in sorted(missing):
        yield Result(cell, "!", ("the story never came to this call, or its process died",))


def _portions(cells: Sequence[Cell], recorded: Mapping[str, Recorded], jobs: int) -> Iterator[Callable[[Any], None]]:
    """The longest stories first, each in as many portions as there are processes."""
    for name in sorted(recorded, key=lambda name: -len(recorded[name].calls)):
        own = [cell for cell in cells if cell.scenario == name]
        for number in range(jobs):
            if portion := own[number::jobs]:
                yield _running(SCENARIOS[name], portion, recorded)


def _side_by_side(works: list[Callable[[Any], None]], jobs: int) -> Iterator[Any]:
    """What the works send, each of them in a process of its own, so many at a time."""
    waiting, running = list(reversed(works)), dict[Connection, Any]()
    while waiting or running:
        while waiting and len(running) < jobs:
            receiving, sending = _fork.Pipe(duplex=False)
            process = _fork.Process(target=_work, args=(waiting.pop(), sending), daemon=True)
            process.start()
            sending.close()
            running[receiving] = process
        for ready in wait(list(running)):
            assert isinstance(ready, Connection)
            try:
                yield json.loads(ready.recv_bytes())
            except EOFError:
                running.pop(ready).join()


def _work(work: Callable[[Any], None], sending: Connection) -> None:
    work(lambda message: sending.send_bytes(json.dumps(message).encode()))


def _running(scenario: Scenario, cells: Sequence[Cell], recorded: Mapping[str, Recorded]) -> Callable[[Any], None]:
    def work(send: Callable[[Any], None]) -> None:
        by_call: dict[Call, list[Faults]] = {}
        for cell in cells:
            faults = tuple(Fault(call, KINDS[kind]) for call, kind in cell.faults)
            by_call.setdefault(faults[0].call, []).append(faults)
        world = World()
        with world.standing():
            forks = Forks(world.line, by_call, lambda result: send(json.loads(result)) if result else None)
            people = scenario.tell(world)
            if not forks.is_cell:
                return
            cell = Cell(scenario.name, tuple((fault.call, fault.kind.name) for fault in world.line.faults))
            ended = _conclude(world, scenario, people, recorded)
            forks.finish(json.dumps((str(cell), *ended)).encode())

    return work


def _conclude(
    world: World, scenario: Scenario, people: People, recorded: Mapping[str, Recorded]
) -> tuple[str, list[str], Any, str]:
    """Outcome, what is wrong, what was left, and the end of the log where something is wrong."""
    for _ in range(RUNS_WHILE_IT_STANDS):
        if _is_open(people.record()):
            world.follow_up()
            world.everybody_acts()
    stood = people.record()
    if stood and stood.status is Status.ROLLING_BACK and not _keeps_from_writing(world.line.faults):
        world.wrong.append("a roll-back that cannot go on does not say so in the record")
    world.line.faults = []
    people.have_patience_again()
    if _is_open(stood):
        world.follow_up()
        world.janitor()
    world.everybody_acts()
    kept = inventory.revealed_and_kept()
    if kept:
        world.clock.moment = times.after(kept, TAKEN_SECONDS)
        world.follow_up()
    swept = bool(_left(people)["secrets"])
    if swept:
        # moto dates a secret by the real clock, which may be ahead of the story's.
        world.clock.advance(A_YEAR)
        world.janitor()
    ended, left = people.record(), _left(people)
    wrong = [*world.wrong, *world.leaks(), *_wrong_end(scenario, ended, left, recorded)]
    if wrong:
        return "!", wrong, left, world.log.getvalue()[-6000:]
    outcome = _outcome(stood, ended)
    return f"{outcome[-1]}J" if swept else "CL" if kept else outcome, [], {}, ""


def _outcome(stood: Onboarding | None, ended: Onboarding | None) -> str:
    if ended is None:
        return "N"
    end = "C" if ended.status is Status.COMPLETE else "R"
    if stood is not None and stood.status.is_final:
        return end
    return ("I" if stood and stood.status is Status.ROLLBACK_INCOMPLETE else "W") + end


def _wrong_end(
    scenario: Scenario, ended: Onboarding | None, left: Mapping[str, Any], recorded: Mapping[str, Recorded]
) -> Iterator[str]:
    if ended is not None and not ended.status.is_final:
        yield f"the record is {ended.status} after a pass of the schedules without the fault"
        return
    if ended is not None and ended.status is Status.COMPLETE:
        expected = recorded[scenario.complete_as or scenario.name]
        if expected.status != "COMPLETE":
            yield "complete, and nobody had enrolled"
        elif left != expected.left:
            yield f"complete with something else than expected: {inventory.difference(expected.left, left)}"
        return
    users = left["users"]
    if scenario.name == "reset":
        yield from (f"{name} is neither as before nor locked" for name, one in users.items() if not _is_locked(one))
    elif users:
        yield f"left behind: {', '.join(users)}"
    for what in ("unassigned_devices", "secrets", "locks", "open_claims"):
        if left[what]:
            yield f"left behind: {what} {left[what]}"


def _is_locked(user: Mapping[str, Any]) -> bool:
    """As ResetMfa leaves a user until another device is there, or as it was before."""
    proofs = (user["login_profile"], user["access_keys"], user["devices"])
    return all(proofs) or (not any(proofs) and user["boundary"] == ENROLLING)


def _keeps_from_writing(faults: Iterable[Fault]) -> bool:
    """Whether the record itself may be out of reach."""
    return any(fault.call.service == "dynamodb" for fault in faults)


def _is_open(record: Onboarding | None) -> bool:
    return record is not None and not record.status.is_final


def _left(people: People) -> dict[str, Any]:
    """What is there, the ids of this run left out."""
    found = inventory.account(frozenset([people.user_name]))
    made_by = people.of or people.onboarding_id
    text = json.dumps(found, default=str)
    for name, known in (("<id>", made_by), ("<reset>", people.onboarding_id)):
        text = text.replace(known, name) if known else text
    loaded: dict[str, Any] = json.loads(text)
    return loaded
