"""The catalogue answers who may ask for what, and which way up some actions leave open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import catalogue
from gatehouse.model import Caller
from tests.unit.account import change_catalogue

ACTIONS = sorted({action for risk in catalogue.escalations().values() for action in risk["needs"]})


@pytest.mark.parametrize(("person", "may"), [("alice", True), ("bob", False), (None, False)])
def test_a_profile_may_be_for_some_to_request(monkeypatch: pytest.MonkeyPatch, person: str | None, may: bool) -> None:
    change_catalogue(monkeypatch, lambda shelf: shelf["profiles"]["auditor"].update(requesters=["alice", "carol"]))
    assert catalogue.may_request("auditor", Caller("arn", person)) is may
    assert catalogue.may_request("developer", Caller("arn", person))


def test_who_is_named_as_a_requester_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogue.named_requesters() == frozenset()
    change_catalogue(monkeypatch, lambda shelf: shelf["profiles"]["auditor"].update(requesters=["alice", "*"]))
    assert catalogue.named_requesters() == {"alice"}


@given(st.sets(st.sampled_from(ACTIONS)))
def test_a_way_up_is_open_with_all_that_it_needs_and_not_before(actions: set[str]) -> None:
    found = catalogue.open_escalations(actions)
    needs = {name: set(risk["needs"]) for name, risk in catalogue.escalations().items()}
    assert set(found) == {name for name, needed in needs.items() if needed <= actions}
    assert all(found[name] == catalogue.escalations()[name]["in_words"] for name in found)


def test_a_way_up_may_need_more_than_one_action() -> None:
    assert "pass-role-to-function" not in catalogue.open_escalations(["iam:PassRole"])
    assert "pass-role-to-function" in catalogue.open_escalations(["iam:PassRole", "lambda:CreateFunction"])


def test_without_any_action_no_way_is_open() -> None:
    assert catalogue.open_escalations([]) == {}


@pytest.mark.parametrize(
    ("profile", "approvals"),
    [("developer", 0), ("auditor", 0), ("power-user", 1), ("migration-admin", 2), ("application", 1)],
)
def test_the_shipped_profiles_need_the_approvals_that_were_promised(profile: str, approvals: int) -> None:
    assert catalogue.profiles()[profile]["approvals_needed"] == approvals


def test_no_other_profile_ships() -> None:
    assert set(catalogue.profiles()) == {"developer", "auditor", "power-user", "migration-admin", "application"}
