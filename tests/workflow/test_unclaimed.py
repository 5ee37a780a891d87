"""Nobody claims in time: what waited opens nothing any more, people hear of it, and a resend goes on."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.client import wait_for
from tests.workflow import evidence, faults, people


def test_a_password_that_nobody_claims_is_replaced_and_its_secret_gone(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "unclaimed")
    people.awaited(onboarding, "PENDING_MFA")
    password = evidence.secret_value(onboarding, "password")
    assert password
    token = people.link(onboarding)
    _follow_up_after(onboarding, "password")
    assert "claim_expired" in evidence.timeline(onboarding)
    assert evidence.secrets(onboarding) == []
    assert evidence.has_password(onboarding)
    assert not people.password_is(onboarding, password)
    late = people.claim(onboarding, token)
    assert (late.status, late.json["type"]) == (410, "urn:gatehouse:problem:claim-expired")
    _told(onboarding, "password")
    evidence.undone(onboarding, "EXPIRED", "MFA_TIMEOUT")


def test_an_access_key_that_nobody_claims_is_deleted(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "unclaimed-key", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    token = people.link(onboarding, "Your AWS access key")
    assert len(evidence.access_keys(onboarding)) == 1
    _follow_up_after(onboarding, "access_key")
    assert evidence.access_keys(onboarding) == []
    assert evidence.secrets(onboarding) == []
    assert people.claim(onboarding, token).status == 410
    _told(onboarding, "access key")
    assert evidence.record(onboarding)["status"] == "COMPLETE"


def test_after_that_a_resend_brings_a_password_that_works(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "unclaimed-resent")
    people.awaited(onboarding, "PENDING_MFA")
    people.link(onboarding)
    claim = evidence.record(onboarding)["claims"]["password"]
    faults.is_due(stack, claim)
    faults.invoke(stack, "ExpireClaim", {"claim": claim})
    assert evidence.secrets(onboarding) == []
    answer = people.resend(onboarding)
    assert answer.status == 200, answer.body
    claimed = people.claim(onboarding, people.link(onboarding, number=2), answer.json["claim_code"])
    assert people.password_is(onboarding, claimed.json["password"])
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_of_a_claim_at_the_last_moment_and_the_end_one_comes_through(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "last-moment")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    claim = evidence.record(onboarding)["claims"]["password"]
    faults.is_due(stack, claim, in_seconds=0.5)
    with ThreadPoolExecutor(8) as pool:
        claims = [pool.submit(people.claim, onboarding, token) for _ in range(4)]
        ends = [pool.submit(faults.invoke, stack, "ExpireClaim", {"claim": claim}) for _ in range(4)]
        answers = [one.result() for one in claims]
        assert [one.result() for one in ends] == [None] * 4
    faults.invoke(stack, "ExpireClaim", {"claim": claim})
    revealed = [answer.json["password"] for answer in answers if answer.status == 200]
    told = evidence.timeline(onboarding)
    assert (told.count("password_claimed"), told.count("claim_expired")) in [(1, 0), (0, 1)]
    assert len(revealed) == told.count("password_claimed")
    assert all(people.password_is(onboarding, password) for password in revealed)
    assert len(evidence.secrets(onboarding)) == len(revealed)
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_a_burnt_claim_ends_with_the_next_look(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "burnt-out")
    people.awaited(onboarding, "PENDING_MFA")
    token, password = people.link(onboarding), evidence.secret_value(onboarding, "password")
    claim = evidence.record(onboarding)["claims"]["password"]
    for _ in range(5):
        assert people.claim(onboarding, token, "AAAAAAAA").status == 403
    faults.invoke(stack, "ExpireClaim", {"claim": claim})
    assert evidence.secrets(onboarding) == []
    assert not people.password_is(onboarding, str(password))
    assert people.claim(onboarding, token).json["type"] == "urn:gatehouse:problem:claim-burnt"
    _told(onboarding, "password")
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_the_requester_hears_by_mail_that_the_password_was_claimed(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "told")
    people.awaited(onboarding, "PENDING_MFA")
    claimed = people.claim(onboarding, people.link(onboarding))
    assert claimed.status == 200
    [mail] = people.mails(onboarding, "Claimed: the password of", "requester@example.com")
    for secret in (claimed.json["password"], str(onboarding.claim_code)):
        assert secret not in mail["text"] + mail["html"]
    people.enrol(onboarding)
    evidence.completed(onboarding)


def _follow_up_after(onboarding: people.Onboarding, what: str) -> None:
    """The schedule fires once the claim is due; returns when what it began is done."""
    claim = f"claim#{evidence.record(onboarding)['claims'][what]}"
    due_at = (people.row(onboarding.stack, claim) or {})["created_at"]
    wait_for(lambda: people.now() > due_at, "the end of the claim")
    faults.follow_up(onboarding.stack)
    wait_for(lambda: "entity" not in (people.row(onboarding.stack, claim) or {}), "what the follow-up asked for")


def _told(onboarding: people.Onboarding, secret: str) -> None:
    for address in ("requester@example.com", "operator@example.com"):
        [mail] = people.mails(onboarding, f"Not claimed: the {secret} of", address)
        assert onboarding.id in mail["text"]
