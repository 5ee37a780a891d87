"""A password that somebody chose stands in a secret that is meant for this, and is nobody else's."""

from typing import Any

import pytest

from gatehouse import chosen_password
from gatehouse.clients import client
from gatehouse.errors import InvalidRequest
from tests.unit.account import USER, Account

VALUE = "Chosen-0ne-By-Hand!"


def secret(
    aws: Account, name: str = "gatehouse-chosen-password/alice", user_name: str | None = USER, **made: Any
) -> str:
    """A secret for this user; returns its ARN."""
    tags = [{"Key": "team", "Value": "x"}] + ([{"Key": "gatehouse:user-name", "Value": user_name}] if user_name else [])
    made = {"SecretString": VALUE} | made
    arn: str = aws.secretsmanager.create_secret(Name=name, Tags=tags, **made)["ARN"]
    return arn


def problem(arn: str, user_name: str = USER) -> str | None:
    return chosen_password.problem(client("secretsmanager"), arn, user_name)


def test_a_secret_that_is_meant_for_this_user_is_sound(aws: Account) -> None:
    assert problem(secret(aws)) is None


def test_the_password_is_read_as_it_stands(aws: Account) -> None:
    assert chosen_password.read(client("secretsmanager"), secret(aws)) == VALUE


def test_whether_it_is_sound_is_told_without_reading_it(aws: Account) -> None:
    problem(secret(aws))
    assert aws.wire.names() == ["DescribeSecret"]


@pytest.mark.parametrize("user_name", ["bob", USER.upper(), None], ids=["another", "another case", "nobody"])
def test_somebody_else_s_password_is_not_handed_out(aws: Account, user_name: str | None) -> None:
    assert problem(secret(aws, user_name=user_name)) == f"must be a secret with the tag gatehouse:user-name = {USER}"


@pytest.mark.parametrize(
    "name",
    ["alice", "gatehouse/0b6f2c1e/password/1", "gatehouse-chosen-password", "my-gatehouse-chosen-password/alice"],
)
def test_no_other_secret_of_the_account_can_be_named(aws: Account, name: str) -> None:
    """A secret of Gatehouse's own among them."""
    assert problem(secret(aws, name)) == "must be a secret whose name begins with gatehouse-chosen-password/"
    assert aws.wire.names() == []


def test_a_secret_of_another_region_is_told_as_such(aws: Account) -> None:
    arn = secret(aws).replace("us-east-1", "eu-central-1")
    assert problem(arn) == "must be a secret of Region us-east-1"
    assert aws.wire.names() == []


def test_a_secret_that_does_not_exist_is_told_as_such(aws: Account) -> None:
    arn = secret(aws).replace("/alice", "/bob")
    assert problem(arn) == "must be a secret that exists"


def test_a_secret_that_is_being_deleted_has_no_value(aws: Account) -> None:
    arn = secret(aws)
    aws.secretsmanager.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert problem(arn) == "must be a secret that has a value"


def test_an_empty_secret_has_no_value(aws: Account) -> None:
    tags = [{"Key": chosen_password.FOR_TAG, "Value": USER}]
    arn = aws.secretsmanager.create_secret(Name="gatehouse-chosen-password/alice", Tags=tags)["ARN"]
    assert problem(arn) == "must be a secret that has a value"


def test_a_secret_under_a_key_that_gatehouse_may_not_use_is_told_before_anything_is_made(aws: Account) -> None:
    arn = secret(aws, KmsKeyId="arn:aws:kms:us-east-1:123456789012:key/own")
    assert str(problem(arn)).startswith("must be a secret under the key aws/secretsmanager")


@pytest.mark.parametrize(
    "key", ["alias/aws/secretsmanager", "arn:aws:kms:us-east-1:123456789012:alias/aws/secretsmanager"]
)
def test_a_secret_that_names_the_key_of_all_is_sound(aws: Account, key: str) -> None:
    assert problem(secret(aws, KmsKeyId=key)) is None


def test_bytes_are_no_password(aws: Account) -> None:
    tags = [{"Key": chosen_password.FOR_TAG, "Value": USER}]
    made = aws.secretsmanager.create_secret(
        Name="gatehouse-chosen-password/alice", SecretBinary=b"Chosen-0ne", Tags=tags
    )
    with pytest.raises(InvalidRequest, match="password_secret_arn must be a secret that holds text"):
        chosen_password.read(client("secretsmanager"), made["ARN"])


def test_a_fault_of_aws_is_no_fault_of_the_request(aws: Account) -> None:
    arn = secret(aws)
    aws.wire.refuse("DescribeSecret", "InternalServiceError", status=500)
    with pytest.raises(Exception, match="InternalServiceError"):
        problem(arn)
