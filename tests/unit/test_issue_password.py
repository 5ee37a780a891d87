"""IssuePassword: a password that crosses no state, kept where only its claim can read it."""

import json
import re
from typing import Any

import pytest

from gatehouse import clients, passwords
from gatehouse.errors import (
    AwsCallFailed,
    Cancelled,
    NotYetConsistent,
    RecordClosed,
    TemporarilyUnmodifiable,
    TransientFault,
)
from gatehouse.model import Status
from tests.unit.account import ONBOARDING_ID, USER, Account

SECRET = f"gatehouse/{ONBOARDING_ID}/password/1"
FIRST = "Other-1-First!"
POLICY = {
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
}


@pytest.fixture
def created(aws: Account) -> Account:
    """An account with the user made, and no password yet."""
    aws.steps("create_user")
    aws.wire.calls.clear()
    return aws


def test_the_user_signs_in_with_what_is_stored(created: Account) -> None:
    created.step("issue_password")
    assert created.secret() == created.password()
    assert created.secret()


def test_the_step_hands_nothing_on(created: Account) -> None:
    assert created.step("issue_password") is None


@pytest.mark.parametrize("reset", [True, False])
def test_a_reset_is_demanded_as_the_request_says(aws: Account, reset: bool) -> None:
    aws.steps("issue_password", require_password_reset=reset)
    profile = aws.iam.get_login_profile(UserName=USER)["LoginProfile"]
    assert profile["PasswordResetRequired"] is reset


def test_the_secret_has_its_policy_before_it_has_a_value(created: Account) -> None:
    created.step("issue_password")
    order = ["CreateSecret", "PutResourcePolicy", "GetRandomPassword", "PutSecretValue", "CreateLoginProfile"]
    assert created.wire.names(*order) == order
    (create,) = created.wire.made("CreateSecret")
    assert "SecretString" not in create
    assert create["KmsKeyId"] == created.values["SecretsKey.Arn"]
    assert create["Tags"] == [{"Key": "gatehouse:onboarding-id", "Value": ONBOARDING_ID}]


def test_only_issuer_claim_and_completion_may_read_the_secret(created: Account) -> None:
    created.step("issue_password")
    described = created.secretsmanager.get_resource_policy(SecretId=SECRET)
    (statement,) = json.loads(described["ResourcePolicy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert {"secretsmanager:GetSecretValue", "secretsmanager:PutResourcePolicy"} <= set(statement["Action"])
    readers = statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    assert {arn.rpartition("-")[2] for arn in readers} == {
        "IssuePasswordFunctionRole",
        "CompleteOnboardingFunctionRole",
        "ClaimSecretFunctionRole",
    }


def test_calling_twice_changes_no_password(created: Account) -> None:
    created.step("issue_password")
    first = created.secret()
    created.step("issue_password")
    assert created.secret() == created.password() == first
    assert len(created.wire.made("GetRandomPassword")) == 1


@pytest.mark.parametrize(
    "operation",
    [
        "UpdateItem",
        "CreateSecret",
        "PutResourcePolicy",
        "GetAccountPasswordPolicy",
        "GetRandomPassword",
        "PutSecretValue",
        "CreateLoginProfile",
    ],
)
def test_after_a_lost_answer_the_retry_sets_what_is_stored(created: Account, operation: str) -> None:
    created.wire.lose_answer(operation)
    with pytest.raises(TransientFault):
        created.step("issue_password")
    stored = created.secret()
    created.step("issue_password")
    assert created.secret() == created.password()
    assert stored in (None, created.password())


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "CreateLoginProfile"])
def test_an_answer_that_the_sdk_lost_does_no_harm(created: Account, operation: str) -> None:
    created.wire.send_twice(operation)
    created.step("issue_password")
    assert created.secret() == created.password()


def test_of_two_at_once_both_set_the_one_that_was_stored_first(created: Account) -> None:
    """The other invocation stores its password between this one's look and its write."""

    def other_stores() -> None:
        token = created.wire.made("PutSecretValue")[0]["ClientRequestToken"]
        created.secretsmanager.put_secret_value(
            SecretId=SECRET, ClientRequestToken=token, SecretString="Other-1-First!"
        )

    created.wire.first("PutSecretValue", other_stores)
    created.step("issue_password")
    assert created.secret() == created.password() == FIRST


