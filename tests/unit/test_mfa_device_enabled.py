"""MfaDeviceEnabled: the event tells who enrolled from where, and wakes the machine; it proves nothing."""

import io
import json
from typing import Any

import pytest

from gatehouse import records, times
from gatehouse.model import FINAL, Onboarding, Status
from tests.unit.account import ACCOUNT, ONBOARDING_ID, OPERATOR, REQUESTER, TASK_TOKEN, USER, Account, event

OWN_ARN = f"arn:aws:iam::{ACCOUNT}:user/gatehouse/{USER}"
ADMIN_ARN = f"arn:aws:iam::{ACCOUNT}:user/admin"
SOURCE = "203.0.113.20"


def tell(aws: Account, case: str = "", *, by: str | None = None, **parameters: str | None) -> None:
    """Deliver the event; `by` replaces who called, `parameters` those of the request."""
    sample = event("mfa_device_enabled", case)
    if by:
        sample["detail"]["userIdentity"] = {"type": "IAMUser", "arn": by, "userName": by.rpartition("/")[2]}
    sample["detail"]["requestParameters"] |= parameters
    aws.call("mfa_device_enabled", sample)


def waiting(aws: Account, **record: Any) -> Onboarding:
    return aws.seed(Status.PENDING_MFA, record={"task_token": TASK_TOKEN, **record})


def complete(aws: Account) -> Onboarding:
    """An onboarding whose device the follow-up found, before any event told of it."""
    aws.steps("await_mfa")
    aws.enrol()
    aws.step("complete_onboarding")
    return aws.record()


def subjects(aws: Account) -> list[tuple[str, list[str]]]:
    return [(mail["subject"], mail["to"]) for mail in aws.mails()]


@pytest.mark.parametrize("status", [Status.PENDING_MFA, Status.PROVISIONING])
def test_who_enrolled_from_where_is_noted_and_the_machine_woken(aws: Account, status: Status) -> None:
    aws.seed(status, record={"task_token": TASK_TOKEN})
    tell(aws)
    record = aws.record()
    assert record.evidence == {
        "reported": {
            "by": OWN_ARN,
            "source_ip": SOURCE,
            "at": "2026-03-02T09:30:00Z",
            "serial_number": f"arn:aws:iam::{ACCOUNT}:mfa/phone",
        }
    }
    assert record.status is status
    noted = record.timeline[-1]
    assert (noted.event, noted.by, noted.detail) == ("mfa_device_enabled", OWN_ARN, f"from {SOURCE}")
    assert [call["taskToken"] for call in aws.wire.made("SendTaskSuccess")] == [TASK_TOKEN]


def test_a_user_who_was_faster_than_the_machine_is_noted_and_nobody_woken(aws: Account) -> None:
    aws.seed(Status.PROVISIONING)
    tell(aws)
    assert aws.record().evidence["reported"]["by"] == OWN_ARN
    assert aws.wire.names("SendTaskSuccess") == []


def test_a_security_key_is_as_good_as_a_phone(aws: Account) -> None:
    waiting(aws)
    tell(aws, "security_key")
    assert ":u2f/" in aws.record().evidence["reported"]["serial_number"]


@pytest.mark.parametrize("name", [USER.upper(), USER.title()])
def test_a_name_in_another_case_is_the_same_user(aws: Account, name: str) -> None:
    waiting(aws)
    tell(aws, userName=name)
    assert len(aws.wire.made("SendTaskSuccess")) == 1


def test_without_a_name_in_the_request_the_caller_enrolled_a_device_of_its_own(aws: Account) -> None:
    waiting(aws)
    tell(aws, userName=None)
    assert len(aws.wire.made("SendTaskSuccess")) == 1


def test_the_name_in_the_request_counts_before_the_caller_s(aws: Account) -> None:
    waiting(aws)
    tell(aws, by=ADMIN_ARN)
    assert aws.record().evidence["reported"]["by"] == ADMIN_ARN


@pytest.mark.parametrize("name", ["bob", "mallory", f"{USER}2"])
def test_a_user_whom_nobody_onboards_is_none_of_our_business(aws: Account, name: str) -> None:
    before = waiting(aws)
    tell(aws, userName=name)
    assert aws.record() == before
    assert aws.wire.names("SendTaskSuccess") == []


