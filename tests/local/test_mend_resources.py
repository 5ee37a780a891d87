"""Scoped statements match, because a call's resource is the one that AWS checks."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_a_statement_for_a_path_covers_users_below_it_and_no_others(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="path-below", Path="/gatehouse/")
    iam.create_user(UserName="path-root")
    caller = aws.client("iam", **aws.user("path-caller", allow("iam:ListUserTags", "arn:aws:iam::*:user/gatehouse/*")))
    caller.list_user_tags(UserName="path-below")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.list_user_tags(UserName="path-root")


def test_create_user_is_checked_against_the_path_that_it_asks_for(aws: Any) -> None:
    caller = aws.client("iam", **aws.user("path-maker", allow("iam:CreateUser", "arn:aws:iam::*:user/gatehouse/*")))
    caller.create_user(UserName="path-made", Path="/gatehouse/")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.create_user(UserName="path-not-made", Path="/")


def test_adding_to_a_group_is_checked_against_the_group(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_group(GroupName="of-users")
    iam.create_group(GroupName="of-admins")
    caller = aws.client("iam", **aws.user("group-adder", allow("iam:AddUserToGroup", "arn:aws:iam::*:group/of-users")))
    caller.add_user_to_group(GroupName="of-users", UserName="group-adder")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.add_user_to_group(GroupName="of-admins", UserName="group-adder")


def test_a_device_is_a_resource_of_its_own(aws: Any) -> None:
    caller = aws.client(
        "iam", **aws.user("device-maker", allow("iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/mine-*"))
    )
    caller.create_virtual_mfa_device(VirtualMFADeviceName="mine-1")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.create_virtual_mfa_device(VirtualMFADeviceName="other")


def test_a_call_that_names_no_user_is_checked_against_the_caller(aws: Any) -> None:
    caller = aws.client(
        "iam", **aws.user("self-looker", allow("iam:ListMFADevices", "arn:aws:iam::*:user/self-looker"))
    )
    assert caller.list_mfa_devices()["MFADevices"] == []


def test_sending_mail_is_checked_against_the_sender(aws: Any) -> None:
    aws.client("ses").verify_domain_identity(Domain="example.com")
    from_address = {"Condition": {"StringEquals": {"ses:FromAddress": "gate@example.com"}}}
    statement = allow("ses:SendEmail", "arn:aws:ses:*:*:identity/gate@example.com", **from_address)
    caller = aws.user("sender", statement)
    message = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "text"}}}
    to = {"ToAddresses": ["you@example.com"]}
    for sender in ("gate@example.com", "The Gate <gate@example.com>"):
        aws.client("sesv2", **caller).send_email(FromEmailAddress=sender, Destination=to, Content={"Simple": message})
        aws.client("ses", **caller).send_email(Source=sender, Destination=to, Message=message)
    for service, call in (
        ("sesv2", {"FromEmailAddress": "ceo@example.com", "Destination": to, "Content": {"Simple": message}}),
        ("ses", {"Source": "ceo@example.com", "Destination": to, "Message": message}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.client(service, **caller).send_email(**call)