def test_a_login_profile_that_somebody_left_gets_the_stored_password(created: Account) -> None:
    created.iam.create_login_profile(UserName=USER, Password="Somebody-3lse!", PasswordResetRequired=False)
    created.step("issue_password")
    assert created.password() == created.secret()
    assert created.iam.get_login_profile(UserName=USER)["LoginProfile"]["PasswordResetRequired"]


@pytest.mark.parametrize("minimum", [6, 8, 24, 25, 128])
def test_the_password_fits_the_account_s_policy(created: Account, minimum: int) -> None:
    created.iam.update_account_password_policy(MinimumPasswordLength=minimum, **POLICY)
    created.step("issue_password")
    assert len(created.password() or "") == max(minimum, passwords.LENGTH)


def test_the_policy_is_looked_up_once_a_minute(created: Account) -> None:
    for pause, looks in ((0, 1), (0, 1), (60, 2)):
        created.clock.advance(pause)
        passwords.generate(clients.client("iam"), clients.client("secretsmanager"))
        assert len(created.wire.made("GetAccountPasswordPolicy")) == looks


def test_without_a_policy_of_the_account_aws_s_own_is_kept(created: Account) -> None:
    created.step("issue_password")
    assert len(created.password() or "") == passwords.LENGTH


def test_a_policy_without_any_demand_is_no_reason_for_a_weak_password(created: Account) -> None:
    created.iam.update_account_password_policy(MinimumPasswordLength=6)
    created.step("issue_password")
    assert len(created.password() or "") == passwords.LENGTH


@pytest.mark.parametrize("_", range(5))
def test_a_password_has_every_kind_of_character_and_only_symbols_that_iam_counts(created: Account, _: int) -> None:
    created.step("issue_password")
    password = created.password() or ""
    for kind in ("[A-Z]", "[a-z]", "[0-9]", r"[!@#$%^&*()_+\-=\[\]{}|']"):
        assert re.search(kind, password)
    assert re.fullmatch(r"[A-Za-z0-9!@#$%^&*()_+\-=\[\]{}|']+", password)


def test_every_symbol_that_is_emitted_is_counted_by_iam_or_excluded(created: Account) -> None:
    created.step("issue_password")
    (asked,) = created.wire.made("GetRandomPassword")
    assert asked == {
        "PasswordLength": 24,
        "ExcludeCharacters": '",./:;<>?\\`~',
        "RequireEachIncludedType": True,
    }


def test_a_policy_that_was_tightened_meanwhile_ends_it_without_showing_the_password(created: Account) -> None:
    created.wire.first("PutSecretValue", lambda: created.iam.update_account_password_policy(MinimumPasswordLength=64))
    with pytest.raises(AwsCallFailed) as error:
        created.step("issue_password")
    assert str(error.value) == "CreateLoginProfile: PasswordPolicyViolation"
    assert created.password() is None


def test_a_user_that_iam_still_works_on_is_tried_again(created: Account) -> None:
    created.wire.refuse("CreateLoginProfile", "EntityTemporarilyUnmodifiable", status=409)
    with pytest.raises(TemporarilyUnmodifiable):
        created.step("issue_password")
    created.step("issue_password")
    assert created.password() == created.secret()


def test_a_user_that_iam_does_not_show_yet_is_tried_again(created: Account) -> None:
    created.wire.refuse("CreateLoginProfile", "NoSuchEntity", status=404)
    with pytest.raises(NotYetConsistent):
        created.step("issue_password")
    created.step("issue_password")
    assert created.password() == created.secret()


def test_a_name_that_is_scheduled_for_deletion_ends_it_and_sets_no_password(created: Account) -> None:
    created.secretsmanager.create_secret(Name=SECRET)
    created.secretsmanager.delete_secret(SecretId=SECRET, RecoveryWindowInDays=7)
    with pytest.raises(AwsCallFailed, match=r"^CreateSecret: InvalidRequestException$"):
        created.step("issue_password")
    assert created.password() is None


def chosen(aws: Account, value: str = "Chosen-0ne-By-Hand!") -> str:
    """A secret with the password that the requester has chosen; returns its ARN."""
    tags = [{"Key": "gatehouse:user-name", "Value": USER}]
    name = "gatehouse-chosen-password/alice"
    arn: str = aws.secretsmanager.create_secret(Name=name, SecretString=value, Tags=tags)["ARN"]
    return arn


