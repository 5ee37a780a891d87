"""Templates may hold the resource types that this one holds."""

import json
from typing import Any

import pytest

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def stack(aws: Any, name: str, resources: dict[str, Any]) -> Any:
    cloudformation = aws.client("cloudformation")
    template = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    return cloudformation


def test_a_group_comes_and_goes_with_its_stack(aws: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    properties = {
        "GroupName": "stacked",
        "ManagedPolicyArns": [READ_ONLY],
        "Policies": [{"PolicyName": "inline", "PolicyDocument": document}],
    }
    cloudformation = stack(aws, "with-group", {"Group": {"Type": "AWS::IAM::Group", "Properties": properties}})
    iam = aws.client("iam")
    attached = iam.list_attached_group_policies(GroupName="stacked")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ_ONLY]
    assert iam.list_group_policies(GroupName="stacked")["PolicyNames"] == ["inline"]
    cloudformation.delete_stack(StackName="with-group")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="with-group", WaiterConfig={"Delay": 0.1})
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_group(GroupName="stacked")


def test_an_alarm_may_watch_a_formula(aws: Any) -> None:
    def failing(metric: str) -> dict[str, Any]:
        watched = {"Metric": {"Namespace": "AWS/States", "MetricName": metric}, "Stat": "Sum", "Period": 300}
        return {"Id": metric.lower(), "ReturnData": False, "MetricStat": watched}

    properties = {
        "AlarmName": "failing",
        "Metrics": [{"Id": "all", "Expression": "SUM(METRICS())"}, failing("Failed"), failing("Aborted")],
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    stack(aws, "with-alarm", {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}})
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=["failing"])["MetricAlarms"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("Failed", "Sum", 300)


def test_a_secret_gets_its_resource_policy_from_the_template(aws: Any) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    resources = {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "stacked", "SecretString": "s"},
        },
        "Policy": {
            "Type": "AWS::SecretsManager::ResourcePolicy",
            "Properties": {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": policy},
        },
    }
    stack(aws, "with-secret", resources)
    found = aws.client("secretsmanager").get_resource_policy(SecretId="stacked")["ResourcePolicy"]
    assert json.loads(found) == policy


def test_a_role_gets_loses_and_changes_its_boundary_with_the_template(aws: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    properties = {"RoleName": "bounded", "AssumeRolePolicyDocument": trust}
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam = aws.client("iam")

    def boundary() -> str | None:
        return iam.get_role(RoleName="bounded")["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")

    def role(**more: str) -> dict[str, Any]:
        return {"Role": {"Type": "AWS::IAM::Role", "Properties": properties | more}}

    cloudformation = stack(aws, "with-role", role(PermissionsBoundary=READ_ONLY))
    seen = [boundary()]
    for resources in (role(PermissionsBoundary=administrator), role()):
        cloudformation.update_stack(
            StackName="with-role",
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_update_complete").wait(StackName="with-role", WaiterConfig={"Delay": 0.1})
        seen.append(boundary())
    assert seen == [READ_ONLY, administrator, None]


def test_a_function_keeps_to_the_concurrency_that_its_template_reserves(aws: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "reserved", "AssumeRolePolicyDocument": trust}}
    properties = {"FunctionName": "reserved", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Runtime": "python3.13"}
    properties |= {"Handler": "index.handler", "Code": {"ZipFile": "def handler(event, context): pass"}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {**properties, "ReservedConcurrentExecutions": 0}}
    stack(aws, "with-function", {"Role": role, "Function": function})
    functions = aws.client("lambda")
    assert functions.get_function_concurrency(FunctionName="reserved").get("ReservedConcurrentExecutions") == 0
    with pytest.raises(functions.exceptions.TooManyRequestsException):
        functions.invoke(FunctionName="reserved")
