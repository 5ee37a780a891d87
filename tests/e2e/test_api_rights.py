"""Who may call what: the gateway's refusals, and the rights of requesters, approvers and operators."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.client import Person, send
from tests.e2e import asking

NOT_ALLOWED = [
    ("requester", "decide"),
    ("requester", "reissue"),
    ("requester", "reset"),
    ("approver", "submit"),
    ("approver", "resend"),
    ("approver", "cancel"),
    ("approver", "reissue"),
    ("approver", "reset"),
    ("operator", "submit"),
    ("operator", "decide"),
]
"""What the stack's managed policies leave out."""


@pytest.fixture(scope="module")
def somebody_else(stack: dict[str, Any]) -> Person:
    return asking.person_with(stack, "requester")


@pytest.fixture(scope="module")
def theirs(somebody_else: Person) -> asking.Onboarding:
    """An onboarding that somebody else requested."""
    return asking.needing_approval(somebody_else)


@pytest.mark.parametrize("route", asking.ROUTES)
def test_an_unsigned_call_is_forbidden(stack: dict[str, Any], route: str) -> None:
    method, path = asking.ROUTES[route]
    body = asking.as_json(asking.request()) if method == "POST" else None
    asking.problem(send(method, stack["api_url"] + path.format(id="x"), body), 403, "forbidden")


@pytest.mark.parametrize("route", asking.ROUTES)
def test_a_badly_signed_call_is_forbidden(stack: dict[str, Any], route: str, admin: Person) -> None:
    method, path = asking.ROUTES[route]
    forger = Person(stack, admin.access_key_id, "not-the-secret-access-key")
    asking.problem(forger.call(method, path.format(id="x"), {}), 403, "forbidden")


def test_keys_that_nobody_has_are_forbidden(stack: dict[str, Any]) -> None:
    asking.problem(Person(stack, "AKIA0000000000000000", "secret").get("/onboardings"), 403, "forbidden")


def test_a_signature_of_another_body_is_forbidden(stack: dict[str, Any], requester: Person) -> None:
    before = asking.traces(stack)
    address, headers = asking.signed(requester, "POST", "/onboardings", asking.as_json(asking.request()))
    another = asking.as_json(asking.request(profile="auditor"))
    asking.problem(send("POST", address, another, headers), 403, "forbidden")
    assert asking.traces(stack) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("DELETE", "/onboardings"),
        ("PUT", "/onboardings/x"),
        ("GET", "/onboardings/x/decision"),
        ("POST", "/onboardings/x"),
        ("GET", "/onboardings/x/%2e%2e/y"),
        ("GET", "/%2e%2e/onboardings"),
    ],
)
def test_there_is_no_other_route(admin: Person, method: str, path: str) -> None:
    asking.problem(admin.call(method, path), 403, "forbidden")


@pytest.mark.parametrize(("who", "route"), NOT_ALLOWED)
def test_a_call_that_ones_policy_leaves_out_is_forbidden(
    request: pytest.FixtureRequest, stack: dict[str, Any], theirs: asking.Onboarding, who: str, route: str
) -> None:
    before = asking.traces(stack)
    method, path = asking.ROUTES[route]
    answer = request.getfixturevalue(who).call(method, path.format(id=theirs.id), asking.request())
    asking.problem(answer, 403, "forbidden")
    assert asking.traces(stack) == before


@pytest.mark.parametrize("route", ["read", "resend", "cancel"])
def test_a_requester_has_no_say_in_what_others_requested(
    stack: dict[str, Any], requester: Person, theirs: asking.Onboarding, route: str
) -> None:
    method, path = asking.ROUTES[route]
    asking.problem(requester.call(method, path.format(id=theirs.id)), 403, "not-yours")
    assert asking.awaited(stack, theirs.id, "PENDING_APPROVAL")["status"] == "PENDING_APPROVAL"


def test_requester_approver_and_operator_read_the_record(
    somebody_else: Person, approver: Person, operator: Person, admin: Person, theirs: asking.Onboarding
) -> None:
    for reader in (somebody_else, approver, operator, admin):
        assert reader.get(theirs.path).json["user_name"] == theirs.user_name


def test_the_right_to_call_the_api_alone_makes_neither_approver_nor_operator(
    stack: dict[str, Any], theirs: asking.Onboarding
) -> None:
    outsider = asking.person_with(stack, "approver", "operator")
    asking.problem(asking.decide(outsider, theirs, "approve"), 403, "not-an-approver")
    asking.problem(outsider.post(f"{theirs.path}/cancel"), 403, "not-yours")
    wanted = {"what": "password", "reason": "forgotten"}
    asking.problem(outsider.post(f"{theirs.path}/reissue", wanted), 403, "not-an-operator")
    asking.problem(outsider.get(theirs.path), 403, "not-yours")
    assert outsider.get("/onboardings").json["items"] == []


def test_a_role_that_stands_for_nobody_in_particular_requests_and_reads_its_own_and_never_decides(
    stack: dict[str, Any], role: Person
) -> None:
    onboarding = asking.needing_approval(role)
    assert role.get(onboarding.path).status == 200
    assert [item["onboarding_id"] for item in role.get("/onboardings").json["items"]] == [onboarding.id]
    asking.problem(asking.decide(role, onboarding, "approve"), 403, "not-an-approver")
    assert role.post(f"{onboarding.path}/cancel").status == 202


@pytest.fixture
def role(stack: dict[str, Any], admin: Person) -> Iterator[Person]:
    """A program's role with every right to call the API."""
    iam, name = asking.root(stack, "iam"), "release-pipeline"
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
        f' "Principal": {{"AWS": "arn:aws:iam::{stack["account_id"]}:root"}}}}]}}'
    )
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policies = [asking.policy_arn(stack, policy) for policy in ("requester", "approver")]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    # The session takes an approver's name, which is its own choice here.
    session = admin.aws("sts").assume_role(RoleArn=arn, RoleSessionName="approver@example.com")["Credentials"]
    yield Person(stack, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    for policy in policies:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy)
    iam.delete_role(RoleName=name)
