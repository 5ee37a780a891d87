"""AccountPasswordPolicy: the custom resource that reports, or enforces, and always answers."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from gatehouse.compliance import password_policy
from tests.unit import cloudformation
from tests.unit.account import Account, event

WEAK = {"MinimumPasswordLength": 8, "AllowUsersToChangePassword": True, "PasswordReusePrevention": 5}
LACKS_EVERYTHING = (
    "8 characters suffice where 14 are wanted; uppercase are not required; lowercase are not required; "
    "numbers are not required; symbols are not required; users may not change their own password; "
    "passwords never expire, 90 days are wanted; the last 0 passwords may not be used again, wanted are 24"
)


class CloudFormation:
    def __init__(self, aws: Account, url: str, answers: list[dict[str, Any]]) -> None:
        self._aws, self._url, self.answers = aws, url, answers

    def ask(self, kind: str = "Create", **properties: str) -> dict[str, Any]:
        """Calls the function as CloudFormation does, and returns the one answer."""
        sample = event("account_password_policy") | {"ResponseURL": self._url, "RequestType": kind}
        sample["ResourceProperties"] |= properties
        before = len(self.answers)
        assert self._aws.call("account_password_policy", sample) is None
        (answer,) = self.answers[before:]
        return answer


@pytest.fixture
def stack(aws: Account) -> Iterator[CloudFormation]:
    with cloudformation.listening() as (url, answers):
        yield CloudFormation(aws, url, answers)


def test_it_reports_what_is_lacking_and_changes_nothing(aws: Account, stack: CloudFormation) -> None:
    answer = stack.ask()
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Shortcomings": LACKS_EVERYTHING})
    assert password_policy.standing(aws.iam) is None


def test_it_answers_as_cloudformation_wants_it(stack: CloudFormation) -> None:
    answer, sample = stack.ask(), event("account_password_policy")
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[name] == sample[name]
    assert answer["PhysicalResourceId"] == "account-password-policy"
    # S3 has signed the address for an empty one, and refuses any other.
    assert answer["Content-Type"] == ""


def test_it_enforces_where_it_is_asked_to_and_weakens_nothing(aws: Account, stack: CloudFormation) -> None:
    aws.iam.update_account_password_policy(**WEAK, MaxPasswordAge=30)
    assert stack.ask("Update", Mode="enforce")["Data"] == {"Shortcomings": "none"}
    stands = password_policy.standing(aws.iam)
    assert stands is not None
    assert (stands["MinimumPasswordLength"], stands["MaxPasswordAge"], stands["PasswordReusePrevention"]) == (
        14,
        30,
        24,
    )
    assert not stands["HardExpiry"]


def test_a_policy_that_lacks_nothing_is_not_written_again(aws: Account, stack: CloudFormation) -> None:
    stack.ask(Mode="enforce")
    aws.wire.clear()
    stack.ask("Update", Mode="enforce")
    assert aws.wire.names() == ["GetAccountPasswordPolicy"]


def test_on_deletion_it_looks_at_nothing_and_leaves_what_was_enforced(aws: Account, stack: CloudFormation) -> None:
    stack.ask(Mode="enforce")
    aws.wire.clear()
    assert stack.ask("Delete", Mode="enforce")["Status"] == "SUCCESS"
    assert aws.wire.names() == []
    assert password_policy.standing(aws.iam) is not None


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_failure_is_answered_with_its_reason(aws: Account, stack: CloudFormation, kind: str) -> None:
    aws.wire.refuse("UpdateAccountPasswordPolicy", "AccessDenied", message="not allowed", times=9)
    answer = stack.ask(kind, Mode="enforce")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "AccessDenied: UpdateAccountPasswordPolicy: AccessDenied (not allowed)"
    assert answer["PhysicalResourceId"] == "account-password-policy"


def test_a_right_that_the_same_update_gave_is_waited_for(aws: Account, stack: CloudFormation) -> None:
    aws.wire.refuse("UpdateAccountPasswordPolicy", "AccessDenied", times=3)
    assert stack.ask("Update", Mode="enforce")["Status"] == "SUCCESS"
    assert len(aws.wire.made("UpdateAccountPasswordPolicy")) == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"MinimumLength": "long"}, "ValueError"), ({"RequiredCharacters": "digits"}, "digits")],
)
def test_what_cannot_be_understood_is_answered_too(stack: CloudFormation, wrong: dict[str, str], said: str) -> None:
    answer = stack.ask(**wrong)
    assert answer["Status"] == "FAILED"
    assert said in answer["Reason"]


def test_an_answer_that_does_not_arrive_fails_the_call_so_that_lambda_repeats_it(aws: Account) -> None:
    with cloudformation.listening() as (url, _):
        gone = url
    with pytest.raises(OSError):
        aws.call("account_password_policy", event("account_password_policy") | {"ResponseURL": gone})


def test_the_address_is_in_no_log(stack: CloudFormation, log: io.StringIO) -> None:
    stack.ask()
    assert "signature=of-this-address" not in log.getvalue()
    assert "done" in log.getvalue()
