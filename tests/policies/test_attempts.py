"""What onboarded people with MFA, roles and programs try, what is left to them of the stack, what must still work."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.policies.cases import Case, read_cases
from tests.policies.deployed import aws_managed
from tests.policies.documents import ACCOUNT, REGION, guard_documents
from tests.policies.evaluator import Decision, Request, actions_of, allowed_where_it_fits, decide
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, Mfa, user_context
from tests.policies.weakenings import weakenings

ATTEMPTS = read_cases("attempts.yaml")
MUST_WORK = read_cases("must_work.yaml")
OPEN_ON_THE_STACK = yaml.safe_load((Path(__file__).parent / "open_on_the_stack.yaml").read_text())

Context = dict[str, str | list[str]]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/own-role"
# Neither carries MFA, and only users have a name: the credentials of a role, and the keys of a program.
CONTEXTS: dict[str, Context] = {
    "BoundaryEnrolling": user_context("true"),
    "BoundaryMember": user_context("true"),
    "BoundaryMemberOneRegion": {**user_context("true"), "aws:RequestedRegion": REGION},
    "BoundaryApplication": user_context("absent"),
    "BoundaryRole": {},
}


def documents():
    return {**guard_documents(), **aws_managed(), "AdministratorAccess": ADMINISTRATOR_ACCESS}


def request(case: Case, boundary: str, *, who: Context | None = None, document: str | None = None) -> Request:
    return Request(
        principal=ROLE if boundary == "BoundaryRole" else ALICE,
        action=case.action,
        resource=case.resource,
        context={**(CONTEXTS[boundary] if who is None else who), **case.context},
        identity=("AdministratorAccess", "SelfService"),
        boundary=document or boundary,
        as_it_stands=not case.listed,
    )


@cache
def answers(file: str, boundary: str) -> list[tuple[Case, Decision]]:
    cases = read_cases(file)
    return list(zip(cases, decide(documents(), [request(case, boundary) for case in cases]), strict=True))


@pytest.mark.parametrize("number", range(len(ATTEMPTS)), ids=[str(case) for case in ATTEMPTS])
def test_an_onboarded_administrator_with_mfa_is_refused(number: int):
    case, answer = answers("attempts.yaml", "BoundaryMember")[number]
    assert not answer.allowed
    assert case.refused_by in answer.by or not case.listed


@pytest.mark.parametrize("boundary", CONTEXTS)
def test_every_boundary_refuses_every_attempt(boundary: str):
    allowed = [case for case, answer in answers("attempts.yaml", boundary) if answer.allowed]
    of_people = [case for case in ATTEMPTS if case.people_only]
    assert allowed == (of_people if boundary in ("BoundaryRole", "BoundaryApplication") else [])


@pytest.mark.parametrize("boundary", ["BoundaryMember", "BoundaryRole"], ids=["power user", "ResourceCreatorRole"])
def test_nor_does_power_user_access_open_any_of_it(boundary: str):
    cases = [case for case in ATTEMPTS if not (case.people_only and boundary == "BoundaryRole")]
    asked = [replace(request(case, boundary), identity=("PowerUserAccess",)) for case in cases]
    allowed = [case for case, answer in zip(cases, decide(documents(), asked), strict=True) if answer.allowed]
    assert [str(case) for case in allowed] == []


def test_a_power_user_and_a_resource_creator_can_still_work():
    """So that the refusals above come from the guard, and not from rights that are not there."""
    for boundary in ("BoundaryMember", "BoundaryRole"):
        asked = [replace(request(case, boundary), identity=("PowerUserAccess",)) for case in MUST_WORK]
        allowed = {ask.action for ask, answer in zip(asked, decide(documents(), asked), strict=True) if answer.allowed}
        assert {action for action in allowed if action.startswith("iam:")} == set()
        assert allowed > {"lambda:UpdateFunctionCode", "dynamodb:PutItem", "kms:Decrypt", "s3:PutObject"}


@pytest.mark.parametrize("number", range(len(MUST_WORK)), ids=[str(case) for case in MUST_WORK])
def test_an_onboarded_administrator_with_mfa_can_still_work(number: int):
    _, answer = answers("must_work.yaml", "BoundaryMember")[number]
    assert answer.allowed, answer.by


@pytest.mark.parametrize("mfa", ["false", "absent"])
def test_without_mfa_none_of_that_works_but_changing_the_own_password(mfa: Mfa):
    requests = [request(case, "BoundaryMember", who=user_context(mfa)) for case in MUST_WORK]
    decided = zip(requests, decide(documents(), requests), strict=True)
    assert {asked.action for asked, answer in decided if answer.allowed} == {"iam:ChangePassword"}


def test_a_role_and_an_application_can_still_work():
    for boundary in ("BoundaryRole", "BoundaryApplication"):
        refused = [str(case) for case, answer in answers("must_work.yaml", boundary) if not answer.allowed]
        assert refused == [str(case) for case in MUST_WORK if case.people_only]


def test_of_every_action_on_the_stack_only_reading_and_the_reviewed_ones_are_open():
    resources = {
        case.resource
        for case in ATTEMPTS
        # A role of Identity Center is none of the stack's.
        if case.refused_by == "TheStackIsReadOnly" and "AWSReservedSSO" not in case.resource
    }
    services = {resource.split(":")[2] for resource in resources}
    who = CONTEXTS["BoundaryMember"]
    requests = [
        Request(ALICE, action.action, resource, who, ("AdministratorAccess",), "BoundaryMember")
        for service, actions in actions_of(*services).items()
        for action in actions
        if action.level not in ("Read", "List")
        for resource in sorted(resources)
        if resource.split(":")[2] == service
    ]
    assert len(requests) > 1000
    opened = {allowed.action for allowed in allowed_where_it_fits(documents(), requests)}
    assert opened == set(OPEN_ON_THE_STACK)


# The other two are made of the same statements.
@pytest.mark.parametrize("boundary", ["BoundaryMember", "BoundaryRole"])
def test_no_line_of_the_guard_can_be_taken_out_unnoticed(boundary: str):
    weakened = weakenings(guard_documents()[boundary])
    requests = [
        request(case, boundary, document=weaker.name)
        for weaker in weakened
        for case, answer in answers("attempts.yaml", boundary)
        if weaker.statement in answer.by or (not case.listed and not answer.allowed)
    ]
    decided = decide({**documents(), **{weaker.name: weaker.document for weaker in weakened}}, requests)
    noticed = {asked.boundary for asked, answer in zip(requests, decided, strict=True) if answer.allowed}
    assert [weaker.name for weaker in weakened if weaker.name not in noticed] == []
