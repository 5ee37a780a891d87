"""The OpenAPI description says what the template and the code do, no more and no less."""

import ast
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from gatehouse import model, onboarding_request
from gatehouse.edges import claim_secret
from tests.wiring import code, description
from tests.wiring.template import functions
from tests.wiring.test_apis import ALLOWED, properties

OPERATIONS = pytest.mark.parametrize(("method", "path"), description.operations())
RUNBOOK_ONLY = {"used-already"}
"""A run of the runbook is refused so: no answer of an API."""


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = description.document()["components"]["schemas"][name]
    return found


def routes(api: str) -> set[tuple[str, str]]:
    """Method and path of every event of an API."""
    events = [event for one in functions().values() for event in properties(one.logical_id).get("Events", {}).values()]
    found = [event["Properties"] for event in events if event["Type"] == "Api"]
    return {(one["Method"].upper(), one["Path"]) for one in found if one["RestApiId"]["Ref"] == api}


def test_every_route_is_described_and_no_other() -> None:
    public = {route for route, one in description.operations().items() if one.get("security") == []}
    assert public == routes("ClaimApi")
    assert set(description.operations()) - public == routes("Api")


def test_the_routes_of_the_claim_api_name_its_address() -> None:
    with_servers = {path for path, item in description.document()["paths"].items() if "servers" in item}
    assert with_servers == {path for _, path in routes("ClaimApi")}


@OPERATIONS
def test_an_operation_is_for_those_whom_a_managed_policy_opens_it(method: str, path: str) -> None:
    opened = {policy.removesuffix("Policy").lower() for policy, theirs in ALLOWED.items() if (method, path) in theirs}
    assert set(description.operations()[method, path]["tags"]) == (opened or {"user"})


def test_the_statuses_are_those_of_a_record() -> None:
    assert schema("Status")["enum"] == [status.value for status in model.Status]
    assert schema("Onboarding")["properties"]["purpose"]["enum"] == [purpose.value for purpose in model.Purpose]


@pytest.mark.parametrize("name", ["Grants", "Requester", "Approval", "Decision", "TimelineEntry"])
def test_a_part_of_a_record_has_the_fields_that_it_has(name: str) -> None:
    described = schema(name)
    assert list(described["properties"]) == [field.name for field in fields(getattr(model, name))]
    assert described["required"] == list(described["properties"])


def test_a_request_is_described_once() -> None:
    asked = onboarding_request.schema()["properties"]
    shown = schema("Onboarding")["properties"]
    assert {name: shown[name] for name in asked} == {
        name: {"$ref": f"#/components/schemas/OnboardingRequest/properties/{name}"} for name in asked
    }


def test_the_problems_are_those_that_the_code_and_the_gateway_answer_with() -> None:
    gateway = [one["ResponseTemplates"]["application/json"] for one in properties("Api")["GatewayResponses"].values()]
    answered = {json.loads(text)["type"].removeprefix(description.PROBLEM) for text in gateway} | set(slugs_of_code())
    assert set(description.slugs(description.document())) == answered - RUNBOOK_ONLY


def slugs_of_code() -> Iterator[str]:
    """What the code gives to a parameter called `slug`."""
    for module in code.modules().values():
        takers = {"Problem": 1} | {
            node.name: [argument.arg for argument in node.args.args].index("slug")
            for node in ast.walk(module)
            if isinstance(node, ast.FunctionDef) and "slug" in [argument.arg for argument in node.args.args]
        }
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in takers:
                yield from slugs_of(call.args[takers[call.func.id]])


def slugs_of(argument: ast.expr) -> Iterator[str]:
    """A constant is one; the claim's are put together; a parameter handed on was counted where it came from."""
    if isinstance(argument, ast.Constant):
        yield argument.value
    elif isinstance(argument, ast.JoinedStr):
        assert ast.unparse(argument) == "f'claim-{why}'"
        yield from (f"claim-{why}" for why in claim_secret._LATE)


@OPERATIONS
def test_what_the_gateway_answers_by_itself_is_told_of(method: str, path: str) -> None:
    """Its 403 is that of IAM, and its 413 that of a body."""
    own = {"429", "500", "504"} | ({"403"} if (method, path) in routes("Api") else set())
    assert own | ({"413"} if method == "POST" else set()) <= set(description.responses(method, path))


@OPERATIONS
def test_every_example_is_as_it_is_described(method: str, path: str) -> None:
    operation = description.operations()[method, path]
    bodies = [operation.get("requestBody", {}), *description.responses(method, path).values()]
    for content in (one for body in bodies for one in body.get("content", {}).values()):
        examples = [one["value"] for one in content.get("examples", {}).values()]
        for example in [*examples, *([content["example"]] if "example" in content else [])]:
            assert description.wrong_in(content["schema"], example) == []


@OPERATIONS
def test_every_body_that_is_sent_has_an_example(method: str, path: str) -> None:
    sent = description.operations()[method, path].get("requestBody", {}).get("content", {}).values()
    assert all({"example", "examples"} & set(content) for content in sent)


def test_every_component_is_used_and_every_reference_leads_somewhere() -> None:
    text = json.dumps(description.document())
    parts = description.document()["components"]
    unused = [
        f"#/components/{kind}/{name}"
        for kind in ("parameters", "headers", "responses", "schemas")
        for name in parts[kind]
        if f'"#/components/{kind}/{name}' not in text
    ]
    assert unused == []
    for reference in references(description.document()):
        description.resolved({"$ref": reference})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
