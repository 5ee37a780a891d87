"""The rules of AWS that the tests add to moto. Where a test passes without them, moto has learnt the rule."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from tests.unit import aws_rules

ALONE = pytest.param(
    "moto alone",
    # A pass here says that moto no longer needs the rule.
    marks=pytest.mark.xfail(strict=True, raises=BaseException, reason="moto does otherwise than AWS"),
)
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
GOOD = "Aa1!Aa1!Aa1!Aa1!"


@pytest.fixture(params=["with the rules", ALONE])
def _rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        if request.param == "with the rules":
            aws_rules.apply(monkeypatch)
        yield


@pytest.fixture
def iam(_rules: None) -> Any:
    client = boto3.client("iam")
    client.create_user(UserName="alice")
    return client


@pytest.fixture
def secrets(_rules: None) -> Any:
    return boto3.client("secretsmanager")


@pytest.fixture
def dynamodb(_rules: None) -> Any:
    return boto3.client("dynamodb")


def code(call: Any, **arguments: Any) -> str:
    """The code of the refusal."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return str(error.value.response["Error"]["Code"])


def policy(iam: Any, name: str) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=ANYTHING)["Policy"]["Arn"])


# What DeleteUser wants gone first, by what brings it about. (Policies moto knows about.)
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
LEFT: dict[str, Any] = {
    "a login profile": lambda iam: iam.create_login_profile(UserName="alice", Password=GOOD),
    "an access key": lambda iam: iam.create_access_key(UserName="alice"),
    "an MFA device": lambda iam: iam.enable_mfa_device(
        UserName="alice", SerialNumber="GAHT12345678", AuthenticationCode1="123456", AuthenticationCode2="123456"
    ),
    "a group": lambda iam: (
        iam.create_group(GroupName="some"),
        iam.add_user_to_group(GroupName="some", UserName="alice"),
    ),
    "an SSH key": lambda iam: iam.upload_ssh_public_key(UserName="alice", SSHPublicKeyBody="ssh-rsa AAAA"),
    "a service credential": lambda iam: iam.create_service_specific_credential(
        UserName="alice", ServiceName="codecommit.amazonaws.com"
    ),
}


@pytest.mark.parametrize("left", LEFT)
def test_a_user_of_whom_something_is_left_is_not_deleted(iam: Any, left: str) -> None:
    LEFT[left](iam)
    assert code(iam.delete_user, UserName="alice") == "DeleteConflict"


def test_a_virtual_device_in_use_is_not_deleted(iam: Any) -> None:
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "123456"}
    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, **codes)
    assert code(iam.delete_virtual_mfa_device, SerialNumber=serial) == "DeleteConflict"


def test_names_are_unique_without_regard_to_case(iam: Any) -> None:
    assert code(iam.create_user, UserName="ALICE") == "EntityAlreadyExists"


@pytest.mark.parametrize("missing", ["arn:aws:iam::123456789012:policy/missing"])
def test_a_boundary_has_to_exist(iam: Any, missing: str) -> None:
    assert code(iam.create_user, UserName="bob", PermissionsBoundary=missing) == "NoSuchEntity"


def test_a_boundary_can_be_exchanged_and_is_shown(iam: Any) -> None:
    first, second = policy(iam, "first"), policy(iam, "second")
    iam.create_user(UserName="bob", PermissionsBoundary=first)
    assert iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == first
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=second)
    assert iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == second


