"""POST /onboardings/{id}/mfa-reset. What becomes of a reset: tests/workflow/test_mfa_reset.py."""

from typing import Any

import pytest

from local import client
from local.client import Person
from tests.e2e import asking


@pytest.fixture(scope="module")
def pending(stack: dict[str, Any]) -> asking.Onboarding:
    """An onboarding that is not complete."""
    return asking.needing_approval(client.principal(stack, "requester"))


def ask(person: Person, onboarding_id: str, body: Any = None) -> client.Answer:
    given = {"reason": "lost the phone"} if body is None else body
    return person.post(f"/onboardings/{onboarding_id}/mfa-reset", given)


@pytest.mark.parametrize("body", [{}, {"reason": None}, {"reason": ""}, {"reason": 1}, {"reason": "a\nb"}])
def test_a_reset_without_a_reason_is_refused(
    operator: Person, pending: asking.Onboarding, body: dict[str, Any]
) -> None:
    assert asking.wrong_fields(ask(operator, pending.id, body)) == {"reason"}


def test_an_unknown_field_is_named(operator: Person, pending: asking.Onboarding) -> None:
    assert asking.wrong_fields(ask(operator, pending.id, {"reason": "lost", "force": True})) == {"force"}


def test_an_unknown_onboarding_is_not_found(operator: Person) -> None:
    asking.problem(ask(operator, "nobody"), 404, "not-found")


def test_an_onboarding_that_is_not_complete_is_not_reset(
    stack: dict[str, Any], operator: Person, pending: asking.Onboarding
) -> None:
    before = asking.traces(stack)
    asking.problem(ask(operator, pending.id), 409, "not-resettable")
    assert asking.traces(stack) == before


def test_whoever_may_call_the_route_and_is_no_operator_is_refused(
    stack: dict[str, Any], pending: asking.Onboarding
) -> None:
    """The parameter Operators says who is one, not the right to call."""
    asking.problem(ask(asking.person_with(stack, "operator"), pending.id), 403, "not-an-operator")
