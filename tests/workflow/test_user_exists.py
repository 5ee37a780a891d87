"""Somebody has the name already."""

from typing import Any

import pytest

from tests.workflow import evidence, people


def test_a_name_that_is_being_onboarded_is_refused_and_free_again_after_the_end(stack: dict[str, Any]) -> None:
    request = people.wanted("taken", "power-user")
    first = people.submit(stack, request)
    refused = people.call(stack, "requester", "POST", "/onboardings", {**request, "profile": "developer"})
    assert refused.status == 409
    people.awaited(first, "PENDING_APPROVAL")
    assert people.cancel(first).status == 202
    evidence.undone(first, "CANCELLED", "CANCELLED")

    second = people.submit(stack, request)
    people.awaited(second, "PENDING_APPROVAL")
    people.approve(second)
    people.awaited(second, "PENDING_MFA")
    people.enrol(second)
    evidence.completed(second)


def test_the_name_of_an_existing_user_is_refused_before_anything_is_written(stack: dict[str, Any]) -> None:
    request = people.wanted("existing", "developer")
    people.root(stack, "iam").create_user(UserName=request["user_name"])
    same = people.call(stack, "requester", "POST", "/onboardings", request)
    assert same.status == 409
    other_case = {**request, "user_name": request["user_name"].upper()}
    refused = people.call(stack, "requester", "POST", "/onboardings", other_case)
    assert refused.status == 400
    assert [problem["field"] for problem in refused.json["errors"]] == ["user_name"]
    assert [item for item in people.rows(stack) if item.get("user_key") == request["user_name"].lower()] == []
    assert people.row(stack, f"user#{request['user_name'].lower()}") is None


@pytest.mark.parametrize("path", ["/", "/gatehouse/"])
def test_a_user_whom_somebody_else_makes_meanwhile_is_left_alone(stack: dict[str, Any], path: str) -> None:
    onboarding = people.requested(stack, "overtaken", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    iam = people.root(stack, "iam")
    boundary = "arn:aws:iam::123456789012:policy/gatehouse/gatehouse-boundary-member"
    iam.create_user(UserName=onboarding.user_name, Path=path, PermissionsBoundary=boundary)
    people.approve(onboarding)
    evidence.undone(onboarding, "FAILED", "USER_ALREADY_EXISTS")
    details = evidence.failed_with(onboarding, "Failed", "USER_ALREADY_EXISTS")
    assert details == f"user_name {onboarding.user_name} exists already"
    assert evidence.user(onboarding)
    assert evidence.groups(onboarding) == set()
    assert not evidence.has_password(onboarding)


def test_a_user_made_meanwhile_whose_name_differs_in_case_is_left_alone(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "overtaken-case", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.root(stack, "iam").create_user(UserName=onboarding.user_name.upper())
    people.approve(onboarding)
    evidence.undone(onboarding, "FAILED", "USER_ALREADY_EXISTS")
    details = evidence.failed_with(onboarding, "Failed", "USER_ALREADY_EXISTS")
    assert details == f"user_name {onboarding.user_name.upper()} exists already"
    assert people.root(stack, "iam").get_user(UserName=onboarding.user_name.upper())["User"]["Path"] == "/"
