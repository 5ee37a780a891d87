"""DecideOnboarding: a decision is recorded once, on the record as it stands, and then the machine is woken."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import times
from gatehouse.model import Decision, Onboarding, Requester, Status
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    NOW,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    SECOND_APPROVER,
    SECURITY_APPROVER,
    TASK_TOKEN,
    Account,
    Answer,
    arn_of,
)

IDENTITY_CENTER = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_%s_0123456789abcdef/{SECOND_APPROVER}"
WAKE_UPS = ("SendTaskSuccess", "SendTaskFailure")


def pending(aws: Account, profile: str = "power-user", **described: Any) -> Onboarding:
    """An onboarding whose machine waits for a decision; migration-admin needs two."""
    record = {"task_token": TASK_TOKEN, **described.pop("record", {})}
    return aws.seed(Status.PENDING_APPROVAL, profile=profile, justification="a migration", record=record, **described)


def decide(aws: Account, choice: str = "approve", caller: str = APPROVER, reason: str | None = None) -> Answer:
    if choice == "reject" and reason is None:
        reason = "not before the audit"
    return aws.api("decide_onboarding", {"decision": choice, "reason": reason}, caller=caller)


def decided(aws: Account) -> list[tuple[str, str]]:
    return [(decision.person, decision.decision) for decision in aws.record().approval.decisions]


def test_an_approval_is_recorded_with_what_was_approved(aws: Account) -> None:
    before = pending(aws)
    answer = decide(aws, reason="fine")
    assert answer.status == 200
    record = replace(aws.record(), timeline=aws.record().timeline[:-1], mails_sent={}, updated_at=NOW)
    assert record.approval.decisions == (Decision(APPROVER, arn_of(APPROVER), "approve", "fine", before.digest, NOW),)
    assert answer.json == json.loads(json.dumps(record.public()))
    noted = record.timeline[-1]
    assert (noted.event, noted.by, noted.detail) == ("approved", APPROVER, "fine")


def test_the_last_approval_needed_wakes_the_machine(aws: Account) -> None:
    pending(aws)
    answer = decide(aws)
    assert answer.json["status"] == aws.record().status == Status.PROVISIONING
    assert [call["taskToken"] for call in aws.wire.made("SendTaskSuccess")] == [TASK_TOKEN]
    assert TASK_TOKEN not in answer.body


def test_the_decision_stands_before_anybody_is_woken(aws: Account) -> None:
    pending(aws)
    seen: list[Status] = []
    aws.wire.first("SendTaskSuccess", lambda: seen.append(aws.record().status))
    decide(aws)
    assert seen == [Status.PROVISIONING]


def test_half_a_quorum_wakes_nobody(aws: Account) -> None:
    pending(aws, "migration-admin")
    assert decide(aws).json["status"] == Status.PENDING_APPROVAL
    assert aws.wire.names(*WAKE_UPS) == []
    assert decide(aws, caller=SECURITY_APPROVER).json["status"] == Status.PROVISIONING
    assert aws.wire.names(*WAKE_UPS) == ["SendTaskSuccess"]


def test_one_rejection_ends_it_and_says_why(aws: Account) -> None:
    pending(aws, "migration-admin")
    decide(aws)
    answer = decide(aws, "reject", SECOND_APPROVER)
    assert (answer.status, answer.json["status"]) == (200, Status.ROLLING_BACK)
    (noted,) = [entry for entry in aws.record().timeline if entry.event == "rejected"]
    assert (noted.by, noted.detail) == (SECOND_APPROVER, "not before the audit")
    (woken,) = aws.wire.made("SendTaskFailure")
    assert woken == {"taskToken": TASK_TOKEN, "error": "Rejected", "cause": f"by {SECOND_APPROVER}"}


def test_who_approved_may_still_reject(aws: Account) -> None:
    pending(aws, "migration-admin")
    decide(aws)
    assert decide(aws, "reject").json["status"] == Status.ROLLING_BACK
    assert decided(aws) == [(APPROVER, "approve"), (APPROVER, "reject")]


def test_the_same_approval_again_counts_once(aws: Account) -> None:
    pending(aws, "migration-admin")
    decide(aws)
    before = aws.record()
    assert decide(aws).status == 200
    assert aws.record() == before


def test_one_person_behind_several_arns_counts_once(aws: Account) -> None:
    pending(aws, "migration-admin")
    for caller in (IDENTITY_CENTER % "Admin", IDENTITY_CENTER % "ReadOnly", SECOND_APPROVER, SECOND_APPROVER.upper()):
        assert decide(aws, caller=caller).status == 200
    assert decided(aws) == [(SECOND_APPROVER, "approve")]
    assert aws.record().status is Status.PENDING_APPROVAL


@pytest.mark.parametrize("final", ["approve", "reject"])
@pytest.mark.parametrize("choice", ["approve", "reject"])
@pytest.mark.parametrize("caller", [APPROVER, SECOND_APPROVER])
def test_after_the_final_decision_there_is_none(aws: Account, final: str, choice: str, caller: str) -> None:
    pending(aws)
    decide(aws, final)
    before = aws.record()
    assert decide(aws, choice, caller).problem == (409, "not-pending-approval")
    assert aws.record() == before
    assert len(aws.wire.names(*WAKE_UPS)) == 1


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING_APPROVAL}))
def test_only_what_waits_for_an_approval_is_decided(aws: Account, status: Status) -> None:
    before = aws.seed(status, profile="power-user")
    assert decide(aws).problem == (409, "not-pending-approval")
    assert aws.record() == before


@pytest.mark.parametrize(
    ("caller", "slug"),
    [
        ("mallory", "not-an-approver"),
        (OPERATOR, "not-an-approver"),
        (SECURITY_APPROVER, "not-an-approver"),
        (f"arn:aws:iam::{ACCOUNT}:root", "not-an-approver"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/{APPROVER}", "not-an-approver"),
        (f"arn:aws:iam::{int(ACCOUNT) + 1}:user/{APPROVER}", "not-an-approver"),
        (REQUESTER, "own-request"),
        ("alice.developer", "own-request"),
    ],
)
@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_nobody_decides_who_must_not(aws: Account, caller: str, slug: str, choice: str) -> None:
    before = pending(aws)
    assert decide(aws, choice, caller).problem == (403, slug)
    assert aws.record() == before
    assert aws.wire.names(*WAKE_UPS) == []


def test_an_approver_decides_neither_on_an_own_request_nor_about_an_own_address(aws: Account) -> None:
    pending(aws, requester=Requester(arn_of(APPROVER), APPROVER, verified=True))
    assert decide(aws).problem == (403, "own-request")
    pending(aws, email=SECOND_APPROVER)
    assert decide(aws, caller=SECOND_APPROVER).problem == (403, "own-request")
    pending(aws, email="Alma@example.com")
    assert decide(aws).problem == (403, "own-request")


@pytest.mark.parametrize(("early", "status"), [(0, 409), (1, 200)])
def test_a_decision_comes_in_time_or_not_at_all(aws: Account, early: float, status: int) -> None:
    record = pending(aws)
    aws.clock.moment = times.after(str(record.approval_expires_at), -early)
    answer = decide(aws)
    assert answer.status == status
    assert status == 200 or answer.problem == (409, "decision-expired")


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"approval_expires_at": NOW}, "decision-expired"),
        ({"cancelled_by": OPERATOR}, "cancelled"),
        ({"status": Status.ROLLING_BACK}, "not-pending-approval"),
    ],
    ids=["expired", "cancelled", "ended"],
)
@pytest.mark.parametrize("when", ["before", "between look and write"])
def test_what_ends_the_time_to_decide_is_seen_up_to_the_write_itself(
    aws: Account, change: dict[str, Any], slug: str, when: str
) -> None:
    pending(aws)
    if when == "before":
        aws.change(**change)
    else:
        aws.wire.first("UpdateItem", lambda: aws.change(**change))
    assert decide(aws).problem == (409, slug)
    assert decided(aws) == []


def test_a_decision_is_on_the_digest_that_was_looked_at(aws: Account) -> None:
    pending(aws)
    aws.wire.first("UpdateItem", lambda: aws.change(digest="another"))
    decide(aws)
    assert [decision.digest for decision in aws.record().approval.decisions] == ["another"]
    # The one that failed, the decision, and the note that people were told.
    assert len(aws.wire.made("UpdateItem")) == 3


def test_who_loses_a_race_decides_again_on_what_then_stands(aws: Account) -> None:
    pending(aws, "migration-admin")
    aws.wire.first("UpdateItem", lambda: decide(aws, caller=SECOND_APPROVER))
    assert decide(aws).json["status"] == Status.PROVISIONING
    assert decided(aws) == [(SECOND_APPROVER, "approve"), (APPROVER, "approve")]
    assert aws.wire.names(*WAKE_UPS) == ["SendTaskSuccess"]


def test_who_loses_a_race_to_the_final_decision_is_told_so(aws: Account) -> None:
    pending(aws)
    aws.wire.first("UpdateItem", lambda: decide(aws, "reject", SECOND_APPROVER))
    assert decide(aws).problem == (409, "not-pending-approval")
    assert decided(aws) == [(SECOND_APPROVER, "reject")]
    assert aws.wire.names(*WAKE_UPS) == ["SendTaskFailure"]


def test_the_same_approval_twice_at_once_counts_once(aws: Account) -> None:
    pending(aws, "migration-admin")
    aws.wire.first("UpdateItem", lambda: decide(aws))
    assert decide(aws).status == 200
    assert decided(aws) == [(APPROVER, "approve")]


@pytest.mark.parametrize("profile", ["power-user", "migration-admin"])
@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_an_own_write_whose_answer_the_sdk_lost_is_recognised(aws: Account, profile: str, choice: str) -> None:
    """The SDK sends it again, and the condition fails on what the first one wrote."""
    pending(aws, profile)
    aws.wire.send_twice("UpdateItem")
    answer = decide(aws, choice)
    assert answer.status == 200
    assert decided(aws) == [(APPROVER, choice)]
    expected = {"approve": "SendTaskSuccess", "reject": "SendTaskFailure"}[choice]
    assert aws.wire.names(*WAKE_UPS) == ([] if answer.json["status"] == Status.PENDING_APPROVAL else [expected])


def test_a_decision_whose_answer_was_lost_for_good_is_carried_out_by_the_follow_up(aws: Account) -> None:
    pending(aws)
    aws.wire.lose_answer("UpdateItem")
    assert decide(aws).problem == (503, "busy")
    assert aws.wire.names(*WAKE_UPS) == []
    aws.step("follow_up")
    assert aws.wire.names(*WAKE_UPS) == ["SendTaskSuccess"]


def test_who_loses_every_race_is_told_to_try_again(aws: Account) -> None:
    pending(aws)
    aws.wire.refuse("UpdateItem", "ConditionalCheckFailedException", times=20)
    assert decide(aws).problem == (503, "busy")
    assert decided(aws) == []


@pytest.mark.parametrize("choice", ["approve", "reject"])
@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "AccessDeniedException"])
def test_a_wake_up_that_fails_takes_no_decision_back_and_is_the_follow_up_s_to_repeat(
    aws: Account, choice: str, code: str
) -> None:
    pending(aws)
    for operation in WAKE_UPS:
        aws.wire.refuse(operation, code)
    assert decide(aws, choice).status == 200
    aws.wire.turns.clear()
    aws.step("follow_up")
    assert len(aws.wire.names(*WAKE_UPS)) == 2


def test_a_decision_before_the_machine_waits_wakes_nobody(aws: Account) -> None:
    pending(aws, record={"task_token": None})
    assert decide(aws).json["status"] == Status.PROVISIONING
    assert aws.wire.names(*WAKE_UPS) == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"decision"}),
        ({"decision": "Approve"}, {"decision"}),
        ({"decision": None, "reason": None}, {"decision"}),
        ({"decision": ["approve"]}, {"decision"}),
        ({"decision": "approve", "digest": "x"}, {"digest"}),
        ({"decision": "reject"}, {"reason"}),
        ({"decision": "reject", "reason": None}, {"reason"}),
        ({"decision": "reject", "reason": " "}, {"reason"}),
        ({"decision": "approve", "reason": 5}, {"reason"}),
        ({"decision": "approve", "reason": "x" * 501}, {"reason"}),
        ({"decision": "approve", "reason": "one\nBcc: two"}, {"reason"}),
        ({"decision": "approve", "reason": "<b>"}, {"reason"}),
        ({"decision": "approve", "reason": "\ud800"}, {"reason"}),
        ('{"decision": "reject", "decision": "approve", "reason": "x"}', {"decision"}),
        ("null", {"body"}),
        ("", {"body"}),
    ],
)
def test_a_decision_of_another_form_is_refused(aws: Account, body: Any, fields: set[str]) -> None:
    before = pending(aws)
    answer = aws.api("decide_onboarding", body)
    assert answer.problem == (400, "invalid-request")
    assert answer.fields == fields
    assert aws.record() == before


@pytest.mark.parametrize("reason", ["x" * 500, "für die Übernahme, 移行", ""])
def test_a_reason_is_one_line_of_any_language(aws: Account, reason: str) -> None:
    pending(aws)
    assert decide(aws, reason=reason).status == 200
    assert aws.record().approval.decisions[0].reason == reason


@pytest.mark.parametrize("case", ["", "reject"])
def test_the_sample_events_are_decisions(aws: Account, case: str) -> None:
    pending(aws)
    assert aws.api("decide_onboarding", caller=APPROVER, case=case).status == 200


def test_an_id_that_is_none_is_not_found(aws: Account) -> None:
    assert decide(aws).problem == (404, "not-found")


def test_no_token_is_logged(aws: Account, log: io.StringIO) -> None:
    pending(aws)
    aws.wire.refuse("SendTaskSuccess", "AccessDeniedException", message=TASK_TOKEN)
    decide(aws)
    assert "not woken yet" in log.getvalue()
    assert ONBOARDING_ID in log.getvalue()
    assert TASK_TOKEN not in log.getvalue()
