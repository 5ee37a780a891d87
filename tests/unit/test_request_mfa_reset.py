"""POST /onboardings/{id}/mfa-reset: an operator asks, for what was granted before and nothing more."""

from dataclasses import replace
from typing import Any

import pytest

from gatehouse import approvals, profiles, records
from gatehouse.model import Purpose, Requester, Status
from tests.unit import resets
from tests.unit.account import (
    ENROLLING,
    MEMBER,
    ONBOARDING_ID,
    OPERATOR,
    REQUESTER,
    SECOND_APPROVER,
    USER,
    Account,
    arn_of,
)

STEM = "request_mfa_reset"


def asked(aws: Account, body: Any = None, caller: str = OPERATOR, **changes: Any) -> Any:
    return aws.api(STEM, body, caller=caller, **changes)


def test_the_reset_asks_for_what_was_granted_until_the_same_end(aws: Account) -> None:
    of = resets.member(aws, profile="power-user", permissions_boundary="one-region", require_password_reset=False)
    aws.clock.advance(86_400)
    answer = asked(aws)
    assert answer.status == 202
    assert (answer.json["status"], len(answer.json["claim_code"])) == ("REQUESTED", 8)
    record = aws.record(answer.json["onboarding_id"])
    assert (record.purpose, record.of, record.status) == (Purpose.MFA_RESET, ONBOARDING_ID, Status.REQUESTED)
    assert record.grants == of.grants
    assert record.request == {
        **of.request,
        "justification": "lost the phone on a train, called back on the known number",
        "require_password_reset": True,
    }
    assert record.requester == Requester(arn_of(OPERATOR), OPERATOR, verified=True)
    assert record.digest != profiles.digest(record.request, record.grants)
    assert records.is_unchanged(record)
    assert records.holder(aws.table, USER) == record.onboarding_id
    (started,) = aws.wire.made("StartExecution")
    assert (started["stateMachineArn"], started["name"]) == (resets.MACHINE_ARN, record.onboarding_id)
    assert aws.record() == of


@pytest.mark.parametrize(("profile", "needed"), [("developer", 1), ("power-user", 1), ("migration-admin", 2)])
def test_as_many_have_to_approve_as_for_the_profile_and_one_at_least(aws: Account, profile: str, needed: int) -> None:
    resets.member(aws, profile=profile, justification="moves the data centre")
    record = aws.record(resets.asked_for(aws))
    assert record.approval.needed == needed
    assert not approvals.is_approved(replace(record, approval=replace(record.approval, needed=0)))
    assert OPERATOR not in record.approval.entitled


def test_a_chosen_password_is_not_handed_out_again(aws: Account) -> None:
    of = resets.member(aws)
    request = {**of.request, "password_secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}
    aws.write(replace(of, request=request, digest=profiles.digest(request, of.grants)))
    _release(aws)
    assert aws.record(asked(aws).json["onboarding_id"]).request["password_secret_arn"] is None


@pytest.mark.parametrize("boundary", [ENROLLING, MEMBER])
def test_who_is_locked_by_an_earlier_reset_is_reset_like_a_member(aws: Account, boundary: str) -> None:
    resets.member(aws)
    aws.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=boundary)
    assert asked(aws).status == 202


@pytest.mark.parametrize("caller", [REQUESTER, SECOND_APPROVER, "arn:aws:sts::123456789012:assumed-role/ops/olga"])
def test_only_an_operator_asks(aws: Account, caller: str) -> None:
    resets.member(aws)
    assert asked(aws, caller=caller).problem == (403, "not-an-operator")


@pytest.mark.parametrize("own", [{"user_name": "otto"}, {"email": "Otto+aws@example.com"}])
def test_nobody_resets_their_own_mfa(aws: Account, own: dict[str, str]) -> None:
    aws.seed(Status.COMPLETE, **own)
    operator = "otto@example.com"
    with_address = asked(aws, caller=operator)
    expected = (403, "own-user") if "email" in own else (409, "not-resettable")
    assert with_address.problem == expected


def test_an_unknown_onboarding_is_not_found(aws: Account) -> None:
    assert asked(aws).problem == (404, "not-found")


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMPLETE}))
def test_only_what_is_complete_is_reset(aws: Account, status: Status) -> None:
    resets.member(aws)
    aws.change(status=status)
    _release(aws)
    assert asked(aws).problem == (409, "not-resettable")


def test_a_reset_is_not_reset(aws: Account) -> None:
    reset_id = resets.brought_to(aws, "await_mfa")
    answer = asked(aws, pathParameters={"id": reset_id})
    assert answer.problem == (409, "not-resettable")
    assert ONBOARDING_ID in answer.json["detail"]


def test_an_application_has_no_mfa(aws: Account) -> None:
    aws.seed(Status.COMPLETE, kind="application", profile="application", access=["programmatic"], justification="x")
    assert asked(aws).problem == (409, "not-resettable")


