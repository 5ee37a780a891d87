"""Nobody acts in time."""

from typing import Any

from tests.workflow import evidence, people


def test_an_approval_that_nobody_gives_expires(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "undecided", "power-user")
    evidence.undone(onboarding, "EXPIRED", "APPROVAL_TIMEOUT")
    assert evidence.failed_with(onboarding, "Expired", "APPROVAL_TIMEOUT") == "nobody decided in time"
    assert people.decide(onboarding, "approve").status == 409


def test_a_user_who_never_enrols_mfa_is_removed(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "unenrolled")
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.has_password(onboarding)
    evidence.undone(onboarding, "EXPIRED", "MFA_TIMEOUT")
    assert evidence.failed_with(onboarding, "Expired", "MFA_TIMEOUT") == "no device was enrolled in time"
    assert people.claim(onboarding, people.link(onboarding)).status == 410


def test_a_claim_link_that_is_too_old_reveals_nothing(hasty_stack: dict[str, Any]) -> None:
    # The machine waits for MFA longer than the link lives, and undoes everything only then.
    onboarding = people.requested(hasty_stack, "late-claim")
    people.awaited(onboarding, "PENDING_MFA")
    token = people.link(onboarding)
    expires_at = evidence.record(onboarding)["claim_expires_at"]
    people.wait_for(lambda: people.now() > expires_at, "the end of the claim")
    answer = people.claim(onboarding, token)
    assert (answer.status, answer.json["type"]) == (410, "urn:gatehouse:problem:claim-expired")
    evidence.undone(onboarding, "EXPIRED", "MFA_TIMEOUT")


def test_a_forged_wake_up_wins_no_time_to_decide(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "stretched", "power-user")
    expires_at = people.awaited(onboarding, "PENDING_APPROVAL")["approval_expires_at"]
    people.wake(onboarding, evidence.task_token(onboarding, "RequestApproval"))
    people.wait_for(lambda: evidence.states(onboarding).count("RequestApproval") == 2, "the second wait")
    assert people.awaited(onboarding, "PENDING_APPROVAL")["approval_expires_at"] == expires_at
    people.wait_for(lambda: people.now() > expires_at, "the end of the time to decide")
    assert people.decide(onboarding, "approve").status == 409
    evidence.undone(onboarding, "EXPIRED", "APPROVAL_TIMEOUT")
