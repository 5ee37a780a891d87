"""How an onboarding ends, and why."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import outcomes
from gatehouse.model import FINAL, Decision, Onboarding, Status
from tests.unit.account import NOW, make_record


def rejected(record: Onboarding) -> Onboarding:
    decision = Decision("alma", "arn", "reject", "not now", record.digest, NOW)
    return replace(record, approval=replace(record.approval, decisions=(decision,)))


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        ("ApprovalTimeout", Status.EXPIRED, "APPROVAL_TIMEOUT"),
        ("MfaTimeout", Status.EXPIRED, "MFA_TIMEOUT"),
        ("Stopped", Status.CANCELLED, "STOPPED"),
        ("UserAlreadyExists", Status.FAILED, "USER_ALREADY_EXISTS"),
        ("InvalidRequest", Status.FAILED, "INVALID_REQUEST"),
        ("Lambda.Unknown", Status.FAILED, "LAMBDA_UNKNOWN"),
        ("States.DataLimitExceeded", Status.FAILED, "STATES_DATA_LIMIT_EXCEEDED"),
        ("ExecutionTimeout", Status.FAILED, "EXECUTION_TIMEOUT"),
    ],
)
def test_an_error_leads_to_a_status_and_a_reason(error: str, status: Status, reason: str) -> None:
    end = outcomes.outcome(make_record(), error, "because")
    assert (end.status, end.reason, end.detail) == (status, reason, "because")
    assert end.cause == f"{reason}: because"


def test_a_recorded_rejection_counts_before_the_error_that_was_named() -> None:
    end = outcomes.outcome(rejected(make_record(profile="power-user")), "MfaTimeout", "claimed by a token's holder")
    assert (end.status, end.reason, end.detail) == (Status.REJECTED, "REJECTED", "by alma: not now")


def test_a_recorded_cancellation_counts_before_the_error_that_was_named() -> None:
    end = outcomes.outcome(make_record(record={"cancelled_by": "olga"}), "MfaTimeout", "x")
    assert (end.status, end.reason, end.detail) == (Status.CANCELLED, "CANCELLED", "by olga")


@pytest.mark.parametrize("error", ["Rejected", "Cancelled"])
def test_who_names_a_decision_that_nobody_recorded_does_not_make_one(error: str) -> None:
    assert outcomes.outcome(make_record(), error, "x").status is Status.FAILED


@pytest.mark.parametrize("cause", ["[" * 100_000, '{"a":' * 100_000, "1" * 10_000, "NaN", '{"errorMessage": null}'])
def test_a_cause_that_is_no_error_document_is_told_all_the_same(cause: str) -> None:
    assert outcomes.outcome(None, "Forged", cause).reason == "FORGED"


@given(st.text(max_size=100), st.text(max_size=100))
def test_whatever_is_named_the_end_is_final_and_no_success(error: str, cause: str) -> None:
    end = outcomes.outcome(None, error, cause)
    assert end.status in FINAL - {Status.COMPLETE}
    assert end.cause.startswith(end.reason)


def test_the_message_of_a_function_s_error_document_is_the_detail() -> None:
    cause = json.dumps({"errorType": "InvalidRequest", "errorMessage": "email must be …", "stackTrace": ["…"]})
    assert outcomes.outcome(None, "InvalidRequest", cause).cause == "INVALID_REQUEST: email must be …"


@pytest.mark.parametrize("cause", ["[1]", "12", "null", '"text"', "{}", "not { json"])
def test_a_cause_of_any_other_shape_is_told_as_it_is(cause: str) -> None:
    assert outcomes.outcome(None, "AwsCallFailed", cause).detail == cause


@pytest.mark.parametrize(
    ("ended", "error", "cause"),
    [
        ({"status": "ABORTED"}, "Stopped", "the execution was stopped by hand"),
        ({"status": "TIMED_OUT"}, "ExecutionTimeout", "the execution ran out of time"),
        ({"status": "FAILED", "error": "States.Runtime", "cause": "x"}, "States.Runtime", "x"),
        ({"status": "FAILED", "error": None, "cause": None}, "ExecutionFailed", "the execution failed"),
        ({"status": "SUCCEEDED"}, "ExecutionFailed", "the execution failed"),
    ],
)
def test_an_execution_that_ended_tells_error_and_cause(ended: dict[str, str], error: str, cause: str) -> None:
    assert outcomes.of_execution(ended) == (error, cause)


def test_an_execution_s_error_is_the_status_in_camel_case() -> None:
    assert Status.ROLLBACK_INCOMPLETE.error_name == "RollbackIncomplete"
    assert Status.EXPIRED.error_name == "Expired"