def test_a_device_of_root_is_none_of_our_business(aws: Account) -> None:
    before = waiting(aws)
    sample = event("mfa_device_enabled")
    sample["detail"] |= {
        "userIdentity": {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"},
        "requestParameters": None,
    }
    aws.call("mfa_device_enabled", sample)
    assert aws.record() == before


def test_an_event_that_does_not_say_who_called_is_a_hint_all_the_same(aws: Account) -> None:
    waiting(aws)
    sample = event("mfa_device_enabled")
    del sample["detail"]["userIdentity"]
    aws.call("mfa_device_enabled", sample)
    assert aws.record().timeline[-1].by == records.MACHINE
    assert len(aws.wire.made("SendTaskSuccess")) == 1


def test_a_late_event_that_does_not_say_who_called_leaves_that_open(aws: Account) -> None:
    complete(aws)
    sample = event("mfa_device_enabled")
    del sample["detail"]["userIdentity"]
    aws.call("mfa_device_enabled", sample)
    evidence = aws.record().evidence
    assert (evidence["enrolled_by"], evidence["enrolled_by_user"], evidence["source_ip"]) == (None, None, SOURCE)
    assert aws.record().timeline[-1].by == records.MACHINE


def test_the_log_names_the_onboarding(aws: Account, log: io.StringIO) -> None:
    waiting(aws)
    tell(aws)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["onboarding_id"] == ONBOARDING_ID
    assert TASK_TOKEN not in log.getvalue()


def test_of_several_onboardings_of_one_name_the_newest_counts(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA, onboarding_id="earlier", record={"created_at": times.after(aws.clock.now(), -1)})
    waiting(aws)
    tell(aws)
    assert aws.record().evidence != {}
    assert aws.record("earlier").evidence == {}


def test_an_event_that_comes_twice_wakes_twice_and_does_no_harm(aws: Account) -> None:
    waiting(aws)
    aws.wire.refuse("SendTaskSuccess", "TaskDoesNotExist")
    tell(aws)
    noted = aws.record().evidence
    tell(aws)
    assert aws.record().evidence == noted
    assert len(aws.wire.made("SendTaskSuccess")) == 2


@pytest.mark.parametrize("status", sorted({*FINAL, Status.ROLLING_BACK, Status.REQUESTED} - {Status.COMPLETE}))
def test_an_onboarding_that_waits_for_no_device_is_left_alone(aws: Account, status: Status) -> None:
    before = aws.seed(status, record={"task_token": TASK_TOKEN})
    tell(aws)
    assert aws.record() == before
    assert aws.wire.names("SendTaskSuccess", "SendEmail") == []


def test_an_event_in_time_makes_the_evidence_whole(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.enrol()
    tell(aws)
    aws.step("complete_onboarding")
    evidence = aws.record().evidence
    assert (evidence["enrolled_by"], evidence["enrolled_by_user"], evidence["source_ip"]) == (OWN_ARN, True, SOURCE)


def test_a_late_event_makes_the_evidence_whole(aws: Account) -> None:
    before = complete(aws)
    assert before.evidence["enrolled_by"] is None
    tell(aws)
    after = aws.record()
    assert after.status is Status.COMPLETE
    assert after.evidence == {
        **before.evidence,
        "enrolled_by": OWN_ARN,
        "enrolled_by_user": True,
        "source_ip": SOURCE,
    }
    assert (after.timeline[-1].event, after.timeline[-1].by) == ("mfa_device_enabled", OWN_ARN)
    assert aws.wire.names("SendTaskSuccess") == []


def test_a_late_event_mails_nobody_where_the_user_enrolled(aws: Account) -> None:
    complete(aws)
    before = subjects(aws)
    tell(aws)
    assert subjects(aws) == before


def test_a_late_event_tells_the_operators_once_that_somebody_else_enrolled(aws: Account) -> None:
    complete(aws)
    before = subjects(aws)
    for _ in range(2):
        tell(aws, by=ADMIN_ARN)
    ((subject, to),) = subjects(aws)[len(before) :]
    assert subject == f"Check this: MFA of {USER} was enrolled by somebody else"
    assert to == [f"{OPERATOR}@example.com", "otto@example.com"]
    assert ADMIN_ARN in aws.mails()[-1]["text"]
    assert aws.record().evidence["enrolled_by_user"] is False


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{int(ACCOUNT) + 1}:user/{USER}",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/{USER}",
    ],
    ids=["same name in another account", "root", "a session of that name"],
)
def test_who_only_looks_like_the_user_is_somebody_else(aws: Account, arn: str) -> None:
    complete(aws)
    tell(aws, by=arn, userName=USER)
    assert aws.record().evidence["enrolled_by_user"] is False
    assert aws.mails()[-1]["subject"].startswith("Check this")


def test_an_event_about_another_device_amends_nothing(aws: Account) -> None:
    before = complete(aws)
    tell(aws, serialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/tablet", by=ADMIN_ARN)
    assert aws.record() == before


def test_evidence_that_is_whole_stays_as_it_is(aws: Account) -> None:
    complete(aws)
    tell(aws)
    before = aws.record()
    tell(aws, by=ADMIN_ARN)
    assert aws.record() == before


def test_an_onboarding_that_completes_while_the_event_is_noted_is_amended(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.enrol()
    aws.wire.first("UpdateItem", lambda: aws.step("complete_onboarding"))
    tell(aws)
    assert aws.record().status is Status.COMPLETE
    assert aws.record().evidence["enrolled_by"] == OWN_ARN
    assert aws.wire.names("SendTaskSuccess") == []


def test_an_event_that_is_noted_while_the_machine_completes_is_not_lost(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.enrol()
    aws.wire.first("PutUserPermissionsBoundary", lambda: tell(aws, by=ADMIN_ARN))
    aws.step("complete_onboarding")
    assert aws.record().status is Status.COMPLETE
    assert aws.record().evidence["enrolled_by"] == ADMIN_ARN
    assert {subject.split(":")[0] for subject, _ in subjects(aws)} >= {"Check this"}


def test_a_mail_that_fails_does_not_take_the_evidence_back(aws: Account) -> None:
    complete(aws)
    aws.wire.refuse("SendEmail", "MessageRejected")
    tell(aws, by=ADMIN_ARN)
    assert aws.record().evidence["enrolled_by"] == ADMIN_ARN
    assert "not_enrolled_by_user" not in aws.record().mails_sent


def test_requester_and_user_hear_of_the_completion_at_last_where_no_mail_went_out_before(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.enrol()
    aws.wire.refuse("SendEmail", "MessageRejected")
    aws.step("complete_onboarding")
    assert "onboarding_complete" not in aws.record().mails_sent
    tell(aws)
    assert aws.mails()[-1]["to"] == ["alice@example.com", REQUESTER]
