"""What a record holds, in the table and in the API's eyes."""

import json
from dataclasses import replace

import pytest

from gatehouse.model import (
    FINAL,
    OPEN,
    UNDER_WAY,
    Caller,
    Decision,
    Onboarding,
    Requester,
    Status,
    TimelineEntry,
    links,
)
from tests.unit.account import NOW, ONBOARDING_ID, Account, make_record


def whole_record() -> Onboarding:
    decision = Decision("alma", "arn:alma", "approve", "fine", "digest", NOW)
    record = make_record(Status.PENDING_MFA, profile="migration-admin", justification="a migration")
    return replace(
        record,
        approval=replace(record.approval, decisions=(decision,)),
        task_token="token-of-the-machine",
        claims={"password": "hash-of-the-claim"},
        evidence={"source_ip": None},
        ending={"status": "FAILED", "reason": "X", "detail": ""},
        timeline=(TimelineEntry(NOW, "requested", "alice"), TimelineEntry(NOW, "approved", "alma", "fine")),
    )


def test_a_record_survives_the_table(aws: Account) -> None:
    aws.write(whole_record())
    assert aws.record() == whole_record()


def test_empty_attributes_take_no_place() -> None:
    assert "task_token" not in make_record().to_item()
    assert make_record().to_item()["request"]["justification"] is None


def test_attributes_of_a_later_version_are_no_obstacle(aws: Account) -> None:
    aws.seed()
    aws.table.update("onboarding#" + ONBOARDING_ID, sets={"from_the_future": {"a": 1}})
    assert aws.record() == make_record()


def test_the_api_shows_no_token_no_claim_and_no_plan() -> None:
    shown = json.dumps(whole_record().public())
    assert not [hidden for hidden in ("token-of-the-machine", "hash-of-the-claim", "ending") if hidden in shown]


def test_the_api_shows_the_request_field_by_field() -> None:
    record = make_record(tags={"team": "x"})
    assert record.request.items() <= record.public().items()
    assert record.public()["onboarding_id"] == ONBOARDING_ID


def test_a_request_cannot_replace_what_the_api_says_itself() -> None:
    own = {name for name in make_record().public() if name not in make_record().request}
    assert not own & set(make_record().request)
    assert {"onboarding_id", "status", "digest", "grants", "timeline", "links"} <= own


def test_links_are_relative_to_the_api() -> None:
    assert links("abc") == {
        "self": "/onboardings/abc",
        "decision": "/onboardings/abc/decision",
        "resend": "/onboardings/abc/resend",
        "cancel": "/onboardings/abc/cancel",
    }


def test_every_status_is_open_or_final() -> None:
    assert set(Status) == OPEN | FINAL
    assert not OPEN & FINAL
    assert UNDER_WAY < OPEN


@pytest.mark.parametrize("status", Status)
def test_a_status_knows_whether_it_is_final(status: Status) -> None:
    assert status.is_final == (status in {"COMPLETE", "REJECTED", "EXPIRED", "CANCELLED", "FAILED"})


SESSION = "arn:aws:sts::123456789012:assumed-role/Deployer/"


@pytest.mark.parametrize(
    ("arn", "person", "key"),
    [
        ("arn:aws:iam::123456789012:user/path/Alice", "alice", "alice"),
        (f"{SESSION}monday", None, SESSION.rstrip("/")),
        (f"{SESSION}tuesday", None, SESSION.rstrip("/")),
        ("arn:aws:iam::123456789012:root", None, "arn:aws:iam::123456789012:root"),
        ("arn:aws:iam::999999999999:user/bob", None, "arn:aws:iam::999999999999:user/bob"),
    ],
)
def test_a_caller_s_key_is_the_same_in_every_session(arn: str, person: str | None, key: str) -> None:
    assert Caller(arn, person).key == key
    assert Requester(arn, person, verified=True).key == key


def test_nobody_verified_has_no_key() -> None:
    assert Requester(None, None, verified=False).key is None


def test_the_account_is_that_of_the_boundaries() -> None:
    assert make_record().account_id == "123456789012"
