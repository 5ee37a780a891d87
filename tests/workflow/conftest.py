"""Runs the stories side by side: most of the time one waits, for its machine or for the second look of a roll-back.

A story is a test function that takes no other fixture than a stack, uses a user of its own, and disturbs nobody.
One that has to disturb the whole stack is marked `alone`, one that looks back at all the others `afterwards`.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

AT_ONCE = 8
"""Stories that run at a time: more would only wait for the two cores."""

HERE = Path(__file__).parent
ROUNDS = ("alone", "", "afterwards", "last")

_collected = pytest.StashKey[frozenset[str]]()
_passed = pytest.StashKey[set[str]]()
_running = pytest.StashKey[dict[str, "Future[None]"]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: disturbs the whole stack, so it runs before the others")
    config.addinivalue_line("markers", "afterwards: looks at what the stories left, so it runs after them")
    config.addinivalue_line("markers", "last: judges the whole run, so it needs all of tests/workflow")
    config.stash[_passed] = set()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Put the stories last, round by round; leave out what judges the whole run where only a part of it runs."""
    collected = [item for item in items if _is_ours(item)]
    config.stash[_collected] = frozenset(item.nodeid for item in collected)
    yield
    ours = sorted(filter(_is_ours, items), key=lambda item: ROUNDS.index(_round(item)))
    partial = [item for item in ours if _round(item) == "last" and not _is_whole(config, ours)]
    items[:] = [item for item in items if not _is_ours(item)] + [item for item in ours if item not in partial]
    config.hook.pytest_deselected(items=partial)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str:
    if any(_round(item) == "last" for item in items):
        return ""
    return "IAM coverage: not judged, it needs the whole of tests/workflow"


def _is_ours(item: pytest.Item) -> bool:
    return HERE in item.path.parents


def _round(item: pytest.Item) -> str:
    return next((name for name in ROUNDS if name and item.get_closest_marker(name)), "")


def _is_whole(config: pytest.Config, selected: list[pytest.Item]) -> bool:
    """Whether every story of this directory runs, whatever was asked for by path, `::`, -k, -m or --lf."""
    files = {item.path for item in selected}
    return (
        files >= set(HERE.glob("test_*.py"))
        and {item.nodeid for item in selected} >= config.stash[_collected]
        and not any("::" in argument for argument in config.args)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.when == "call" and report.passed:
        item.config.stash[_passed].add(item.nodeid)
    return report


@pytest.fixture
def stories_without_a_pass(request: pytest.FixtureRequest) -> set[str]:
    """The ids of the tests of this directory that have not passed in this run, other than those that judge it."""
    judges = {item.nodeid for item in request.session.items if _round(item) == "last"}
    return set(request.config.stash[_collected]) - request.config.stash[_passed] - judges


@pytest.fixture(autouse=True)
def side_by_side(request: pytest.FixtureRequest) -> None:
    if not _round(request.node):
        request.getfixturevalue("running_stories")


@pytest.fixture(scope="session")
def running_stories(request: pytest.FixtureRequest) -> Iterator[None]:
    """Starts all stories of the run on the stacks they ask for."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="story")
    stories = [item for item in request.session.items if _is_ours(item) and not _round(item)]
    wanted = {name for item in stories for name in signature(item.function).parameters}  # type: ignore[attr-defined]
    stacks = {name: request.getfixturevalue(name) for name in sorted(wanted) if name.endswith("stack")}
    # Who waits for a time-out waits longest, and while the others work.
    stories.sort(key=lambda item: "hasty_stack" not in signature(item.function).parameters)  # type: ignore[attr-defined]
    request.config.stash[_running] = {item.nodeid: pool.submit(_tell, item, stacks) for item in stories}
    yield
    pool.shutdown(cancel_futures=True)


def _tell(story: Any, stacks: dict[str, Any]) -> None:
    parameters = story.callspec.params if hasattr(story, "callspec") else {}
    given = stacks | parameters
    story.function(**{name: given[name] for name in signature(story.function).parameters})


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """The story runs already: wait for its end, and fail as it failed."""
    story = pyfuncitem.config.stash.get(_running, {}).get(pyfuncitem.nodeid)
    if story is None:
        return None
    story.result()
    return True
