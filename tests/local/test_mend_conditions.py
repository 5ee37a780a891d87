"""Conditions and policy variables mean what they mean on AWS."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def allow(action: str | list[str], resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def test_the_policy_that_may_be_attached_can_be_named(aws: Any) -> None:
    statement = allow("iam:AttachUserPolicy", ArnEquals={"iam:PolicyARN": READ_ONLY})
    caller = aws.client("iam", **aws.user("attacher", statement))
    caller.attach_user_policy(UserName="attacher", PolicyArn=READ_ONLY)
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.attach_user_policy(UserName="attacher", PolicyArn=ADMINISTRATOR)


def test_a_user_can_only_be_made_and_changed_with_the_boundary_named(aws: Any) -> None:
    boundary = aws.client("iam").create_policy(
        PolicyName="boundary", PolicyDocument=aws.policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    )["Policy"]["Arn"]
    statement = allow(["iam:CreateUser", "iam:PutUserPolicy"], StringEquals={"iam:PermissionsBoundary": boundary})
    caller = aws.client("iam", **aws.user("bounder", statement))
    caller.create_user(UserName="bounded", PermissionsBoundary=boundary)
    caller.put_user_policy(UserName="bounded", PolicyName="p", PolicyDocument=aws.policy(allow("s3:*")))
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.create_user(UserName="unbounded")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.put_user_policy(UserName="bounder", PolicyName="p", PolicyDocument=aws.policy(allow("s3:*")))


def enrolled(aws: Any, name: str, *statements: dict[str, Any]) -> tuple[dict[str, str], str]:
    caller = aws.user(name, *statements)
    iam = aws.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    return caller, serial


def session(credentials: dict[str, str]) -> dict[str, str]:
    return {
        "key": credentials["AccessKeyId"],
        "secret": credentials["SecretAccessKey"],
        "token": credentials["SessionToken"],
    }


def test_a_session_got_for_a_code_has_mfa_and_one_without_has_not(aws: Any) -> None:
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    caller, serial = enrolled(aws, "mfa-user", allow("iam:ListUsers", **with_mfa))
    sts = aws.client("sts", **caller)
    proved = sts.get_session_token(SerialNumber=serial, TokenCode="123456")["Credentials"]
    aws.client("iam", **session(proved)).list_users()
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("iam", **session(sts.get_session_token()["Credentials"])).list_users()


def test_a_code_of_somebody_elses_device_proves_nothing(aws: Any) -> None:
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    caller, own = enrolled(aws, "mfa-thief", allow("iam:ListUsers", **with_mfa))
    _, other = enrolled(aws, "mfa-owner")
    sts = aws.client("sts", **caller)
    stolen = sts.get_session_token(SerialNumber=other, TokenCode="123456")["Credentials"]
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("iam", **session(stolen)).list_users()
    proved = sts.get_session_token(SerialNumber=own, TokenCode="123456")["Credentials"]
    aws.client("iam", **session(proved)).list_users()


def test_a_role_that_wants_mfa_is_assumed_with_a_code_and_passes_none_on(aws: Any) -> None:
    with_mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    caller, serial = enrolled(aws, "mfa-assumer", allow("sts:AssumeRole"))
    trust = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", **with_mfa}
    permissions = allow("iam:ListUsers", Bool={"aws:MultiFactorAuthPresent": "true"})
    role = aws.role("wants-mfa", trust, permissions, allow("iam:ListRoles"))
    sts = aws.client("sts", **caller)
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="session", SerialNumber=serial, TokenCode="123456")
    iam = aws.client("iam", **session(assumed["Credentials"]))
    iam.list_roles()
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.list_users()
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="session")


def test_a_resource_policy_that_spares_a_role_spares_its_sessions(aws: Any) -> None:
    trust = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = aws.role("issuer", trust, allow("secretsmanager:GetSecretValue"))
    caller = aws.user("issuer-caller", allow("sts:AssumeRole"), allow("secretsmanager:GetSecretValue"))
    secret = aws.client("secretsmanager").create_secret(Name="spared", SecretString="s")["ARN"]
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": role}},
    }
    aws.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=aws.policy(deny))
    assumed = aws.client("sts", **caller).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    aws.client("secretsmanager", **session(assumed)).get_secret_value(SecretId=secret)
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("secretsmanager", **caller).get_secret_value(SecretId=secret)


def test_tags_of_a_user_are_known_as_iam_resource_tags(aws: Any) -> None:
    aws.client("iam").create_user(UserName="tagged", Tags=[{"Key": "gatehouse:id", "Value": "1"}])
    statement = allow("iam:ListAccessKeys", StringEquals={"iam:ResourceTag/gatehouse:id": "1"})
    caller = aws.client("iam", **aws.user("tag-reader", statement))
    caller.list_access_keys(UserName="tagged")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.list_access_keys(UserName="tag-reader")


def test_a_boundary_alone_may_ask_for_a_resource_tag(aws: Any) -> None:
    aws.client("iam").create_user(UserName="fenced", Tags=[{"Key": "fence", "Value": "1"}])
    fence = aws.client("iam").create_policy(
        PolicyName="fence", PolicyDocument=aws.policy(allow("*", StringEquals={"aws:ResourceTag/fence": "1"}))
    )["Policy"]["Arn"]
    caller = aws.user("fenced-in", allow("iam:ListAccessKeys"))
    aws.client("iam").put_user_permissions_boundary(UserName="fenced-in", PermissionsBoundary=fence)
    aws.client("iam", **caller).list_access_keys(UserName="fenced")


def test_a_user_name_variable_stands_for_the_callers_own_name(aws: Any) -> None:
    own = "arn:aws:iam::*:user/*/${aws:username}"
    caller = aws.client("iam", **aws.user("variable", allow("iam:ListUserTags", own), path="/gatehouse/"))
    aws.client("iam").create_user(UserName="not-variable", Path="/gatehouse/")
    caller.list_user_tags(UserName="variable")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.list_user_tags(UserName="not-variable")


def test_a_trust_policy_may_pin_the_session_name_to_the_caller(aws: Any) -> None:
    pinned = {"Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}}
    role = aws.role("pinned", {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", **pinned})
    sts = aws.client("sts", **aws.user("pinned-caller", allow("sts:AssumeRole")))
    sts.assume_role(RoleArn=role, RoleSessionName="pinned-caller")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="somebody-else")


def test_a_call_counts_as_sent_encrypted(aws: Any) -> None:
    encrypted = allow("iam:ListUsers", Bool={"aws:SecureTransport": "true"})
    aws.client("iam", **aws.user("encrypted", encrypted)).list_users()
