"""API Gateway's own answers are worded by the template."""

import json
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PROBLEM = {
    "responseParameters": {"gatewayresponse.header.Content-Type": "'application/problem+json'"},
    "responseTemplates": {
        "application/json": '{"type": "urn:gatehouse:problem:$context.error.responseType",'
        ' "detail": $context.error.messageString}'
    },
}


@pytest.fixture(scope="module")
def addresses() -> dict[str, str]:
    return {}


@pytest.fixture
def address(aws: Any, addresses: dict[str, str]) -> str:
    """An API with one IAM-authorized method, made by CloudFormation from an OpenAPI body as SAM makes it."""
    if aws.url not in addresses:
        addresses[aws.url] = deployed(aws)
    return addresses[aws.url]


def deployed(aws: Any) -> str:
    operation = {
        "security": [{"AWS_IAM": []}],
        "responses": {},
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
        },
    }
    scheme = {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }
    body = {
        "openapi": "3.0.1",
        "info": {"title": "tested", "version": "1.0"},
        "paths": {"/things": {"get": operation}},
        "components": {"securitySchemes": {"AWS_IAM": scheme}},
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": PROBLEM},
    }
    api = {"Ref": "Api"}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": api}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": api, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
        },
    }
    template = {"Resources": resources, "Outputs": {"Id": {"Value": api}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="api", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="api", WaiterConfig={"Delay": 0.1})
    (output,) = cloudformation.describe_stacks(StackName="api")["Stacks"][0]["Outputs"]
    return f"{aws.url}/_aws/execute-api/{output['OutputValue']}/v1"


def is_problem(answer: requests.Response, kind: str) -> None:
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:gatehouse:problem:{kind}"


def signed(url: str, key: str, secret: str) -> requests.Response:
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)
    return requests.get(url, headers=dict(request.headers), timeout=5)


def test_an_unsigned_request_is_a_problem(address: str) -> None:
    is_problem(requests.get(f"{address}/things", timeout=5), "MISSING_AUTHENTICATION_TOKEN")


def test_an_unknown_route_is_a_problem(address: str) -> None:
    is_problem(requests.get(f"{address}/nothing", timeout=5), "MISSING_AUTHENTICATION_TOKEN")


def test_a_badly_signed_request_is_a_problem(aws: Any, address: str) -> None:
    caller = aws.user("bad-signer")
    is_problem(signed(f"{address}/things", caller["key"], "not-the-secret"), "INVALID_SIGNATURE")


def test_a_caller_whom_no_policy_allows_is_a_problem(aws: Any, address: str) -> None:
    is_problem(signed(f"{address}/things", **aws.user("not-allowed")), "ACCESS_DENIED")
