"""POST /onboardings/{id}/decision."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.client import Answer, Person, principal
from tests.e2e import asking

NO_DECISIONS: list[Any] = ["maybe", "APPROVE", "", None, 1, True, [], {}]
NO_REASONS: list[Any] = [1, True, [], {}, "two\nlines", "<b>", "\ud800", "x" * 501]
BAD_DECISIONS: list[tuple[Any, str]] = [
    ({}, "decision"),
    *[({"decision": decision}, "decision") for decision in NO_DECISIONS],
    *[({"decision": "approve", "reason": reason}, "reason") for reason in NO_REASONS],
    ({"decision": "reject"}, "reason"),
    *[({"decision": "reject", "reason": reason}, "reason") for reason in (None, "", "   ")],
    ({"decision": "approve", "onboarding_id": "x"}, "onboarding_id"),
]
BAD_BODIES = [b"", b"{", b"[]", b'"approve"', b"\xff", '{"decision": "approve"}'.encode("utf-16"), b"[" * 30_000]


@pytest.fixture(scope="module")
def undecided(stack: dict[str, Any]) -> asking.Onboarding:
    """Waits for one approver, and goes on waiting."""
    return asking.needing_approval(asking.person_with(stack, "requester"))


@pytest.fixture(scope="module", autouse=True)
def rejected(stack: dict[str, Any]) -> tuple[asking.Onboarding, Answer]:
    """Approved and then rejected by the same approver; its roll-back takes a second look while other tests run."""
    onboarding = asking.needing_approval(principal(stack, "requester"), "migration-admin")
    approver = principal(stack, "approver")
    assert asking.decide(approver, onboarding, "approve").status == 200
    return onboarding, asking.decide(approver, onboarding, "reject", "the wrong week")


def decisions(onboarding: asking.Onboarding, person: Person) -> list[tuple[str, str]]:
    made = person.get(onboarding.path).json["approval"]["decisions"]
    return [(decision["person"], decision["decision"]) for decision in made]


@pytest.mark.parametrize(("body", "field"), BAD_DECISIONS, ids=lambda part: ascii(part)[:50])
def test_a_malformed_decision_is_refused_with_its_field_named(
    approver: Person, undecided: asking.Onboarding, body: Any, field: str
) -> None:
    answer = approver.post(f"{undecided.path}/decision", asking.as_json(body))
    assert asking.wrong_fields(answer) == {field}
    assert decisions(undecided, approver) == []


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: ascii(body)[:20])
def test_a_decision_that_is_no_json_object_is_refused(
    approver: Person, undecided: asking.Onboarding, body: bytes
) -> None:
    assert asking.wrong_fields(approver.post(f"{undecided.path}/decision", body)) == {"body"}


def test_a_decision_given_twice_in_one_body_is_refused(approver: Person, undecided: asking.Onboarding) -> None:
    body = b'{"decision": "reject", "reason": "no", "decision": "approve"}'
    assert asking.wrong_fields(approver.post(f"{undecided.path}/decision", body)) == {"decision"}
    asking.problem(approver.post(f"{undecided.path}/decision", b" " * (32 * 1024 + 1)), 413)
    assert decisions(undecided, approver) == []


def test_who_is_no_approver_does_not_decide(admin: Person, undecided: asking.Onboarding) -> None:
    asking.problem(asking.decide(admin, undecided, "approve"), 403, "not-an-approver")
    asking.problem(asking.decide(admin, undecided, "reject", "no"), 403, "not-an-approver")
    assert decisions(undecided, admin) == []


@contextmanager
def also(stack: dict[str, Any], user_name: str, policy: str) -> Iterator[None]:
    """Somebody has one more of the stack's policies."""
    iam, arn = asking.root(stack, "iam"), asking.policy_arn(stack, policy)
    iam.attach_user_policy(UserName=user_name, PolicyArn=arn)
    try:
        yield
    finally:
        iam.detach_user_policy(UserName=user_name, PolicyArn=arn)


def test_nobody_decides_on_an_own_request(stack: dict[str, Any], approver: Person, second_approver: Person) -> None:
    with also(stack, "approver@example.com", "requester"):
        onboarding = asking.needing_approval(approver)
    asking.problem(asking.decide(approver, onboarding, "approve"), 403, "own-request")
    asking.problem(asking.decide(approver, onboarding, "reject", "changed my mind"), 403, "own-request")
    assert decisions(onboarding, approver) == []
    assert asking.decide(second_approver, onboarding, "approve").json["status"] == "PROVISIONING"


