"""The same request more than once."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.client import Answer
from tests.workflow import evidence, people


def test_a_request_repeated_with_its_key_is_answered_identically_and_onboards_once(stack: dict[str, Any]) -> None:
    request, key = people.wanted("repeated", "developer"), str(uuid.uuid4())
    first = people.call(stack, "requester", "POST", "/onboardings", request, idempotency_key=key)
    onboarding = people.accepted(stack, request, first)
    people.awaited(onboarding, "PENDING_MFA")
    again = people.call(stack, "requester", "POST", "/onboardings", request, idempotency_key=key)
    assert (again.status, again.body) == (202, first.body)
    other = {**request, "tags": {"cost-center": "1"}}
    refused = people.call(stack, "requester", "POST", "/onboardings", other, idempotency_key=key)
    assert (refused.status, refused.json["type"]) == (422, "urn:gatehouse:problem:idempotency-key-reused")
    assert _onboarded(onboarding) == [onboarding.id]
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_ten_at_once_with_one_key_are_one_onboarding(stack: dict[str, Any]) -> None:
    request, key = people.wanted("ten-with-key", "developer"), str(uuid.uuid4())
    answers = _ten_at_once(stack, request, idempotency_key=key)
    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    onboarding = people.accepted(stack, request, answers[0])
    assert _onboarded(onboarding) == [onboarding.id]
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_ten_at_once_without_a_key_are_one_onboarding_and_nine_refusals(stack: dict[str, Any]) -> None:
    request = people.wanted("ten-without-key", "developer")
    answers = _ten_at_once(stack, request)
    assert Counter(answer.status for answer in answers) == {202: 1, 409: 9}
    [accepted] = [answer for answer in answers if answer.status == 202]
    onboarding = people.accepted(stack, request, accepted)
    assert _onboarded(onboarding) == [onboarding.id]
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)


def _ten_at_once(stack: dict[str, Any], request: dict[str, Any], **headers: str) -> list[Answer]:
    with ThreadPoolExecutor(10) as pool:
        calls = [
            pool.submit(people.call, stack, "requester", "POST", "/onboardings", request, **headers) for _ in range(10)
        ]
        return [call.result() for call in calls]


def _onboarded(onboarding: people.Onboarding) -> list[str]:
    """The ids of all onboardings of this user that were ever recorded."""
    records = [item for item in people.rows(onboarding.stack) if item.get("entity") == "onboarding"]
    return [item["onboarding_id"] for item in records if item["user_key"] == onboarding.user_name.lower()]
