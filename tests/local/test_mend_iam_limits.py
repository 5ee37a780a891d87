"""Policies have their quotas."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def document(characters: int) -> str:
    """A policy of that many characters, not counting its white space."""
    statement = {"Sid": "", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    empty = {"Version": "2012-10-17", "Statement": [statement]}
    statement["Sid"] = "x" * (characters - len("".join(json.dumps(empty).split())))
    return json.dumps(empty, indent=8)


def test_a_managed_policy_has_6144_characters_at_most(aws: Any) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="just-fits", PolicyDocument=document(6144))["Policy"]["Arn"]
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_policy(PolicyName="too-long", PolicyDocument=document(6145))
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(6145), SetAsDefault=True)


def test_a_template_cannot_make_a_longer_one_either(aws: Any) -> None:
    cloudformation = aws.client("cloudformation")
    properties = {"PolicyDocument": json.loads(document(6145))}
    template = {"Resources": {"Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}}
    cloudformation.create_stack(
        StackName="too-long",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        OnFailure="DO_NOTHING",
    )
    with pytest.raises(Exception, match="StackCreateComplete"):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="too-long", WaiterConfig={"Delay": 0.1, "MaxAttempts": 50}
        )


def test_the_inline_policies_of_a_user_share_2048_characters(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="inlined")
    iam.put_user_policy(UserName="inlined", PolicyName="one", PolicyDocument=document(1024))
    iam.put_user_policy(UserName="inlined", PolicyName="two", PolicyDocument=document(1024))
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.put_user_policy(UserName="inlined", PolicyName="three", PolicyDocument=document(100))


def test_a_user_has_ten_managed_policies_at_most(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="eleven")
    for number in range(11):
        arn = iam.create_policy(PolicyName=f"of-eleven-{number}", PolicyDocument=document(200))["Policy"]["Arn"]
        if number < 10:
            iam.attach_user_policy(UserName="eleven", PolicyArn=arn)
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.attach_user_policy(UserName="eleven", PolicyArn=arn)


def test_a_policy_that_does_not_exist_cannot_be_attached(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="attached-to-nothing")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.attach_user_policy(UserName="attached-to-nothing", PolicyArn="arn:aws:iam::123456789012:policy/none")
