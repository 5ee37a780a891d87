"""The two APIs have the routes that callers were promised, each open to whom it should be."""

import json
import re
from typing import Any

import pytest

from gatehouse import catalogue, people
from tests.wiring.template import functions, of_type, template

ROUTES = {
    ("Api", "POST", "/onboardings"): "submit_onboarding",
    ("Api", "GET", "/onboardings"): "read_onboardings",
    ("Api", "GET", "/onboardings/{id}"): "read_onboardings",
    ("Api", "POST", "/onboardings/{id}/decision"): "decide_onboarding",
    ("Api", "POST", "/onboardings/{id}/resend"): "resend_instructions",
    ("Api", "POST", "/onboardings/{id}/cancel"): "cancel_onboarding",
    ("Api", "POST", "/onboardings/{id}/reissue"): "reissue_secret",
    ("Api", "POST", "/onboardings/{id}/mfa-reset"): "request_mfa_reset",
    ("Api", "POST", "/users/{name}/restore"): "restore_user",
    ("Api", "GET", "/account/health"): "check_account_health",
    ("Api", "GET", "/openapi.json"): "describe_api",
    ("Api", "POST", "/compliance/sweeps"): "request_sweep",
    ("Api", "GET", "/compliance/sweeps/{sweep_id}"): "read_sweeps",
    ("ClaimApi", "GET", "/claim"): "serve_claim_page",
    ("ClaimApi", "POST", "/claim"): "claim_secret",
}
READING = {
    ("GET", "/onboardings"),
    ("GET", "/onboardings/{id}"),
    ("GET", "/compliance/sweeps/{sweep_id}"),
    ("GET", "/openapi.json"),
}
LOOKING_AFTER = {("POST", "/onboardings/{id}/resend"), ("POST", "/onboardings/{id}/cancel")}
ALLOWED = {
    "RequesterPolicy": READING | LOOKING_AFTER | {("POST", "/onboardings")},
    "ApproverPolicy": READING | {("POST", "/onboardings/{id}/decision")},
    "OperatorPolicy": READING
    | LOOKING_AFTER
    | {
        ("POST", "/onboardings/{id}/reissue"),
        ("POST", "/onboardings/{id}/mfa-reset"),
        ("POST", "/users/{name}/restore"),
        ("GET", "/account/health"),
        ("POST", "/compliance/sweeps"),
    },
}


