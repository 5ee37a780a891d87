"""When and how the machine hears of the MFA device."""

import threading
from typing import Any

import pytest

from local.client import wait_for
from tests.workflow import evidence, faults, people


@pytest.mark.alone
def test_a_user_who_enrols_before_the_machine_waits_is_not_missed(stack: dict[str, Any]) -> None:
    with faults.held_up(stack, "AwaitMfa"):
        onboarding = people.requested(stack, "faster")
        wait_for(lambda: "AwaitMfa" in evidence.states(onboarding), "the wait for MFA")
        people.enrol(onboarding)
        # The event has come, and there was no token yet to wake anybody with.
        wait_for(lambda: "mfa_device_enabled" in evidence.timeline(onboarding), "the event")
        assert people.awaited(onboarding, "PROVISIONING").get("task_token") is None
    record = evidence.completed(onboarding)
    assert record["evidence"]["enrolled_by_user"] is True
    failures = [event.get("taskFailedEventDetails", {}).get("error") for event in evidence.history(onboarding)]
    assert "MfaAlreadyEnrolled" in failures


def test_an_enrolment_whose_event_is_lost_is_found_by_the_follow_up(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "unheard")
    people.awaited(onboarding, "PENDING_MFA")
    with faults.no_events_of(onboarding):
        serial = people.enrol(onboarding)
        faults.follow_up(stack)
        record = evidence.completed(onboarding)
    assert "mfa_device_enabled" not in evidence.timeline(onboarding)
    assert (record["evidence"]["serial_number"], record["evidence"]["enrolled_by"]) == (serial, None)


def test_an_event_that_comes_twice_completes_once(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "twice")
    people.awaited(onboarding, "PENDING_MFA")
    with faults.no_events_of(onboarding):
        event = enrolled(onboarding, people.enrol(onboarding))
        both = [threading.Thread(target=faults.invoke, args=(stack, "MfaDeviceEnabled", event)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
    evidence.completed(onboarding)
    faults.invoke(stack, "MfaDeviceEnabled", event)
    assert evidence.timeline(onboarding).count("complete") == 1
    assert evidence.states(onboarding).count("CompleteOnboarding") == 1
    assert len(people.mails(onboarding, "MFA enrolled", onboarding.email)) == 1


@pytest.mark.parametrize("event", ["in time", "late"])
def test_a_device_that_somebody_else_enrolled_is_told_to_the_operator(stack: dict[str, Any], event: str) -> None:
    onboarding = people.requested(stack, "helped")
    people.awaited(onboarding, "PENDING_MFA")
    if event == "in time":
        _enrolled_by_the_admin(onboarding)
    else:
        with faults.no_events_of(onboarding):
            serial = _enrolled_by_the_admin(onboarding)
        faults.follow_up(stack)
        evidence.completed(onboarding)
        assert people.mails(onboarding, "Check this") == []
        faults.invoke(stack, "MfaDeviceEnabled", enrolled(onboarding, serial, by=stack["principals"]["admin"]["arn"]))
    record = evidence.completed(onboarding)
    assert record["evidence"]["enrolled_by"] == stack["principals"]["admin"]["arn"]
    assert record["evidence"]["enrolled_by_user"] is False
    wait_for(lambda: people.mails(onboarding, "Check this", "operator@example.com"), "the mail to the operator")
    assert len(people.mails(onboarding, "MFA enrolled", onboarding.email)) == 1


def _enrolled_by_the_admin(onboarding: people.Onboarding) -> str:
    admin = people.aws(people.person(onboarding.stack, "admin"), "iam")
    return people.enrol_device(admin, onboarding.user_name, onboarding.user_name)


def enrolled(onboarding: people.Onboarding, serial: str, by: str | None = None) -> dict[str, Any]:
    """CloudTrail's event as EventBridge delivers it, cut down to what the function reads; by the user or another."""
    arn = by or faults.user_arn(onboarding.stack, onboarding.user_name)
    detail = {
        "eventSource": "iam.amazonaws.com",
        "eventName": "EnableMFADevice",
        "eventTime": "2030-01-31T12:00:00Z",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "arn": arn, "userName": arn.rsplit("/", 1)[-1]},
        "requestParameters": {"userName": onboarding.user_name, "serialNumber": serial},
    }
    return {"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": detail}