def test_a_chosen_password_is_copied_to_where_only_its_claim_can_read_it(aws: Account) -> None:
    arn = chosen(aws)
    aws.steps("issue_password", password_secret_arn=arn)
    assert aws.password() == aws.secret() == "Chosen-0ne-By-Hand!"
    assert aws.wire.made("GetRandomPassword") == []
    readers = aws.secretsmanager.get_resource_policy(SecretId=SECRET)["ResourcePolicy"]
    assert "OnlyGatehouseReads" in readers


def test_the_secret_that_was_chosen_stays_as_it_is(aws: Account) -> None:
    arn = chosen(aws)
    aws.steps("issue_password", password_secret_arn=arn)
    touched = [parameters for _, parameters in aws.wire.calls if parameters.get("SecretId") == arn]
    assert touched == [{"SecretId": arn}]
    assert aws.secretsmanager.get_secret_value(SecretId=arn)["SecretString"] == "Chosen-0ne-By-Hand!"


def test_a_choice_that_is_changed_later_changes_nothing(aws: Account) -> None:
    arn = chosen(aws)
    aws.steps("create_user", password_secret_arn=arn)
    aws.wire.lose_answer("CreateLoginProfile")
    with pytest.raises(TransientFault):
        aws.step("issue_password")
    aws.secretsmanager.put_secret_value(SecretId=arn, SecretString="An0ther-One-By-Hand!")
    aws.step("issue_password")
    assert aws.password() == aws.secret() == "Chosen-0ne-By-Hand!"


def test_whoever_has_a_chosen_password_sent_again_gets_a_generated_one(aws: Account) -> None:
    aws.steps("await_mfa", password_secret_arn=chosen(aws))
    aws.change(generation=2)
    aws.step("issue_password")
    assert aws.password() == aws.secret(generation=2) != "Chosen-0ne-By-Hand!"
    assert aws.secret(generation=1) is None


def test_a_chosen_password_that_the_policy_refuses_ends_it_without_showing_it(aws: Account) -> None:
    aws.steps("create_user", password_secret_arn=chosen(aws, "tooweak"))
    with pytest.raises(AwsCallFailed) as error:
        aws.step("issue_password")
    assert str(error.value) == "CreateLoginProfile: PasswordPolicyViolation"


def test_a_chosen_password_that_is_gone_meanwhile_ends_it(aws: Account) -> None:
    arn = chosen(aws)
    aws.steps("create_user", password_secret_arn=arn)
    aws.secretsmanager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    with pytest.raises(AwsCallFailed, match=r"^GetSecretValue: ResourceNotFoundException$"):
        aws.step("issue_password")
    assert aws.password() is None


def test_a_resent_password_is_another_one_and_the_old_is_gone(aws: Account) -> None:
    aws.steps("await_mfa")
    first = aws.secret()
    aws.change(generation=2)
    aws.step("issue_password")
    assert aws.secret(generation=2) == aws.password() != first
    assert aws.secret(generation=1) is None


def test_no_earlier_password_is_forgotten_though_a_resend_failed_in_between(aws: Account) -> None:
    aws.steps("await_mfa")
    aws.change(generation=3)
    aws.step("issue_password")
    assert [aws.secret(generation=generation) for generation in (1, 2)] == [None, None]


def test_a_cancellation_is_seen_before_anything_is_made(created: Account) -> None:
    created.change(cancelled_by="olga")
    with pytest.raises(Cancelled):
        created.step("issue_password")
    assert created.wire.names("CreateSecret", "CreateLoginProfile") == []


@pytest.mark.parametrize("status", sorted(set(Status) - {"PROVISIONING", "PENDING_MFA"}))
def test_no_password_is_made_for_a_record_in_any_other_status(created: Account, status: Status) -> None:
    created.change(status=status)
    with pytest.raises(RecordClosed, match=status):
        created.step("issue_password")
    assert created.wire.names("CreateSecret", "CreateLoginProfile") == []


@pytest.mark.parametrize("answer", [{}, {"RandomPassword": 5}])
def test_an_answer_of_an_unheard_of_shape_sets_no_password(created: Account, answer: dict[str, Any]) -> None:
    created.wire.answer("GetRandomPassword", answer)
    with pytest.raises(Exception, match=r".*"):
        created.step("issue_password")
    assert created.password() is None