def properties(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = template()["Resources"][logical_id]["Properties"]
    return found


def test_every_promised_route_is_there_and_no_other() -> None:
    found = {}
    for stem, function in functions().items():
        for event in properties(function.logical_id).get("Events", {}).values():
            if event["Type"] == "Api":
                route = event["Properties"]
                found[route["RestApiId"]["Ref"], route["Method"].upper(), route["Path"]] = stem
    assert found == ROUTES


def test_the_api_asks_for_a_signature_and_keeps_the_caller_s_credentials_out() -> None:
    assert properties("Api")["Auth"] == {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"}


def test_the_claim_api_asks_for_none_and_is_throttled() -> None:
    claim_api = properties("ClaimApi")
    assert "Auth" not in claim_api
    posts = [one for one in claim_api["MethodSettings"] if one["HttpMethod"] == "POST"]
    assert [one["ResourcePath"] for one in posts] == ["/~1claim"]
    assert all(one["ThrottlingRateLimit"] <= 5 for one in posts)


def test_every_route_of_the_claim_api_has_a_throttle_of_its_own_and_so_has_the_rest() -> None:
    """API Gateway encodes the slashes of a path as ~1; a path written otherwise would throttle nothing."""
    settings = {(one["ResourcePath"], one["HttpMethod"]): one for one in properties("ClaimApi")["MethodSettings"]}
    routes = {("/" + path.replace("/", "~1"), method) for api, method, path in ROUTES if api == "ClaimApi"}
    assert set(settings) == routes | {("/*", "*")}
    for one in settings.values():
        assert 0 < one["ThrottlingRateLimit"] <= one["ThrottlingBurstLimit"] <= 40


@pytest.mark.parametrize("api", ["Api", "ClaimApi"])
def test_no_api_traces_bodies_or_has_a_second_stage(api: str) -> None:
    described = properties(api)
    assert all(one["DataTraceEnabled"] is False for one in described["MethodSettings"])
    assert (described["StageName"], described["OpenApiVersion"]) == ("v1", "3.0.1")
    assert "AccessLogSetting" not in described


@pytest.mark.parametrize("api", ["Api", "ClaimApi"])
def test_what_the_gateway_refuses_itself_is_a_problem_document_too(api: str) -> None:
    for answer in properties(api)["GatewayResponses"].values():
        (text,) = answer["ResponseTemplates"].values()
        problem = json.loads(text)
        assert problem["type"].startswith("urn:gatehouse:problem:")
        assert problem["status"] == answer["StatusCode"]
        assert {"title", "detail"} <= set(problem)
        assert answer["ResponseParameters"]["Headers"] == {"Content-Type": "'application/problem+json'"}


@pytest.mark.parametrize("api", ["Api", "ClaimApi"])
def test_the_gateway_s_own_403_404_413_and_429_are_covered(api: str) -> None:
    statuses = {answer["StatusCode"] for answer in properties(api)["GatewayResponses"].values()}
    assert {403, 404, 413, 429, 500} <= statuses


@pytest.mark.parametrize("policy", ALLOWED)
def test_a_policy_opens_the_routes_of_its_people_and_no_other(policy: str) -> None:
    statements = properties(policy)["PolicyDocument"]["Statement"]
    (call,) = [one for one in statements if one["Action"] == "execute-api:Invoke"]
    opened = {re.sub(r".*\$\{Api\}/v1/(\w+)(/.*)", r"\1 \2", one["Fn::Sub"]) for one in call["Resource"]}
    assert opened == {re.sub(r"\{\w+\}", "*", f"{method} {path}") for method, path in ALLOWED[policy]}


def test_the_stack_tells_what_a_program_needs() -> None:
    outputs = template()["Outputs"]
    assert {"ApiUrl", "ClaimUrl", "OnboardingStateMachineArn", "TableName"} <= set(outputs)
    assert outputs["ApiUrl"]["Value"]["Fn::Sub"].endswith("/v1")
    assert all(one["Fn::Sub"].endswith("/claim") for one in outputs["ClaimUrl"]["Value"]["Fn::If"][1:])


def test_the_stack_takes_the_parameters_that_were_promised() -> None:
    parameters = template()["Parameters"]
    seconds = {"ApprovalTimeoutSeconds", "MfaTimeoutSeconds", "ClaimTtlSeconds"}
    assert seconds | {"FollowUpSchedule", "ClaimOrigin", "Approvers", "Operators", "SenderAddress"} <= set(parameters)
    assert all(parameters[name]["Type"] == "Number" and parameters[name]["MinValue"] == 1 for name in seconds)
    assert [name for name, one in parameters.items() if "Default" not in one] == ["SenderAddress"]


def test_the_labels_of_the_catalogue_are_in_the_parameter_s_default() -> None:
    labels = {label for profile in catalogue.profiles().values() for label in profile["approvers"]}
    assert set(json.loads(template()["Parameters"]["Approvers"]["Default"])) == labels


def people_roles() -> dict[str, dict[str, Any]]:
    """The roles that the template makes for people, by name."""
    roles = [role["Properties"] for role in of_type("AWS::IAM::Role").values()]
    return {role["RoleName"]: role for role in roles if "RoleName" in role}


@pytest.mark.parametrize("name", sorted(people.PINNED_ROLES))
def test_a_role_that_stands_for_a_person_pins_the_session_to_the_user_s_name(name: str) -> None:
    roles = [
        role["Properties"] for role in of_type("AWS::IAM::Role").values() if role["Properties"].get("RoleName") == name
    ]
    (statement,) = roles[0]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"sts:RoleSessionName": "${aws:username}"}


def assumable() -> set[str]:
    """The roles that the catalogue's templates let somebody become."""
    statements = [one for template in catalogue.policy_templates().values() for one in template["statements"]]
    return {one["Resource"].rsplit("/", 1)[-1] for one in statements if one["Action"] == "sts:AssumeRole"}


def test_the_catalogue_knows_a_role_to_assume() -> None:
    assert assumable() == set(people.PINNED_ROLES)


@pytest.mark.parametrize("name", sorted(assumable()))
def test_a_role_that_a_template_names_exists_wants_mfa_and_carries_the_guard(name: str) -> None:
    role = people_roles()[name]
    assert role["Path"] == "/gatehouse/"
    assert role["PermissionsBoundary"] == {"Ref": "BoundaryRole"}
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"].endswith(":user/gatehouse/*")
