"""Names are unique without regard to case, among IAM users and among those being onboarded."""

import uuid
from typing import Any

import pytest

from local.client import Person
from tests.e2e import asking


@pytest.fixture(scope="module")
def existing(stack: dict[str, Any]) -> str:
    """An IAM user that Gatehouse did not make, under a path of its own."""
    name = f"Carol-{uuid.uuid4().hex[:8]}"
    asking.root(stack, "iam").create_user(UserName=name, Path="/others/")
    return name


def test_the_name_of_an_existing_user_is_taken(requester: Person, stack: dict[str, Any], existing: str) -> None:
    before = asking.traces(stack)
    document = asking.problem(requester.post("/onboardings", asking.request(user_name=existing)), 409, "user-exists")
    assert [error["field"] for error in document["errors"]] == ["user_name"]
    assert asking.traces(stack) == before


@pytest.mark.parametrize("name", ["admin", "operator@example.com", "approver@example.com", "requester@example.com"])
def test_the_people_of_the_stack_are_existing_users_too(requester: Person, name: str) -> None:
    asking.problem(requester.post("/onboardings", asking.request(user_name=name)), 409, "user-exists")
    assert asking.wrong_fields(requester.post("/onboardings", asking.request(user_name=name.upper()))) == {"user_name"}


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_a_name_that_differs_from_an_existing_one_only_in_case_is_wrong(
    requester: Person, stack: dict[str, Any], existing: str, change: Any
) -> None:
    before = asking.traces(stack)
    answer = requester.post("/onboardings", asking.request(user_name=change(existing)))
    assert asking.wrong_fields(answer) == {"user_name"}
    assert asking.traces(stack) == before


def test_a_name_that_is_being_onboarded_is_taken_in_any_case(requester: Person, stack: dict[str, Any]) -> None:
    onboarding = asking.needing_approval(requester)
    before = asking.traces(stack)
    again = requester.post("/onboardings", asking.request(user_name=onboarding.user_name))
    asking.problem(again, 409, "user-being-onboarded")
    shouted = requester.post("/onboardings", asking.request(user_name=onboarding.user_name.upper()))
    assert asking.wrong_fields(shouted) == {"user_name"}
    assert asking.traces(stack) == before


def test_of_two_at_once_for_one_name_one_is_admitted(requester: Person) -> None:
    name = asking.request()["user_name"]
    wanted = asking.request(user_name=name, profile="power-user")
    answers = asking.together(
        lambda: requester.post("/onboardings", wanted),
        lambda: requester.post("/onboardings", wanted),
    )
    admitted, refused = sorted(answers, key=lambda answer: answer.status)
    assert admitted.status == 202
    asking.problem(refused, 409)