def test_nobody_decides_about_themselves(stack: dict[str, Any], requester: Person, approver: Person) -> None:
    onboarding = asking.needing_approval(requester)
    key = f"onboarding#{onboarding.id}"
    # A person may have a single sign-on session under the name that an IAM user is to get.
    asking.rewrite(stack, key, "request.user_name", "Approver@example.com")
    asking.problem(asking.decide(approver, onboarding, "approve"), 403, "own-request")
    asking.rewrite(stack, key, "request.user_name", onboarding.user_name)
    assert asking.decide(approver, onboarding, "approve").status == 200


def test_an_approval_is_recorded_and_sends_the_onboarding_on(
    stack: dict[str, Any], requester: Person, approver: Person, second_approver: Person
) -> None:
    onboarding = asking.needing_approval(requester)
    answer = asking.decide(approver, onboarding, "approve", "known to us")
    assert answer.status == 200
    record = answer.json
    assert record["status"] == "PROVISIONING"
    last = record["timeline"][-1]
    assert (last["event"], last["by"], last["detail"]) == ("approved", "approver@example.com", "known to us")
    assert all(asking.TIME.fullmatch(time) for time in asking.times(record))
    for late in (approver, second_approver):
        asking.problem(asking.decide(late, onboarding, "approve"), 409)
        asking.problem(asking.decide(late, onboarding, "reject", "too late"), 409)
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    asking.problem(asking.decide(approver, onboarding, "approve"), 409)
    assert decisions(onboarding, approver) == [("approver@example.com", "approve")]


def test_the_same_decision_by_the_same_approver_counts_once(
    requester: Person, approver: Person, second_approver: Person
) -> None:
    onboarding = asking.needing_approval(requester, "migration-admin")
    for _ in range(3):
        answer = asking.decide(approver, onboarding, "approve")
        assert (answer.status, answer.json["status"]) == (200, "PENDING_APPROVAL")
    assert decisions(onboarding, approver) == [("approver@example.com", "approve")]
    assert asking.decide(second_approver, onboarding, "approve").json["status"] == "PROVISIONING"


def test_a_decision_after_the_time_to_decide_is_refused(
    stack: dict[str, Any], requester: Person, approver: Person
) -> None:
    onboarding = asking.needing_approval(requester)
    asking.rewrite(stack, f"onboarding#{onboarding.id}", "approval_expires_at", "2026-01-01T00:00:00.000000Z")
    asking.problem(asking.decide(approver, onboarding, "approve"), 409, "decision-expired")
    asking.problem(asking.decide(approver, onboarding, "reject", "no"), 409, "decision-expired")
    assert decisions(onboarding, approver) == []


def test_two_approvers_at_once_are_both_counted(requester: Person, approver: Person, second_approver: Person) -> None:
    onboarding = asking.needing_approval(requester, "migration-admin")
    answers = asking.together(
        lambda: asking.decide(approver, onboarding, "approve"),
        lambda: asking.decide(second_approver, onboarding, "approve"),
    )
    assert sorted((answer.status, answer.json["status"]) for answer in answers) == [
        (200, "PENDING_APPROVAL"),
        (200, "PROVISIONING"),
    ]
    assert len(decisions(onboarding, approver)) == 2


def test_of_two_final_decisions_at_once_the_first_wins(
    requester: Person, approver: Person, second_approver: Person
) -> None:
    onboarding = asking.needing_approval(requester)
    answers = asking.together(
        lambda: asking.decide(approver, onboarding, "approve"),
        lambda: asking.decide(second_approver, onboarding, "reject", "no"),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert len(decisions(onboarding, approver)) == 1


def test_a_cancelled_onboarding_is_not_decided_any_more(requester: Person, approver: Person) -> None:
    onboarding = asking.needing_approval(requester)
    assert requester.post(f"{onboarding.path}/cancel").status == 202
    asking.problem(asking.decide(approver, onboarding, "approve"), 409)


def test_one_rejection_ends_it_even_by_who_approved_before(
    stack: dict[str, Any],
    approver: Person,
    second_approver: Person,
    rejected: tuple[asking.Onboarding, Answer],
) -> None:
    onboarding, answer = rejected
    assert (answer.status, answer.json["status"]) == (200, "ROLLING_BACK")
    asking.problem(asking.decide(second_approver, onboarding, "approve"), 409)
    asking.problem(asking.decide(approver, onboarding, "reject", "again"), 409)
    record = asking.awaited(stack, onboarding.id, "REJECTED")
    assert record["status_reason"] == "REJECTED"
    assert "the wrong week" in record["status_detail"]
    asking.problem(asking.decide(second_approver, onboarding, "reject", "me too"), 409)
    assert asking.is_nobody(stack, onboarding)