def test_tags_whose_keys_differ_only_in_case_are_one_too_many(iam: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
    assert code(iam.create_user, UserName="bob", Tags=tags) == "InvalidInput"


def test_an_eleventh_policy_is_not_attached(iam: Any) -> None:
    arns = [policy(iam, f"policy-{number}") for number in range(11)]
    for arn in arns[:10]:
        iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    iam.attach_user_policy(UserName="alice", PolicyArn=arns[0])
    assert code(iam.attach_user_policy, UserName="alice", PolicyArn=arns[10]) == "LimitExceeded"


@pytest.mark.parametrize("password", ["Aa1!", "aaaaaaaaaaaa", "aaaaaaaaaaA", "A" * 100 + "a1" * 20])
def test_without_a_policy_of_the_account_a_password_has_to_fit_aws_s_own(iam: Any, password: str) -> None:
    assert code(iam.create_login_profile, UserName="alice", Password=password) == "PasswordPolicyViolation"


@pytest.mark.parametrize("password", ["Aa1!", "aaaaaaa1!aaaaaaa", "AAAAAAA1!AAAAAAA", "AAaa1111AAaa1111"])
def test_a_password_has_to_fit_the_account_s_policy(iam: Any, password: str) -> None:
    iam.create_login_profile(UserName="alice", Password=GOOD)
    iam.update_account_password_policy(
        MinimumPasswordLength=14,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
    )
    assert code(iam.update_login_profile, UserName="alice", Password=password) == "PasswordPolicyViolation"


def test_a_demanded_reset_is_kept(iam: Any) -> None:
    iam.create_login_profile(UserName="alice", Password=GOOD, PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="alice")["LoginProfile"]["PasswordResetRequired"] is True


def test_service_credentials_are_listed_and_deleted(iam: Any) -> None:
    made = iam.create_service_specific_credential(UserName="alice", ServiceName="codecommit.amazonaws.com")
    known = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    listed = iam.list_service_specific_credentials(UserName="alice")["ServiceSpecificCredentials"]
    assert [one["ServiceSpecificCredentialId"] for one in listed] == [known]
    iam.delete_service_specific_credential(UserName="alice", ServiceSpecificCredentialId=known)
    assert iam.list_service_specific_credentials(UserName="alice")["ServiceSpecificCredentials"] == []


def test_a_name_that_is_scheduled_for_deletion_cannot_be_used_again(secrets: Any) -> None:
    secrets.create_secret(Name="some", SecretString="x")
    secrets.delete_secret(SecretId="some", RecoveryWindowInDays=7)
    assert code(secrets.create_secret, Name="some") == "InvalidRequestException"


def test_a_transaction_that_is_sent_again_takes_effect_once(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="some",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    new: Any = {"Put": {"TableName": "some", "Item": {"pk": {"S": "x"}}}}
    new["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[new], ClientRequestToken="the same")
    assert code(dynamodb.transact_write_items, TransactItems=[new]) == "TransactionCanceledException"


# Rules that moto has, and that the tests rely on all the same.


@pytest.fixture
def known_iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        aws_rules.apply(monkeypatch)
        client = boto3.client("iam")
        client.create_user(UserName="alice")
        yield client


def test_a_user_with_policies_is_not_deleted(known_iam: Any) -> None:
    arn = policy(known_iam, "attached")
    known_iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert code(known_iam.delete_user, UserName="alice") == "DeleteConflict"
    known_iam.detach_user_policy(UserName="alice", PolicyArn=arn)
    known_iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=ANYTHING)
    assert code(known_iam.delete_user, UserName="alice") == "DeleteConflict"
    known_iam.delete_user_policy(UserName="alice", PolicyName="inline")
    known_iam.delete_user(UserName="alice")


def test_a_version_of_a_secret_keeps_its_value(known_iam: Any) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="some")
    wanted = {"SecretId": "some", "ClientRequestToken": "0b6f2c1e-7d43-4a53-9c1f-2f8f4d1e9a70"}
    client.put_secret_value(SecretString="one", **wanted)
    client.put_secret_value(SecretString="one", **wanted)
    assert code(client.put_secret_value, SecretString="two", **wanted) == "ResourceExistsException"


def test_policies_of_aws_can_be_attached(known_iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
    aws_rules.add_aws_policies(iam_backends[DEFAULT_ACCOUNT_ID]["aws"], {arn})
    known_iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    (attached,) = known_iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]
    assert attached == {"PolicyName": "ViewOnlyAccess", "PolicyArn": arn}


# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html
def test_a_group_s_name_is_unique_without_regard_to_case(iam: Any) -> None:
    iam.create_group(GroupName="Auditors")
    assert code(iam.create_group, GroupName="auditors") == "EntityAlreadyExists"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
def test_a_user_is_in_ten_groups_at_most(iam: Any) -> None:
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in (*range(10), 9):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="alice")
    assert code(iam.add_user_to_group, GroupName="g10", UserName="alice") == "LimitExceeded"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
def test_all_inline_policies_of_a_user_have_2048_characters_at_most(iam: Any) -> None:
    def document(length: int) -> str:
        statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Sid": ""}
        bare = len(json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")))
        statement["Sid"] = "x" * (length - bare)
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4)

    for length in (1_000, 1_048, 1_048):
        iam.put_user_policy(UserName="alice", PolicyName=f"p{length}", PolicyDocument=document(length))
    too_long = {"UserName": "alice", "PolicyName": "p1048", "PolicyDocument": document(1_049)}
    assert code(iam.put_user_policy, **too_long) == "LimitExceeded"
