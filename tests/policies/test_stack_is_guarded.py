"""The guard names the stack's resources by pattern. Here every resource that a deployment makes is held against it, so
that one with a name of its own, or of a kind that the guard does not know, is found."""

import re
from functools import cache
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from tests.policies.documents import ACCOUNT, REGION, TEMPLATE, guard_documents, pseudo_parameters
from tests.policies.evaluator import Request, decide
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, user_context

# A change of a resource of each type, and its ARN by the resource's properties.
CHANGES = {
    "AWS::CloudWatch::Alarm": ("cloudwatch:DeleteAlarms", "cloudwatch:{r}:{a}:alarm:{AlarmName}"),
    "AWS::DynamoDB::Table": ("dynamodb:PutItem", "dynamodb:{r}:{a}:table/{TableName}"),
    "AWS::Events::Rule": ("events:PutTargets", "events:{r}:{a}:rule/{Name}"),
    "AWS::IAM::Group": ("iam:AttachGroupPolicy", "iam::{a}:group{Path}{GroupName}"),
    "AWS::IAM::ManagedPolicy": ("iam:CreatePolicyVersion", "iam::{a}:policy{Path}{ManagedPolicyName}"),
    "AWS::IAM::Role": ("iam:DeleteRolePolicy", "iam::{a}:role{Path}{logical_id}"),
    "AWS::KMS::Alias": ("kms:UpdateAlias", "kms:{r}:{a}:{AliasName}"),
    "AWS::KMS::Key": ("kms:PutKeyPolicy", "kms:{r}:{a}:key/{logical_id}"),
    "AWS::Lambda::Function": ("lambda:UpdateFunctionCode", "lambda:{r}:{a}:function:{FunctionName}"),
    "AWS::Logs::LogGroup": ("logs:DeleteLogGroup", "logs:{r}:{a}:log-group:{LogGroupName}"),
    "AWS::SNS::Topic": ("sns:SetTopicAttributes", "sns:{r}:{a}:{TopicName}"),
    "AWS::SQS::Queue": ("sqs:SetQueueAttributes", "sqs:{r}:{a}:{QueueName}"),
    "AWS::SSM::Document": ("ssm:UpdateDocument", "ssm:{r}:{a}:document/{Name}"),
    "AWS::Scheduler::Schedule": ("scheduler:UpdateSchedule", "scheduler:{r}:{a}:schedule/default/{Name}"),
    "AWS::SecretsManager::Secret": ("secretsmanager:GetSecretValue", "secretsmanager:{r}:{a}:secret:{Name}"),
    "AWS::StepFunctions::StateMachine": (
        "states:UpdateStateMachine",
        "states:{r}:{a}:stateMachine:{StateMachineName}",
    ),
}
# By its tag, since its id is random.
API = "AWS::ApiGateway::RestApi"
# These have no ARN of their own: they are changed through the function, queue, key, API or secret they belong to, or
# exist for CloudFormation alone.
CHANGED_THROUGH_THEIR_OWNERS = {
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Stage",
    "AWS::CloudFormation::CustomResource",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::ResourcePolicy",
}


class NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@cache
def deployed() -> dict[str, Any]:
    """The resources after the Serverless transform, the roles and permissions it adds among them."""
    template = yaml_parse(TEMPLATE.read_text())
    # Only `sam build` knows where code and definitions lie.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = "s3://bucket/key"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        return transform(template, {}, NoManagedPolicies())["Resources"]


def resolved(value: Any) -> str:
    parameters = pseudo_parameters()
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        value = f"${{{argument}}}" if function == "Ref" else argument
    return re.sub(r"\$\{([^}]+)\}", lambda match: parameters.get(match[1], match[0]), str(value))


def change_of(logical_id: str, resource: dict[str, Any]) -> Request:
    properties = {name: resolved(value) for name, value in resource["Properties"].items() if _is_name(value)}
    context: dict[str, str | list[str]] = user_context("true")
    if resource["Type"] == API:
        action, arn = "apigateway:PATCH", f"apigateway:{REGION}::/restapis/1a2b"
        tags = {tag["Key"]: resolved(tag["Value"]) for tag in resource["Properties"].get("Tags", [])}
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    else:
        action, pattern = CHANGES[resource["Type"]]
        arn = pattern.format(r=REGION, a=ACCOUNT, logical_id=logical_id, **properties)
    return Request(ALICE, action, f"arn:aws:{arn}", context, ("AdministratorAccess",), "BoundaryMember")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and set(value) <= {"Ref", "Fn::Sub"})


def test_the_guard_knows_every_type_of_resource_in_the_stack():
    types = {resource["Type"] for resource in deployed().values()}
    assert types - set(CHANGES) - {API} - CHANGED_THROUGH_THEIR_OWNERS == set()


def test_an_onboarded_administrator_can_change_no_resource_of_the_stack():
    changes = {
        logical_id: change_of(logical_id, resource)
        for logical_id, resource in deployed().items()
        if resource["Type"] in {*CHANGES, API}
    }
    documents = {**guard_documents(), "AdministratorAccess": ADMINISTRATOR_ACCESS}
    answers = dict(zip(changes, decide(documents, list(changes.values())), strict=True))
    assert [logical_id for logical_id, answer in answers.items() if answer.allowed] == []


def test_a_role_that_people_may_assume_carries_the_guard():
    for logical_id, resource in deployed().items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        trusted = [s["Principal"] for s in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]]
        if any("AWS" in principal for principal in trusted):
            assert resource["Properties"].get("PermissionsBoundary") == {"Ref": "BoundaryRole"}, logical_id


def test_only_the_runbook_is_trusted_by_systems_manager():
    """Onboarded people may pass the stack's roles to Systems Manager, for the runbook: no other role may trust it."""
    trusting = [
        logical_id
        for logical_id, resource in deployed().items()
        if resource["Type"] == "AWS::IAM::Role"
        and "ssm.amazonaws.com" in str(resource["Properties"]["AssumeRolePolicyDocument"])
    ]
    assert len(trusting) <= 1
