"""An operator starts the machine in the Step Functions console, with a request as its input."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import wait_for
from tests.workflow import evidence, faults, people

WRONG = {
    "no-object": "5",
    "null": "null",
    "list": '[{"onboarding_id": "x"}]',
    "empty": "{}",
    "unknown-field": '{"user_name": "by-hand-x", "email": "x@example.com", "profile": "developer", "admin": true}',
    "no-profile": '{"user_name": "by-hand-x", "email": "x@example.com"}',
    "odd-name": '{"user_name": "<b>by-hand-x</b>", "email": "x@example.com", "profile": "developer"}',
    "outside-the-catalogue": '{"user_name": "by-hand-x", "email": "x@example.com", "profile": "developer", '
    '"policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]}',
}


def test_it_needs_an_approval_whatever_the_profile_and_then_goes_on_as_always(stack: dict[str, Any]) -> None:
    onboarding = started(stack, people.wanted("by-hand", "developer"))
    record = people.awaited(onboarding, "PENDING_APPROVAL")
    assert record["requester"] == {"arn": None, "person": None, "verified": False}
    assert evidence.user(onboarding) is None
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")

    # Nobody has the code of a start by hand: the operator asks for one.
    answer = people.resend(onboarding, by="operator")
    onboarding = replace(onboarding, claim_code=answer.json["claim_code"])
    claimed = people.claim(onboarding, people.link(onboarding, number=2))
    assert people.password_is(onboarding, claimed.json["password"])
    people.enrol(onboarding)
    evidence.completed(onboarding)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_ends_failed_and_nothing_exists(stack: dict[str, Any], wrong: str) -> None:
    name = f"{wrong}-{uuid.uuid4()}"
    started_so = people.Onboarding(stack, people.start_by_hand(stack, WRONG[wrong], name), "by-hand-x", "x@example.com")
    evidence.failed_with(started_so, "Failed", "INVALID_REQUEST")
    assert people.row(stack, f"onboarding#{name}") is None
    assert people.row(stack, "user#by-hand-x") is None
    assert evidence.user(started_so) is None
    assert people.mails(started_so, "") == []


def test_a_name_that_exists_in_another_case_ends_failed(stack: dict[str, Any]) -> None:
    request = people.wanted("by-hand-case", "developer")
    people.root(stack, "iam").create_user(UserName=request["user_name"].upper())
    onboarding = started(stack, request)
    evidence.failed_with(onboarding, "Failed", "INVALID_REQUEST")
    assert people.row(stack, f"onboarding#{onboarding.id}") is None


def test_an_input_that_names_anothers_onboarding_ends_failed_and_leaves_it_alone(stack: dict[str, Any]) -> None:
    other = people.requested(stack, "not-mine")
    people.awaited(other, "PENDING_MFA")
    before = evidence.record(other)
    name = people.start_by_hand(stack, json.dumps({"onboarding_id": other.id}))
    mine = people.Onboarding(stack, name, other.user_name, other.email)
    assert "must be the name of the execution" in evidence.failed_with(mine, "Failed", "INVALID_REQUEST")
    assert evidence.record(other) == before
    people.enrol(other)
    evidence.completed(other)


def test_an_onboarding_that_the_api_never_wrote_ends_failed(stack: dict[str, Any]) -> None:
    name = f"made-up-{uuid.uuid4()}"
    people.start_by_hand(stack, json.dumps({"onboarding_id": name}), name)
    made_up = people.Onboarding(stack, name, "made-up", "made-up@example.com")
    evidence.failed_with(made_up, "Failed", "RECORD_CLOSED")
    assert people.row(stack, f"onboarding#{name}") is None


def test_an_execution_name_is_used_once(stack: dict[str, Any]) -> None:
    other = people.requested(stack, "name-in-use", "power-user")
    people.awaited(other, "PENDING_APPROVAL")
    smuggled = people.wanted("smuggled", "migration-admin")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        people.start_by_hand(stack, json.dumps(smuggled), other.id)
    assert people.cancel(other).status == 202
    evidence.undone(other, "CANCELLED", "CANCELLED")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        people.start_by_hand(stack, json.dumps(smuggled), other.id)
    assert people.row(stack, f"user#{smuggled['user_name']}") is None


@pytest.mark.alone
def test_a_start_under_the_name_of_a_waiting_request_brings_nothing_else_in(stack: dict[str, Any]) -> None:
    # A record without an execution: the only moment at which its name is free.
    with faults.denied(stack, "SubmitOnboarding", "states:StartExecution", "*"):
        recorded = people.requested(stack, "recorded", "power-user")
    smuggled = people.wanted("smuggled-in", "migration-admin")
    people.start_by_hand(stack, json.dumps(smuggled), recorded.id)
    evidence.undone(recorded, "FAILED", "RECORD_CLOSED")
    evidence.failed_with(recorded, "Failed", "RECORD_CLOSED")
    iam = people.root(stack, "iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName=smuggled["user_name"])
    wait_for(lambda: people.mails(recorded, "Onboarding of", "requester@example.com"), "the mail to the requester")


def started(stack: dict[str, Any], request: dict[str, Any]) -> people.Onboarding:
    name = people.start_by_hand(stack, json.dumps(request))
    return people.Onboarding(stack, name, request["user_name"], request["email"])
