"""Whatever happens while an onboarding is under way, it ends complete or undone, and nothing is lost or left.

Of the onboarding's calls of AWS every one is a moment at which something else may come between: a share of all these
orders runs here, always the same; `make races` runs them all.
"""

import random

import pytest

from tests.races.branching import STORIES, Result, Way, pairs, run, singles, woven

SEED = 20261122
EACH, PAIRS, WOVEN = 8, 4, 6


@pytest.fixture(scope="module")
def results() -> list[Result]:
    chosen = random.Random(SEED)
    every = singles()
    ways = [way for story in STORIES for way in chosen.sample([one for one in every if one.story == story], EACH)]
    return list(run([*ways, *pairs(chosen, PAIRS), *woven(chosen, WOVEN)]))


def test_whatever_comes_between_two_calls_an_onboarding_ends_complete_or_undone(results: list[Result]) -> None:
    wrong = [f"{result.way} (at {result.call}), {result.status}: {result.wrong}" for result in results if result.wrong]
    assert wrong == []


def test_every_order_came_to_its_end(results: list[Result]) -> None:
    assert len(results) == EACH * len(STORIES) + PAIRS + WOVEN
    assert {result.status for result in results} >= {"COMPLETE", "CANCELLED"}


def test_a_way_is_told_again_by_its_name() -> None:
    way = Way("enrolling", ((24, "is cancelled"), (31, "enrols and is told~3~5")))
    assert Way.parse(str(way)) == way
