"""The catalogue says of each policy which way up it leaves open: the evaluator finds exactly these."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from gatehouse import catalogue, effective_grants
from tests.policies.documents import ACCOUNT, REGION, Document, guard_documents, load_template, pseudo_parameters
from tests.policies.evaluator import Request, decide
from tests.policies.requesters import ALICE, user_context

ROLE = f"arn:aws:iam::{ACCOUNT}:role/gatehouse/ResourceCreatorRole"
HERE = effective_grants.Account.of(f"arn:aws:iam::{ACCOUNT}:policy/gatehouse/gatehouse-")

# Something of each kind that is none of Gatehouse's.
SOMETHING = {
    "cloudformation:CreateStack": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/1",
    "cloudformation:UpdateStack": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/1",
    "cloudtrail:StopLogging": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all",
    "codebuild:StartBuild": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/shop",
    "ec2:RunInstances": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*",
    "ecs:ExecuteCommand": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop",
    "iam:PassRole": f"arn:aws:iam::{ACCOUNT}:role/shop",
    "lambda:CreateFunction": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop",
    "lambda:UpdateFunctionCode": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop",
    "s3:PutBucketPolicy": "arn:aws:s3:::shop",
    "secretsmanager:GetSecretValue": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop-AbCdEf",
    "ssm:SendCommand": f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0",
    "states:UpdateStateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop",
    "sts:AssumeRole": "arn:aws:iam::999999999999:role/partner",
}
CONTEXT: dict[str, dict[str, str | list[str]]] = {
    "iam:PassRole": {"iam:PassedToService": "lambda.amazonaws.com"},
    "sts:AssumeRole": {"aws:ResourceAccount": "999999999999"},
}


def test_every_way_up_has_something_to_try_it_on() -> None:
    assert {action for risk in catalogue.escalations().values() for action in risk["needs"]} == set(SOMETHING)


@pytest.mark.parametrize("name", catalogue.managed_policies())
def test_a_managed_policy_opens_past_the_guard_what_the_catalogue_says(name: str) -> None:
    assert sorted(catalogue.managed_policies()[name]["opens"]) == opened(managed(name), "BoundaryMember")


@pytest.mark.parametrize("name", catalogue.policy_templates())
def test_a_template_opens_past_the_guard_what_the_catalogue_says(name: str) -> None:
    document = json.loads(effective_grants.inline_policy(name, HERE))
    through_roles = {action for role in assumed(document) for action in opened(role, "BoundaryRole")}
    own = opened(document, "BoundaryMember")
    assert sorted(catalogue.policy_templates()[name]["opens"]) == sorted({*own, *through_roles})


def opened(document: Document, boundary: str) -> list[str]:
    """The actions of the known ways up that somebody with MFA and this document can still take."""
    documents = {**guard_documents(), "Granted": document}
    member = boundary == "BoundaryMember"
    requests = [
        Request(
            principal=ALICE if member else ROLE,
            action=action,
            resource=resource,
            context={**(user_context("true") if member else {}), **CONTEXT.get(action, {})},
            identity=("Granted",),
            boundary=boundary,
        )
        for action, resource in SOMETHING.items()
    ]
    answers = zip(requests, decide(documents, requests), strict=True)
    return sorted(asked.action for asked, answer in answers if answer.allowed)


def assumed(document: Document) -> Iterator[Document]:
    """The documents of the stack's roles that a policy lets somebody become."""
    resources = load_template(pseudo_parameters())["Resources"]
    for statement in document["Statement"]:
        if statement["Action"] == "sts:AssumeRole":
            role = resources[statement["Resource"].rsplit("/", 1)[-1]]["Properties"]
            yield from map(managed, role["ManagedPolicyArns"])


def managed(arn: str) -> Document:
    """A managed policy as AWS wrote it."""
    written: dict[str, Any] = _written()[arn.rsplit("/", 1)[-1]]
    document: Document = written["Document"]
    return document


@cache
def _written() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
