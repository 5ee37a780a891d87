"""What IAM decided is decided as on AWS, and can be recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import deploy, process


def test_tags_on_a_new_user_take_a_right_of_their_own(aws: Any) -> None:
    create = {"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*"}
    tag = {"Effect": "Allow", "Action": "iam:TagUser", "Resource": "*"}
    tags = [{"Key": "k", "Value": "v"}]
    aws.client("iam", **aws.user("tagger", create, tag)).create_user(UserName="tagged-1", Tags=tags)
    creator = aws.client("iam", **aws.user("creator", create))
    creator.create_user(UserName="untagged")
    with pytest.raises(ClientError, match="AccessDenied"):
        creator.create_user(UserName="tagged-2", Tags=tags)


def test_tags_on_a_new_secret_take_a_right_of_their_own(aws: Any) -> None:
    create = {"Effect": "Allow", "Action": "secretsmanager:CreateSecret", "Resource": "*"}
    tag = {"Effect": "Allow", "Action": "secretsmanager:TagResource", "Resource": "*"}
    tags = [{"Key": "k", "Value": "v"}]
    keeper = aws.client("secretsmanager", **aws.user("keeper", create, tag))
    keeper.create_secret(Name="tagged-1", SecretString="s", Tags=tags)
    untagging = aws.client("secretsmanager", **aws.user("untagging", create))
    untagging.create_secret(Name="untagged", SecretString="s")
    with pytest.raises(ClientError, match="AccessDenied"):
        untagging.create_secret(Name="tagged-2", SecretString="s", Tags=tags)


def test_the_record_names_the_role_and_the_statement_of_every_decision(tmp_path: Path) -> None:
    record = tmp_path / "decisions.jsonl"
    try:
        url = f"http://127.0.0.1:{process.start(tmp_path, {'GATEHOUSE_IAM_DECISIONS': str(record)})}"
        iam = deploy.client("iam", url)
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        actions = ["dynamodb:PutItem", "iam:CreateUser", "iam:ListUsers", "iam:TagUser"]
        permission = {"Sid": "ListAndMake", "Effect": "Allow", "Action": actions, "Resource": "*"}
        role = iam.create_role(RoleName="recorded", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName="recorded", PolicyName="p", PolicyDocument=document(permission))
        assumed = deploy.client("sts", url).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        session = deploy.client("iam", url, assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        session.list_users()
        session.create_user(UserName="tagged", Tags=[{"Key": "k", "Value": "v"}])
        with pytest.raises(ClientError, match="AccessDenied"):
            session.list_roles()
        transact(url, assumed)
    finally:
        process.stop(tmp_path)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["role_name"], line["action"], line["decision"], line["sid"]) for line in lines] == [
        ("recorded", "iam:ListUsers", "Allow", "ListAndMake"),
        ("recorded", "iam:CreateUser", "Allow", "ListAndMake"),
        ("recorded", "iam:TagUser", "Allow", "ListAndMake"),
        ("recorded", "iam:ListRoles", "ImplicitDeny", ""),
        ("recorded", "dynamodb:PutItem", "Allow", "ListAndMake"),
        ("recorded", "dynamodb:PutItem", "Allow", "ListAndMake"),
    ]
    calls = [(line["request"], line["operation"]) for line in lines if line["action"] != "iam:TagUser"]
    assert [operation for _, operation in dict(calls).items()] == [
        "iam:ListUsers",
        "iam:CreateUser",
        "iam:ListRoles",
        "dynamodb:TransactWriteItems",
    ]


def transact(url: str, credentials: dict[str, str]) -> None:
    """Two writes in one call."""
    deploy.client("dynamodb", url).create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    puts = [{"Put": {"TableName": "table", "Item": {"pk": {"S": pk}}}} for pk in "ab"]
    deploy.client("dynamodb", url, *keys).transact_write_items(TransactItems=puts)


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