def test_an_access_that_has_ended_is_not_opened_again(aws: Account) -> None:
    resets.member(aws)
    aws.clock.advance(366 * 86_400)
    assert asked(aws).problem == (409, "not-resettable")


def test_a_record_that_was_changed_grants_nothing(aws: Account) -> None:
    of = resets.member(aws)
    administrator = ("arn:aws:iam::aws:policy/AdministratorAccess",)
    aws.write(replace(of, grants=replace(of.grants, managed_policies=administrator)))
    _release(aws)
    assert asked(aws).problem == (409, "not-resettable")


@pytest.mark.parametrize("change", ["tag", "boundary", "no boundary", "gone"])
def test_a_user_who_is_no_member_of_ours_any_more_is_not_reset(aws: Account, change: str) -> None:
    resets.member(aws)
    if change == "tag":
        aws.iam.untag_user(UserName=USER, TagKeys=["gatehouse:onboarding-id"])
    elif change == "boundary":
        other = "arn:aws:iam::aws:policy/AdministratorAccess"
        aws.iam.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=other)
    elif change == "no boundary":
        found = aws.user()
        assert found is not None
        del found["PermissionsBoundary"]
        aws.wire.answer("GetUser", {"User": found})
    else:
        aws.wire.refuse("GetUser", "NoSuchEntity", status=404)
    assert asked(aws).problem == (409, "not-resettable")
    assert aws.wire.made("StartExecution") == []


def test_one_at_a_time(aws: Account) -> None:
    resets.member(aws)
    first = asked(aws)
    assert asked(aws).problem == (409, "mfa-being-reset")
    assert records.holder(aws.table, USER) == first.json["onboarding_id"]


def test_not_while_another_onboarding_of_that_name_is_under_way(aws: Account) -> None:
    resets.member(aws)
    aws.seed(Status.PENDING_APPROVAL, onboarding_id="another", profile="power-user")
    assert asked(aws).problem == (409, "user-being-onboarded")


def test_who_asks_when_nobody_else_could_approve_is_told_so(aws: Account) -> None:
    resets.member(aws)
    aws.values |= {"Approvers": f'{{"platform": ["{OPERATOR}"], "security": []}}'}
    answer = asked(aws)
    assert answer.problem == (409, "not-resettable")
    assert "nobody" in answer.json["detail"]


def test_the_same_key_gets_the_same_answer_and_starts_once_more_what_may_not_have_started(aws: Account) -> None:
    resets.member(aws)
    headers = {"Idempotency-Key": "k"}
    first, again = asked(aws, headers=headers), asked(aws, headers=headers)
    assert (first.status, first.json) == (202, again.json)
    assert len({one["name"] for one in aws.wire.made("StartExecution")}) == 1
    assert asked(aws, {"reason": "another"}, headers=headers).problem == (422, "idempotency-key-reused")


def test_an_answer_that_was_lost_is_made_good_by_the_repetition(aws: Account) -> None:
    resets.member(aws)
    headers = {"Idempotency-Key": "k"}
    aws.wire.lose_answer("TransactWriteItems")
    assert asked(aws, headers=headers).problem == (503, "busy")
    assert asked(aws, headers=headers).json["onboarding_id"] == records.holder(aws.table, USER)


def test_a_start_that_fails_is_left_to_the_follow_up_which_knows_the_machine(aws: Account) -> None:
    resets.member(aws)
    aws.wire.refuse("StartExecution", "ExecutionLimitExceeded")
    answer = asked(aws)
    assert answer.status == 202
    aws.clock.advance(61)
    aws.wire.refuse("DescribeExecution", "ExecutionDoesNotExist")
    aws.call("follow_up", {})
    *_, started = aws.wire.made("StartExecution")
    assert (started["stateMachineArn"], started["name"]) == (resets.MACHINE_ARN, answer.json["onboarding_id"])


@pytest.mark.parametrize(
    "body", ["{}", "[]", "x", {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": "a\nb"}, {"reason": "<b>"},
             {"reason": "x" * 501}, {"reason": "x", "user_name": "y"}],
)  # fmt: skip
def test_a_reason_is_one_line_and_has_to_be_given(aws: Account, body: Any) -> None:
    resets.member(aws)
    assert asked(aws, body).problem[0] == 400
    assert records.holder(aws.table, USER) is None


def test_what_the_api_shows_says_what_it_is_for(aws: Account) -> None:
    resets.member(aws)
    reset_id = resets.asked_for(aws)
    shown = aws.record(reset_id).public()
    assert (shown["purpose"], shown["of"]) == ("mfa_reset", ONBOARDING_ID)
    assert (aws.record().public()["purpose"], aws.record().public()["of"]) == ("onboarding", None)


def test_a_record_from_before_there_were_resets_is_an_onboarding(aws: Account) -> None:
    item = aws.seed().to_item()
    del item["purpose"]
    assert aws.record().from_item(item) == aws.record()


def _release(aws: Account) -> None:
    """Writing a record takes its lock as well, which a completed one has given back."""
    aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": records.lock_key(USER)}})
