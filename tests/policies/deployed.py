"""What a deployment makes of the template: every resource after the Serverless transform, its ARN, its documents."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from tests.policies.documents import ACCOUNT, REGION, TEMPLATE, Document, pseudo_parameters

# The ARN of each type by its properties. What has none is changed through the resource it belongs to.
ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{r}:{a}:alarm:{AlarmName}",
    "AWS::DynamoDB::Table": "dynamodb:{r}:{a}:table/{TableName}",
    "AWS::Events::Rule": "events:{r}:{a}:rule/{Name}",
    "AWS::IAM::Group": "iam::{a}:group{Path}{GroupName}",
    "AWS::IAM::ManagedPolicy": "iam::{a}:policy{Path}{ManagedPolicyName}",
    "AWS::IAM::Role": "iam::{a}:role{Path}{logical_id}",
    "AWS::KMS::Alias": "kms:{r}:{a}:{AliasName}",
    "AWS::KMS::Key": "kms:{r}:{a}:key/{logical_id}",
    "AWS::Lambda::Function": "lambda:{r}:{a}:function:{FunctionName}",
    "AWS::Logs::LogGroup": "logs:{r}:{a}:log-group:{LogGroupName}",
    "AWS::S3::Bucket": "s3:::gatehouse-compliancebucket-1a2b3c",
    "AWS::SNS::Topic": "sns:{r}:{a}:{TopicName}",
    "AWS::SQS::Queue": "sqs:{r}:{a}:{QueueName}",
    "AWS::SSM::Document": "ssm:{r}:{a}:document/{Name}",
    "AWS::Scheduler::Schedule": "scheduler:{r}:{a}:schedule/default/{Name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{r}:{a}:secret:{Name}",
    "AWS::StepFunctions::StateMachine": "states:{r}:{a}:stateMachine:{StateMachineName}",
}
# Ref gives the ARN of these, and a name or an id of others, for which the logical ID stands.
REF_IS_ARN = {"AWS::IAM::ManagedPolicy", "AWS::StepFunctions::StateMachine"}

_AWS_MANAGED = Path(__file__).parent / "aws_managed.yaml"


class _NoManagedPolicies:
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
        resources: dict[str, Any] = transform(template, {}, _NoManagedPolicies())["Resources"]
    return resources


def arn_of(logical_id: str) -> str:
    """Raises KeyError for a type of which ARNS does not know the ARN."""
    resource = deployed()[logical_id]
    names = {
        name: resolved(value) for name, value in resource["Properties"].items() if isinstance(value, str) or _ref(value)
    }
    pattern = ARNS[resource["Type"]]
    return "arn:aws:" + pattern.format(r=REGION, a=ACCOUNT, logical_id=logical_id, **names)


def resolved(value: Any) -> Any:
    """Ref, GetAtt, If and Sub as CloudFormation fills them in, anywhere in a value; every condition holds."""
    if isinstance(value, list):
        return [resolved(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        # The branch that gives more.
        return resolved(value["Fn::If"][1])
    if reference := _ref(value):
        function, argument = reference
        if function == "Fn::Sub":
            return re.sub(r"\$\{(!?)([^}]+)\}", _substitution, argument)
        return _named(argument if isinstance(argument, str) else ".".join(argument))
    return {key: resolved(one) for key, one in value.items()}


def _ref(value: Any) -> tuple[str, Any] | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((function, argument),) = value.items()
    return (function, argument) if function in ("Ref", "Fn::Sub", "Fn::GetAtt") else None


def _substitution(match: re.Match[str]) -> str:
    return f"${{{match[2]}}}" if match[1] else _named(match[2])


def _named(reference: str) -> str:
    if reference in (known := pseudo_parameters()):
        return known[reference]
    logical_id, _, attribute = reference.partition(".")
    kind = deployed().get(logical_id, {}).get("Type")
    is_arn = attribute == "Arn" or (kind in REF_IS_ARN and not attribute)
    return arn_of(logical_id) if is_arn else logical_id


def aws_managed() -> dict[str, Document]:
    """AWS's own policies that roles of the stack and onboarded people carry, by name."""
    found: dict[str, Document] = yaml.safe_load(_AWS_MANAGED.read_text())
    return found


def documents_of_roles() -> dict[str, list[Document]]:
    """What each role may, by logical ID: its inline policies, and AWS's own that it carries."""
    return {
        logical_id: [
            *(
                aws_managed()[resolved(arn).rsplit("/", 1)[-1]]
                for arn in role["Properties"].get("ManagedPolicyArns", [])
            ),
            *(_valid(resolved(policy["PolicyDocument"])) for policy in role["Properties"].get("Policies", [])),
        ]
        for logical_id, role in deployed().items()
        if role["Type"] == "AWS::IAM::Role"
    }


def _valid(document: Document) -> Document:
    """SAM writes some documents without a version, which AWS takes for an old one that knows no variables."""
    return {"Version": "2008-10-17", **document}
