"""The instructions are sent again."""

from typing import Any

from tests.workflow import evidence, people


def test_the_new_code_and_link_work_and_the_old_ones_are_dead(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "resent")
    people.awaited(onboarding, "PENDING_MFA")
    old_link, old_password = people.link(onboarding), evidence.secret_value(onboarding, "password")
    assert old_password
    answer = people.resend(onboarding)
    assert answer.status == 200
    assert answer.json.keys() == {"claim_code", "claim_expires_at"}
    new_code = answer.json["claim_code"]
    assert new_code != onboarding.claim_code
    new_link = people.link(onboarding, number=2)
    assert evidence.secrets(onboarding) == [f"gatehouse/{onboarding.id}/password/2"]

    assert people.claim(onboarding, old_link).status == 410
    assert people.claim(onboarding, old_link, new_code).status == 410
    assert people.claim(onboarding, new_link).status == 403
    claimed = people.claim(onboarding, new_link, new_code)
    assert claimed.status == 200
    assert not people.password_is(onboarding, old_password)
    assert people.password_is(onboarding, claimed.json["password"])
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_a_second_resend_within_a_minute_is_told_when_to_try_again(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "impatient")
    people.awaited(onboarding, "PENDING_MFA")
    assert people.resend(onboarding).status == 200
    too_soon = people.resend(onboarding)
    assert (too_soon.status, too_soon.json["type"]) == (429, "urn:gatehouse:problem:too-soon")
    assert 1 <= int(too_soon.headers["Retry-After"]) <= 60
    assert len(people.mails(onboarding, "Your AWS account access")) == 2
    people.enrol(onboarding)
    evidence.completed(onboarding)


def test_there_is_nothing_to_resend_before_or_after_the_wait_for_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "too-early", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    assert people.resend(onboarding).status == 409
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert people.resend(onboarding).status == 409
    assert evidence.secrets(onboarding) == []
