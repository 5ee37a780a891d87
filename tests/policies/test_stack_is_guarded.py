"""The guard names the stack's resources by pattern. Here every resource that a deployment makes is held against it, so
that one with a name of its own, or of a kind that the guard does not know, is found."""

from typing import Any

from tests.policies.deployed import arn_of, deployed, resolved
from tests.policies.documents import REGION, guard_documents
from tests.policies.evaluator import Request, decide
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, user_context

# A change of a resource of each type.
CHANGES = {
    "AWS::CloudWatch::Alarm": "cloudwatch:DeleteAlarms",
    "AWS::DynamoDB::Table": "dynamodb:PutItem",
    "AWS::Events::Rule": "events:PutTargets",
    "AWS::IAM::Group": "iam:AttachGroupPolicy",
    "AWS::IAM::ManagedPolicy": "iam:CreatePolicyVersion",
    "AWS::IAM::Role": "iam:DeleteRolePolicy",
    "AWS::KMS::Alias": "kms:UpdateAlias",
    "AWS::KMS::Key": "kms:PutKeyPolicy",
    "AWS::Lambda::Function": "lambda:UpdateFunctionCode",
    "AWS::Logs::LogGroup": "logs:DeleteLogGroup",
    "AWS::S3::Bucket": "s3:PutBucketPolicy",
    "AWS::SNS::Topic": "sns:SetTopicAttributes",
    "AWS::SQS::Queue": "sqs:SetQueueAttributes",
    "AWS::SSM::Document": "ssm:UpdateDocument",
    "AWS::Scheduler::Schedule": "scheduler:UpdateSchedule",
    "AWS::SecretsManager::Secret": "secretsmanager:GetSecretValue",
    "AWS::StepFunctions::StateMachine": "states:UpdateStateMachine",
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
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::ResourcePolicy",
}
# Whoever changes these keeps operators from hearing that a mail did not arrive, or from seeing a picture of what the
# alarms tell, and gains nothing by it. The guard has no characters left for everything that is merely of use.
WITHOUT_POWER = {
    "AWS::CloudWatch::Dashboard",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
}


def change_of(logical_id: str, resource: dict[str, Any]) -> Request:
    context: dict[str, str | list[str]] = user_context("true")
    if resource["Type"] == API:
        action, arn = "apigateway:PATCH", f"arn:aws:apigateway:{REGION}::/restapis/1a2b"
        tags = {tag["Key"]: resolved(tag["Value"]) for tag in resource["Properties"].get("Tags", [])}
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    else:
        action, arn = CHANGES[resource["Type"]], arn_of(logical_id)
    return Request(ALICE, action, arn, context, ("AdministratorAccess",), "BoundaryMember")


def test_the_guard_knows_every_type_of_resource_in_the_stack():
    types = {resource["Type"] for resource in deployed().values()}
    assert types - set(CHANGES) - {API} - CHANGED_THROUGH_THEIR_OWNERS == WITHOUT_POWER


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
