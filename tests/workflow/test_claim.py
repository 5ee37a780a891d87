"""A secret is revealed once, to who has both the link and the code."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.workflow import evidence, faults, people


@pytest.mark.alone
def test_of_fifty_claims_at_once_one_is_answered(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "fifty")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    with ThreadPoolExecutor(50) as pool:
        claims = [pool.submit(_claimed, onboarding, token) for _ in range(50)]
        answers = Counter(claim.result() for claim in claims)
    assert answers == {200: 1, 410: 49}
    assert people.claim(onboarding, token).status == 410
    assert evidence.timeline(onboarding).count("password_claimed") == 1
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_the_fifth_wrong_code_burns_the_claim_and_a_resend_makes_a_new_one(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "burnt")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    answers = [people.claim(onboarding, token, "AAAAAAAA") for _ in range(5)]
    assert [(answer.status, answer.json["attempts_left"]) for answer in answers] == [
        (403, left) for left in (4, 3, 2, 1, 0)
    ]
    late = people.claim(onboarding, token)
    assert (late.status, late.json["type"]) == (410, "urn:gatehouse:problem:claim-burnt")
    assert evidence.has_password(onboarding)

    code = people.resend(onboarding).json["claim_code"]
    assert people.claim(onboarding, people.link(onboarding, number=2), code).status == 200
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_a_claim_that_could_not_be_answered_may_be_tried_again(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "given-back")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    secrets = faults.secrets_arn(onboarding)
    with faults.denied(stack, "ClaimSecret", "secretsmanager:GetSecretValue", secrets):
        assert people.claim(onboarding, token).status == 500
    assert evidence.open_claims(onboarding) == ["password"]
    claimed = people.claim(onboarding, token)
    assert people.password_is(onboarding, claimed.json["password"])
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_the_requester_sees_when_it_was_claimed_and_every_wrong_code(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "watched")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    for _ in range(2):
        assert people.claim(onboarding, token, "AAAAAAAA").status == 403
    claimed = people.claim(onboarding, token)
    shown = people.call(stack, "requester", "GET", onboarding.path)
    entries = [entry for entry in shown.json["timeline"] if entry["by"] == "claim"]
    assert [(entry["event"], entry["detail"]) for entry in entries] == [
        ("wrong_claim_code", "password, attempts left: 4"),
        ("wrong_claim_code", "password, attempts left: 3"),
        ("password_claimed", "from 127.0.0.1"),
    ]
    assert all(entry["at"] <= people.now() for entry in entries)
    for secret in (token, str(onboarding.claim_code), "AAAAAAAA", claimed.json["password"]):
        assert secret.encode() not in shown.body
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_a_link_that_nobody_sent_is_unknown(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "unsent", "power-user")
    assert people.claim(onboarding, "A" * 43).status == 404
    assert people.claim(onboarding, "A" * 42).status == 404
    people.awaited(onboarding, "PENDING_APPROVAL")
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")


def test_a_password_that_nobody_claimed_ends_with_the_enrolment(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "unclaimed")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    people.enrol(onboarding)
    evidence.completed(onboarding)
    late = people.claim(onboarding, token)
    assert (late.status, late.json["type"]) == (410, "urn:gatehouse:problem:claim-withdrawn")


def _claimed(onboarding: people.Onboarding, token: str) -> int:
    """The status of a claim that was heard: one that is told to come again at a quieter moment does so."""
    while (status := people.claim(onboarding, token).status) in (429, 503):
        continue
    return status
