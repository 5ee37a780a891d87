"""ValidateRequest: a sound record stands behind an execution, or nothing at all."""

import json
from typing import Any

import pytest

from gatehouse import catalogue, records
from gatehouse.errors import Cancelled, InvalidRequest, RecordClosed, UserAlreadyExists
from gatehouse.model import Approval, Requester, Status
from tests.unit.account import (
    ACCOUNT,
    AS_APPLICATION,
    EXECUTION_ARN,
    NOW,
    ONBOARDING_ID,
    REQUESTER,
    USER,
    Account,
    event,
    make_record,
    make_request,
)

BY_HAND = "alice-joins"


def start_by_hand(aws: Account, document: Any = None, **changes: Any) -> Any:
    sample = event("validate_request", "console") | changes
    return aws.call("validate_request", sample if document is None else sample | {"input": document})


def nothing_is_written(aws: Account) -> bool:
    return not [*aws.dynamodb.scan(TableName="gatehouse")["Items"], *aws.iam.list_users()["Users"]]


@pytest.mark.parametrize(("profile", "needed"), [("developer", False), ("power-user", True), ("migration-admin", True)])
def test_the_profile_decides_whether_an_approval_is_needed(aws: Account, profile: str, needed: bool) -> None:
    aws.seed(profile=profile, justification="a migration")
    answer = aws.step("validate_request")
    assert (answer["onboarding_id"], answer["approval_needed"], answer["kind"]) == (ONBOARDING_ID, needed, "person")


def test_who_looks_at_the_waiting_execution_reads_all_that_is_to_be_decided(aws: Account) -> None:
    record = aws.write(
        make_record(
            groups=["PowerUsers"],
            justification="load test",
            record={"approval": Approval(1, ("platform",), ("alma", "bob@example.com"))},
        )
    )
    assert record.grants.escalation_risks
    url = f"https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/onboardings/{ONBOARDING_ID}/decision"
    assert aws.step("validate_request")["review"] == {
        "purpose": "onboarding",
        "user_name": USER,
        "profile": "developer",
        "requested_by": REQUESTER,
        "justification": "load test",
        "grants": list(record.grants.in_words),
        "beyond_profile": list(record.grants.beyond_profile),
        "escalation_risks": list(record.grants.escalation_risks),
        "approvals_needed": 1,
        "waits_for": ["alma", "bob@example.com"],
        "decide_with": f"runbook GatehouseDecide in Systems Manager, or POST {url}",
    }


LARGEST_ANSWER = 8 * 1024
"""Bytes that a step may hand back: it stands in the execution's history."""


def test_the_largest_request_fits_into_the_history(aws: Account) -> None:
    everything: dict[str, Any] = {
        "profile": "power-user",
        "user_name": "u" * 64,
        "groups": ["Auditors", "PowerUsers"],
        "policies": [*catalogue.profiles()["power-user"]["may_add"]["managed_policies"], "ReadLogs"],
        "permissions_boundary": "one-region",
        "require_password_reset": False,
        "justification": "j" * 500,
    }
    people = tuple(f"approver{number}@example.com" for number in range(20))
    aws.write(make_record(**everything, record={"approval": Approval(1, ("platform",), people)}))
    assert len(json.dumps(aws.step("validate_request"))) < LARGEST_ANSWER


def test_what_needs_no_approval_waits_for_nobody(aws: Account) -> None:
    aws.write(make_record(record={"approval": Approval(0, ("platform",), ("alma",))}))
    assert aws.step("validate_request")["review"]["waits_for"] == []


def test_an_unverified_requester_is_named_as_such(aws: Account) -> None:
    review = start_by_hand(aws)["review"]
    assert review["requested_by"] == "somebody in the Step Functions console"
    assert review["waits_for"] == ["alma", "bob@example.com"]


def test_the_kind_is_told_so_that_an_application_skips_what_people_need(aws: Account) -> None:
    aws.seed(**AS_APPLICATION)
    assert aws.step("validate_request")["kind"] == "application"


def test_the_execution_is_noted_in_the_record(aws: Account) -> None:
    aws.seed()
    aws.step("validate_request")
    record = aws.record()
    assert (record.execution_arn, record.status) == (EXECUTION_ARN, Status.REQUESTED)
    assert record.timeline[-1].event == "validate_request"


def test_calling_twice_is_as_calling_once(aws: Account) -> None:
    aws.seed()
    first = aws.step("validate_request")
    assert aws.step("validate_request") == first
    assert aws.record().execution_arn == EXECUTION_ARN


def test_a_start_by_hand_writes_the_record_itself(aws: Account) -> None:
    answer = start_by_hand(aws)
    assert (answer["onboarding_id"], answer["approval_needed"], answer["kind"]) == (BY_HAND, True, "person")
    record = aws.record(BY_HAND)
    assert record.requester == Requester(None, None, verified=False)
    assert record.approval.needed == 1
    assert record.timeline[0].by == "console"
    assert records.holder(aws.table, USER) == BY_HAND


