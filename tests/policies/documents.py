"""The policy documents of the template, as IAM would hold them after a deployment."""

import re
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK = "gatehouse"

Document = dict[str, Any]


def pseudo_parameters(stack: str = STACK, partition: str = "aws") -> dict[str, str]:
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": partition,
        "AWS::Region": REGION,
        "AWS::StackName": stack,
    }


def load_template(values: dict[str, str]) -> Document:
    """The template with Ref and Sub of pseudo parameters resolved; other references become their names."""
    loader = type("TemplateLoader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", _by_name)
    loader.add_constructor("!Sub", lambda reader, node: _substitute(reader, node, values))
    loader.add_constructor("!Ref", lambda _, node: values.get(node.value, node.value))
    loader.add_constructor("!GetAtt", lambda _, node: _key_arn(node, values))
    return yaml.load(TEMPLATE.read_text(), loader)


def guard_documents(stack: str = STACK, partition: str = "aws") -> dict[str, Document]:
    """Every managed policy of the template by its logical ID."""
    resources = load_template(pseudo_parameters(stack, partition))["Resources"]
    return {
        name: resource["Properties"]["PolicyDocument"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }


def statements(document: Document) -> dict[str, Document]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


def _substitute(reader: Any, node: Any, values: dict[str, str]) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return f"{reader.construct_sequence(node, deep=True)}"
    return re.sub(
        r"\$\{(!?)([^}]+)\}",
        lambda match: f"${{{match[2]}}}" if match[1] else values.get(match[2], match[2]),
        node.value,
    )


def _key_arn(node: Any, values: dict[str, str]) -> str:
    """Only keys are named by attribute in the guard; the logical ID stands for the key's id."""
    name = str(node.value).removesuffix(".Arn")
    return f"arn:{values['AWS::Partition']}:kms:{REGION}:{ACCOUNT}:key/{name}"


def _by_name(_: Any, suffix: str, node: Any) -> str:
    return f"{suffix} {node.value}"
