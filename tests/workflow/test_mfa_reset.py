"""A member has lost the MFA device: somebody else approves, and the user proves anew who it is."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import wait_for
from tests.workflow import evidence, faults, people
from tests.workflow.people import Onboarding

INSTRUCTIONS = "Your MFA has been reset"


def member(stack: dict[str, Any], stem: str, profile: str = "developer", **fields: Any) -> Onboarding:
    """Somebody whose onboarding is complete."""
    onboarding = people.requested(stack, stem, profile, **fields)
    if profile == "power-user":
        people.awaited(onboarding, "PENDING_APPROVAL")
        people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    return onboarding


def pending_mfa(onboarding: Onboarding) -> Onboarding:
    """A reset that was approved and waits for the new device."""
    reset = people.reset(onboarding)
    people.awaited(reset, "PENDING_APPROVAL")
    people.approve(reset)
    people.awaited(reset, "PENDING_MFA")
    return reset


def test_a_member_who_lost_the_phone_enrols_another_and_has_what_was_granted_before(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "lost-phone", "power-user", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    old_password = people.claim(onboarding, people.link(onboarding)).json["password"]
    old_device = people.enrol(onboarding)
    evidence.completed(onboarding)
    [old_key] = evidence.access_keys(onboarding)
    before = evidence.policies(onboarding), evidence.groups(onboarding)

    reset = people.reset(onboarding)
    people.awaited(reset, "PENDING_APPROVAL")
    wanted = "Approval wanted: reset of MFA"
    wait_for(lambda: people.mails(reset, wanted, "approver@example.com"), "the mail to the approvers")
    assert people.decide(reset, "approve", by="operator").status == 403
    assert (evidence.boundary(reset), evidence.devices(reset)) == (evidence.BOUNDARIES["member"], [old_device])
    people.approve(reset)
    people.awaited(reset, "PENDING_MFA")
    assert evidence.boundary(reset) == evidence.BOUNDARIES["enrolling"]
    assert (evidence.devices(reset), evidence.access_keys(reset)) == ([], [])
    assert (evidence.policies(reset), evidence.groups(reset)) == before
    assert not people.password_is(reset, old_password)

    new_password = people.claim(reset, people.link(reset, INSTRUCTIONS)).json["password"]
    assert people.password_is(reset, new_password)
    serial = people.enrol(reset)
    record = evidence.completed(reset)
    assert (record["of"], record["evidence"]["serial_number"]) == (onboarding.id, serial)
    assert record["evidence"]["enrolled_by_user"] is True
    assert (evidence.policies(reset), evidence.groups(reset)) == before
    [new_key] = evidence.access_keys(reset)
    assert new_key != old_key
    key = people.claim(reset, people.link(reset, "Your AWS access key", number=2))
    assert key.json["access_key_id"] == new_key
    assert evidence.record(onboarding)["status"] == "COMPLETE"


def test_a_rejected_reset_changes_nothing(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "no-reset", "auditor")
    before = evidence.devices(onboarding), evidence.policies(onboarding), evidence.boundary(onboarding)
    reset = people.reset(onboarding)
    people.awaited(reset, "PENDING_APPROVAL")
    assert people.decide(reset, "reject", "nobody called me").status == 200
    evidence.reset_ended(reset, "REJECTED", "REJECTED", locked=False)
    evidence.failed_with(reset, "Rejected", "REJECTED")
    assert (evidence.devices(reset), evidence.policies(reset), evidence.boundary(reset)) == before
    assert evidence.has_password(reset)
    assert "ResetMfa" not in evidence.states(reset)


def test_nobody_enrols_in_time_so_the_user_stays_and_stays_locked_until_the_next_reset(
    hasty_stack: dict[str, Any],
) -> None:
    onboarding = people.requested(hasty_stack, "too-late-again")
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    before = evidence.policies(onboarding), evidence.groups(onboarding)
    reset = pending_mfa(onboarding)
    evidence.reset_ended(reset, "EXPIRED", "MFA_TIMEOUT", locked=True)
    evidence.failed_with(reset, "Expired", "MFA_TIMEOUT")
    assert (evidence.policies(reset), evidence.groups(reset)) == before

    again = pending_mfa(onboarding)
    people.enrol(again)
    evidence.completed(again)
    assert (evidence.policies(again), evidence.groups(again)) == before


def test_nobody_decides_in_time_so_nothing_changes(hasty_stack: dict[str, Any]) -> None:
    onboarding = people.requested(hasty_stack, "undecided-reset")
    people.awaited(onboarding, "PENDING_MFA")
    [device] = [people.enrol(onboarding)]
    evidence.completed(onboarding)
    reset = people.reset(onboarding)
    evidence.reset_ended(reset, "EXPIRED", "APPROVAL_TIMEOUT", locked=False)
    assert (evidence.devices(reset), evidence.boundary(reset)) == ([device], evidence.BOUNDARIES["member"])


def test_a_reset_that_is_cancelled_while_it_waits_leaves_not_even_the_claimed_password(stack: dict[str, Any]) -> None:
    reset = pending_mfa(member(stack, "cancelled-reset"))
    token = people.link(reset, INSTRUCTIONS)
    assert people.claim(reset, token).status == 200
    assert people.cancel(reset, by="requester").status == 403
    assert people.cancel(reset, by="operator").status == 202
    evidence.reset_ended(reset, "CANCELLED", "CANCELLED", locked=True)
    assert people.claim(reset, token).status == 410


def test_a_reset_whose_execution_is_stopped_by_hand_leaves_the_user_locked(stack: dict[str, Any]) -> None:
    reset = pending_mfa(member(stack, "stopped-reset"))
    operator = people.aws(people.person(stack, "operator"), "stepfunctions")
    operator.stop_execution(executionArn=reset.execution_arn)
    evidence.reset_ended(reset, "CANCELLED", "STOPPED", locked=True)


def test_the_link_of_a_reset_is_sent_again_and_the_old_one_is_dead(stack: dict[str, Any]) -> None:
    reset = pending_mfa(member(stack, "resent-reset"))
    old = people.link(reset, INSTRUCTIONS)
    answer = people.resend(reset, by="operator")
    assert answer.status == 200, answer.body
    assert people.claim(reset, old).status == 410
    claimed = people.claim(reset, people.link(reset, INSTRUCTIONS, number=2), answer.json["claim_code"])
    assert people.password_is(reset, claimed.json["password"])
    people.enrol(reset)
    evidence.completed(reset)


def test_a_device_whose_event_is_lost_is_found_by_the_follow_up(stack: dict[str, Any]) -> None:
    reset = pending_mfa(member(stack, "unheard-reset"))
    with faults.no_events_of(reset):
        people.enrol(reset)
        faults.follow_up(stack)
        evidence.completed(reset)


def test_a_reset_that_fails_half_way_leaves_the_user_locked_and_the_next_one_mends_it(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "half-reset", "power-user")
    before = evidence.policies(onboarding)
    user = faults.user_arn(stack, onboarding.user_name)
    with faults.denied(stack, "ResetMfa", "iam:DeactivateMFADevice", user):
        reset = people.reset(onboarding)
        people.awaited(reset, "PENDING_APPROVAL")
        people.approve(reset)
        evidence.reset_ended(reset, "FAILED", "ACCESS_DENIED", locked=True)
    again = pending_mfa(onboarding)
    people.enrol(again)
    evidence.completed(again)
    assert evidence.policies(again) == before


def test_a_reset_that_fails_at_its_end_locks_the_user_again(stack: dict[str, Any]) -> None:
    reset = pending_mfa(member(stack, "late-failure", access=["programmatic"]))
    user = faults.user_arn(stack, reset.user_name)
    with faults.denied(stack, "CompleteOnboarding", "iam:CreateAccessKey", user):
        people.enrol(reset)
        evidence.reset_ended(reset, "FAILED", "ACCESS_DENIED", locked=True)


def test_a_user_who_was_deleted_by_hand_meanwhile_is_not_made_again(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "gone")
    reset = people.reset(onboarding)
    people.awaited(reset, "PENDING_APPROVAL")
    _delete_by_hand(onboarding)
    people.approve(reset)
    evidence.reset_ended(reset, "FAILED", "USER_GONE", locked=False)
    assert evidence.user(onboarding) is None
    assert people.ask_for_reset(onboarding).status == 409


def test_another_user_of_the_same_name_is_left_alone(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "replaced")
    _delete_by_hand(onboarding)
    successor = people.submit(
        stack, {"user_name": onboarding.user_name, "email": onboarding.email, "profile": "developer"}
    )
    assert people.ask_for_reset(onboarding).status == 409
    people.awaited(successor, "PENDING_MFA")
    assert people.ask_for_reset(onboarding).status == 409
    assert people.ask_for_reset(successor).status == 409
    people.enrol(successor)
    evidence.completed(successor)
    assert people.ask_for_reset(onboarding).status == 409


def test_of_many_resets_at_once_one_is_admitted(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "at-once")
    answers = people.at_once(lambda _: people.ask_for_reset(onboarding), range(6), threads=6)
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [202, 409, 409, 409, 409, 409]
    assert people.ask_for_reset(onboarding).json["type"].endswith(":mfa-being-reset")
    request = {"user_name": onboarding.user_name, "email": onboarding.email, "profile": "developer"}
    assert people.call(stack, "requester", "POST", "/onboardings", request).status == 409


def test_a_request_that_is_repeated_with_its_key_gets_the_same_answer(stack: dict[str, Any]) -> None:
    onboarding = member(stack, "repeated")
    first, again = (people.ask_for_reset(onboarding, idempotency_key=onboarding.user_name) for _ in range(2))
    assert first.status == again.status == 202
    assert first.json == again.json


@pytest.mark.parametrize("by", ["requester", "approver"])
def test_only_operators_ask_for_a_reset(stack: dict[str, Any], by: str) -> None:
    assert people.ask_for_reset(Onboarding(stack, "any", "any", "any"), by=by).status == 403


def test_an_execution_of_the_wrong_machine_touches_nobody(stack: dict[str, Any]) -> None:
    """Also not the onboarding under way whose id it was named after."""
    onboarding = people.requested(stack, "wrong-machine")
    people.awaited(onboarding, "PENDING_MFA")
    start = {
        "stateMachineArn": stack["mfa_reset_state_machine_arn"],
        "name": onboarding.id,
        "input": f'{{"onboarding_id": "{onboarding.id}"}}',
    }
    with pytest.raises(ClientError, match="AccessDenied"):
        people.aws(people.person(stack, "operator"), "stepfunctions").start_execution(**start)
    people.root(stack, "stepfunctions").start_execution(**start)
    wrong = Onboarding(
        stack, onboarding.id, onboarding.user_name, onboarding.email, machine="mfa_reset_state_machine_arn"
    )
    assert evidence.execution(wrong)["status"] == "FAILED"
    assert evidence.record(onboarding)["status"] == "PENDING_MFA"
    people.enrol(onboarding)
    evidence.completed(onboarding)


def _delete_by_hand(onboarding: Onboarding) -> None:
    """What an administrator does in the console, who knows nothing of Gatehouse."""
    iam, name = people.root(onboarding.stack, "iam"), onboarding.user_name
    for serial in evidence.devices(onboarding):
        iam.deactivate_mfa_device(UserName=name, SerialNumber=serial)
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.delete_login_profile(UserName=name)
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for group in evidence.groups(onboarding):
        iam.remove_user_from_group(UserName=name, GroupName=group)
    iam.delete_user(UserName=name)