def test_a_start_by_hand_may_be_repeated_by_its_own_execution(aws: Account) -> None:
    assert start_by_hand(aws) == start_by_hand(aws)


def test_a_start_by_hand_whose_answer_was_lost_goes_on(aws: Account) -> None:
    aws.wire.lose_answer("TransactWriteItems")
    with pytest.raises(Exception, match="no answer"):
        start_by_hand(aws)
    assert start_by_hand(aws)["onboarding_id"] == BY_HAND


def test_a_second_execution_cannot_take_a_record_over(aws: Account) -> None:
    start_by_hand(aws)
    with pytest.raises(RecordClosed, match="choose another execution name"):
        start_by_hand(aws, execution_arn=f"{EXECUTION_ARN}-another")


def test_a_start_by_hand_cannot_take_over_what_the_api_recorded(aws: Account) -> None:
    """Otherwise whoever starts the machine would inherit the requester's verified name."""
    aws.seed(onboarding_id=BY_HAND)
    with pytest.raises(RecordClosed):
        start_by_hand(aws)
    assert aws.record(BY_HAND).execution_arn is None


def test_the_id_of_another_execution_is_refused(aws: Account) -> None:
    aws.seed()
    with pytest.raises(InvalidRequest, match="onboarding_id must be the name of the execution"):
        start_by_hand(aws, {"onboarding_id": ONBOARDING_ID})


def test_an_id_that_nobody_recorded_is_refused(aws: Account) -> None:
    with pytest.raises(RecordClosed, match="missing"):
        aws.step("validate_request")


@pytest.mark.parametrize("document", [None, 5, "text", [], ["onboarding_id"], {}, {"user_name": "alice"}, True])
def test_an_input_that_is_no_request_is_refused_by_name_and_nothing_is_written(aws: Account, document: Any) -> None:
    sample = event("validate_request", "console") | {"input": document}
    with pytest.raises(InvalidRequest):
        aws.call("validate_request", sample)
    assert nothing_is_written(aws)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_name", "alice smith"),
        ("email", "alice@example.com\nBcc: eve@example.com"),
        ("profile", "root"),
        ("policies", [f"arn:aws:iam::{int(ACCOUNT) + 1}:policy/foreign"]),
        ("surprise", 1),
    ],
)
def test_the_api_s_rules_hold_for_a_start_by_hand_too(aws: Account, field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=rf"^{field} "):
        start_by_hand(aws, make_request(**{field: value}))
    assert nothing_is_written(aws)


@pytest.mark.parametrize("name", ["-starts-with-a-hyphen", "has.a.dot", "x" * 81, "has space"])
def test_an_execution_s_name_must_be_fit_for_an_id(aws: Account, name: str) -> None:
    with pytest.raises(InvalidRequest, match="execution name"):
        start_by_hand(aws, onboarding_id=name)
    assert nothing_is_written(aws)


def test_a_user_who_exists_ends_a_start_by_hand(aws: Account) -> None:
    aws.iam.create_user(UserName=USER)
    with pytest.raises(UserAlreadyExists, match=f"{USER} exists already"):
        start_by_hand(aws)


def test_a_user_whose_name_differs_only_in_case_is_the_same(aws: Account) -> None:
    aws.iam.create_user(UserName=USER.upper())
    with pytest.raises(InvalidRequest, match="differs only in case"):
        start_by_hand(aws)


def test_names_are_compared_to_the_last_page(aws: Account) -> None:
    def user(name: str) -> dict[str, Any]:
        return {"UserName": name, "Path": "/", "UserId": name, "Arn": name, "CreateDate": NOW}

    pages: dict[str | None, dict[str, Any]] = {
        None: {"Users": [user("bob"), user("carol")], "IsTruncated": True, "Marker": "2"},
        "2": {"Users": [user("dora"), user(USER)], "IsTruncated": False},
    }
    aws.wire.answer("ListUsers", lambda asked: pages[asked.get("Marker")])
    with pytest.raises(UserAlreadyExists):
        start_by_hand(aws)
    assert [asked["MaxItems"] for asked in aws.wire.made("ListUsers")] == [1000, 1000]


def test_a_user_who_is_being_onboarded_ends_a_start_by_hand(aws: Account) -> None:
    aws.seed()
    with pytest.raises(UserAlreadyExists, match="is being onboarded already"):
        start_by_hand(aws)


@pytest.mark.parametrize("person", ["alma", "olga", "Alma"])
def test_nobody_is_given_the_name_of_an_approver_or_operator(aws: Account, person: str) -> None:
    with pytest.raises(InvalidRequest, match="person key"):
        start_by_hand(aws, make_request(user_name=person))
    assert nothing_is_written(aws)


def test_a_cancellation_is_seen(aws: Account) -> None:
    aws.seed(record={"cancelled_by": "olga"})
    with pytest.raises(Cancelled, match="by olga"):
        aws.step("validate_request")


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.REQUESTED}))
def test_what_has_gone_on_already_is_not_started_again(aws: Account, status: Status) -> None:
    aws.seed(status)
    with pytest.raises(RecordClosed, match=status):
        aws.step("validate_request")
