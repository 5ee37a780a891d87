"""Users behave as in IAM."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def test_get_user_without_a_name_answers_with_the_caller(aws: Any) -> None:
    assert aws.client("iam", **aws.user("me", EVERYTHING)).get_user()["User"]["UserName"] == "me"


def test_names_that_differ_in_case_alone_cannot_stand_side_by_side(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="Ann.Case")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="ann.case")


def test_the_details_of_all_users_show_their_boundaries(aws: Any) -> None:
    iam = aws.client("iam")
    boundary = iam.create_policy(PolicyName="bound", PolicyDocument=aws.policy(EVERYTHING))["Policy"]["Arn"]
    iam.create_user(UserName="shown-bounded", PermissionsBoundary=boundary)
    iam.create_user(UserName="shown-unbounded")
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    shown = {user["UserName"]: user.get("PermissionsBoundary") for page in pages for user in page["UserDetailList"]}
    assert shown["shown-bounded"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    assert shown["shown-unbounded"] is None


def test_a_user_with_a_login_profile_cannot_be_deleted(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="with-profile")
    iam.create_login_profile(UserName="with-profile", Password="Correct-Horse-1")
    refuses_deletion(iam, "with-profile")


def test_a_user_with_an_mfa_device_cannot_be_deleted(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="with-device")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="with-device")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName="with-device",
        SerialNumber=serial,
        AuthenticationCode1="123456",
        AuthenticationCode2="654321",
    )
    refuses_deletion(iam, "with-device")


def test_a_user_in_a_group_cannot_be_deleted(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="in-group")
    iam.create_group(GroupName="holding")
    iam.add_user_to_group(GroupName="holding", UserName="in-group")
    refuses_deletion(iam, "in-group")


def test_a_user_with_an_inline_policy_cannot_be_deleted(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="with-inline")
    iam.put_user_policy(UserName="with-inline", PolicyName="p", PolicyDocument=aws.policy(EVERYTHING))
    refuses_deletion(iam, "with-inline")


@pytest.mark.parametrize(
    ("create", "listed", "delete", "identifier"),
    [
        (
            ("upload_signing_certificate", {"CertificateBody": "body"}),
            ("list_signing_certificates", "Certificates"),
            "delete_signing_certificate",
            "CertificateId",
        ),
        (
            ("upload_ssh_public_key", {"SSHPublicKeyBody": "ssh-rsa body"}),
            ("list_ssh_public_keys", "SSHPublicKeys"),
            "delete_ssh_public_key",
            "SSHPublicKeyId",
        ),
        (
            ("create_service_specific_credential", {"ServiceName": "codecommit.amazonaws.com"}),
            ("list_service_specific_credentials", "ServiceSpecificCredentials"),
            "delete_service_specific_credential",
            "ServiceSpecificCredentialId",
        ),
    ],
    ids=["signing certificate", "SSH key", "service-specific credential"],
)
def test_other_credentials_are_listed_hold_the_user_and_can_be_deleted(
    aws: Any, create: Any, listed: Any, delete: str, identifier: str
) -> None:
    iam, name = aws.client("iam"), f"with-{identifier}"
    iam.create_user(UserName=name)
    getattr(iam, create[0])(UserName=name, **create[1])
    refuses_deletion(iam, name)
    (found,) = getattr(iam, listed[0])(UserName=name)[listed[1]]
    getattr(iam, delete)(UserName=name, **{identifier: found[identifier]})
    assert getattr(iam, listed[0])(UserName=name)[listed[1]] == []
    iam.delete_user(UserName=name)


def refuses_deletion(iam: Any, name: str) -> None:
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_user(UserName=name)
