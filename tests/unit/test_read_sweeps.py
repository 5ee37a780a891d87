"""GET /compliance/sweeps/{sweep_id}: how a sweep went."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.account import ACCOUNT, REGION, STACK, Account

SWEEP_ID = "5d0b7f0e-3c5f-4a6a-8f0a-0c7b1e2d3f44"
FOLDER = f"sweeps/2026/03/02/{SWEEP_ID}"
COUNTS = {"users": 2, "console_users": 2, "console_users_with_mfa": 1, "findings": 1, "exempt": 0, "by_kind": {}}


def execution(status: str, **about: Any) -> dict[str, Any]:
    return {"name": SWEEP_ID, "status": status, "startDate": datetime(2026, 3, 2, 9, tzinfo=UTC), **about}


def test_a_sweep_under_way_has_nothing_to_tell_yet(aws: Account) -> None:
    aws.wire.answer("DescribeExecution", execution("RUNNING"))
    answer = aws.api("read_sweeps")
    assert (answer.status, answer.json) == (
        200,
        {
            "sweep_id": SWEEP_ID,
            "status": "RUNNING",
            "started_at": "2026-03-02T09:00:00.000000Z",
            "ended_at": None,
            "failure": None,
            "links": {"self": f"/compliance/sweeps/{SWEEP_ID}"},
        },
    )
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-mfa-compliance:{SWEEP_ID}"
    assert aws.wire.made("DescribeExecution") == [{"executionArn": arn}]


def test_one_that_went_well_tells_its_counts_what_was_done_and_where_the_report_is(aws: Account) -> None:
    acted = [{"user_name": name, "action": "remind", "outcome": outcome, "reason": ""} for name, outcome in
             (("ann", "done"), ("bob", "done"), ("cy", "skipped"))]  # fmt: skip
    output = {
        "reported_at": "2026-03-02T08:00:00.000000Z",
        "counts": COUNTS,
        "broken": None,
        "acted": [acted[:2], acted[2:]],
        "findings_key": f"{FOLDER}/findings.json",
        "report_key": f"{FOLDER}/report.html",
    }
    ended = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
    aws.wire.answer("DescribeExecution", execution("SUCCEEDED", stopDate=ended, output=json.dumps(output)))
    told = aws.api("read_sweeps").json
    assert (told["status"], told["ended_at"]) == ("SUCCEEDED", "2026-03-02T09:01:00.000000Z")
    assert (told["counts"], told["acted"], told["broken"]) == (COUNTS, {"done": 2, "skipped": 1}, None)
    assert told["report"] == {
        "bucket": f"{STACK}-compliance",
        "findings_key": f"{FOLDER}/findings.json",
        "report_key": f"{FOLDER}/report.html",
    }


def test_one_that_failed_says_how(aws: Account) -> None:
    aws.wire.answer("DescribeExecution", execution("FAILED", error="MalformedReport", stopDate=datetime.now(UTC)))
    told = aws.api("read_sweeps").json
    assert (told["status"], told["failure"]) == ("FAILED", "MalformedReport")
    assert "counts" not in told


def test_one_that_nobody_knows_is_not_found(aws: Account) -> None:
    aws.wire.refuse("DescribeExecution", "ExecutionDoesNotExist")
    assert aws.api("read_sweeps").problem == (404, "not-found")


@pytest.mark.parametrize("sweep_id", ["a b", "x:y", "..", "größer"])
def test_what_can_be_no_id_is_not_asked_for(aws: Account, sweep_id: str) -> None:
    answer = aws.api("read_sweeps", pathParameters={"sweep_id": sweep_id})
    assert answer.problem == (404, "not-found")
    assert aws.wire.names() == []
