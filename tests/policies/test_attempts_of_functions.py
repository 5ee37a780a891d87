"""What the automation's own roles, and whoever has its managed policies, must not be able to do."""

from dataclasses import replace
from functools import cache

import pytest

from tests.policies.cases import Case, read_cases
from tests.policies.deployed import deployed
from tests.policies.evaluator import Request, decide
from tests.policies.holders import Holder, documents_of_holders, holders

ATTEMPTS = read_cases("attempts_of_functions.yaml")
# Each stands for as many attempts as the stack has roles.
EVERYBODY = "everybody"


def tried_by(case: Case) -> list[Holder]:
    if case.who != EVERYBODY:
        return [holders()[str(case.who)]]
    # A role made for people, with a boundary, tries attempts.yaml.
    return [holder for holder in holders().values() if not holder.boundary]


def request(case: Case, holder: Holder) -> Request:
    return Request(
        principal=holder.principal,
        action=case.action,
        resource=case.resource,
        context={**holder.context, **case.context},
        identity=holder.documents,
        boundary=holder.boundary,
        as_it_stands=not case.listed,
    )


@cache
def allowed() -> list[list[str]]:
    """By attempt: who is allowed what nobody should be."""
    asked = [(number, holder) for number, case in enumerate(ATTEMPTS) for holder in tried_by(case)]
    answers = decide(documents_of_holders(), [request(ATTEMPTS[number], holder) for number, holder in asked])
    found: list[list[str]] = [[] for _ in ATTEMPTS]
    for (number, holder), answer in zip(asked, answers, strict=True):
        if answer.allowed:
            found[number].append(holder.name)
    return found


@pytest.mark.parametrize("number", range(len(ATTEMPTS)), ids=[str(case) for case in ATTEMPTS])
def test_the_automation_is_refused(number: int):
    assert allowed()[number] == []


def test_the_attempts_are_many_and_tried_by_every_role():
    assert len(ATTEMPTS) >= 25
    roles = {name for name, holder in holders().items() if ":role/" in holder.principal and not holder.boundary}
    assert {holder.name for case in ATTEMPTS for holder in tried_by(case)} >= roles
    assert len(roles) >= sum(resource["Type"] == "AWS::Lambda::Function" for resource in deployed().values())


@pytest.mark.parametrize("who", sorted({str(case.who) for case in ATTEMPTS} - {EVERYBODY}))
def test_with_every_right_the_same_attempts_would_be_allowed(who: str):
    """So that none is refused for another reason than the holder's rights."""
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    cases = [case for case in ATTEMPTS if case.who == who]
    asked = [replace(request(case, holders()[who]), identity=("Everything",)) for case in cases]
    answers = decide({**documents_of_holders(), "Everything": everything}, asked)
    assert [str(case) for case, answer in zip(cases, answers, strict=True) if not answer.allowed] == []
