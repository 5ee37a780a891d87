"""The truth table: phase, MFA, whose user, and every action that IAM and STS have."""

import itertools
import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.policies.documents import ACCOUNT, Document, guard_documents
from tests.policies.evaluator import Action, Request, decide, every_iam_and_sts_action
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, ALICES, OTHERS, user_context

REVIEWED = yaml.safe_load((Path(__file__).parent / "open_before_mfa.yaml").read_text())

PHASES = {"enrolling": "BoundaryEnrolling", "member": "BoundaryMember"}
IDENTITIES = {
    "administrator": ("AdministratorAccess", "SelfService"),
    "self-service only": ("SelfService",),
}

whatever_the_identity = pytest.mark.parametrize("identity", IDENTITIES)
in_each_phase = pytest.mark.parametrize("phase", PHASES)
# False: a password without a code. Absent: an access key.
without_mfa = pytest.mark.parametrize("mfa", ["false", "absent"])


def targets(action: Action) -> list[tuple[str, str]]:
    """Principal and resource of every request that is asked for this action."""
    asked = []
    if not action.listed or any(":user/$" in arn for arn in action.arns):
        # The evaluator takes "*" for the question whether there is any user on whom the action is open.
        asked += [(alice, alice) for alice in ALICES] + [(ALICE, other) for other in (*OTHERS, "*")]
    elif not action.arns:
        asked.append((ALICE, "*"))
    resolved = [arn.replace("${Partition}", "aws").replace("${Account}", ACCOUNT) for arn in action.arns]
    return asked + [(ALICE, re.sub(r"\$\{[^}]+\}", "probe", arn)) for arn in resolved if ":user/$" not in arn]


@cache
def table() -> dict[tuple[str, str, str], set[tuple[str, str]]]:
    """What is open, as (action, resource), by phase, MFA and identity."""
    cells = list(itertools.product(PHASES, ("true", "false", "absent"), IDENTITIES))
    asked = [
        (
            (phase, mfa, identity),
            Request(
                principal=principal,
                action=action.action,
                resource=resource,
                context=user_context(mfa),
                identity=IDENTITIES[identity],
                boundary=PHASES[phase],
                as_it_stands=not action.listed,
            ),
        )
        for phase, mfa, identity in cells
        for action in every_iam_and_sts_action()
        for principal, resource in targets(action)
    ]
    documents = {**guard_documents(), "AdministratorAccess": ADMINISTRATOR_ACCESS}
    answers = decide(documents, [request for _, request in asked])
    opened: dict[tuple[str, str, str], set[tuple[str, str]]] = {cell: set() for cell in cells}
    for (cell, request), answer in zip(asked, answers, strict=True):
        if answer.allowed:
            opened[cell].add((request.action, request.resource))
    return opened


def actions(opened: set[tuple[str, str]], *resources: str) -> set[str]:
    return {action for action, resource in opened if not resources or resource in resources}


def test_the_table_asks_for_every_action_of_iam_and_sts():
    assert len(every_iam_and_sts_action()) > 190
    assert {"iam:PassRole", "iam:CreateUser", "sts:AssumeRole"} <= {
        action.action for action in every_iam_and_sts_action()
    }


@whatever_the_identity
@without_mfa
@in_each_phase
def test_without_mfa_exactly_the_reviewed_actions_are_open(phase: str, mfa: str, identity: str):
    assert actions(table()[phase, mfa, identity]) == {*REVIEWED[phase], *REVIEWED["never_asked"]}


@whatever_the_identity
@without_mfa
@in_each_phase
def test_without_mfa_no_action_is_open_on_another_user(phase: str, mfa: str, identity: str):
    assert actions(table()[phase, mfa, identity], *OTHERS) == set()


@whatever_the_identity
@without_mfa
@in_each_phase
def test_without_mfa_the_same_is_open_on_oneself_wherever_the_own_user_lives(phase: str, mfa: str, identity: str):
    opened = table()[phase, mfa, identity]
    under_gatehouse, without_path, under_another_path = (actions(opened, alice) for alice in ALICES)
    assert "iam:ChangePassword" in under_gatehouse
    assert under_gatehouse == without_path == under_another_path


@in_each_phase
def test_with_mfa_a_user_with_self_service_only_changes_itself_and_nobody_else(phase: str):
    opened = table()[phase, "true", "self-service only"]
    assert actions(opened, *OTHERS) == set()
    assert actions(opened, ALICE) >= {
        "iam:ChangePassword",
        "iam:EnableMFADevice",
        "iam:DeactivateMFADevice",
        "iam:DeleteAccessKey",
    }


@in_each_phase
def test_with_mfa_an_administrator_changes_nothing_on_another_onboarded_user(phase: str):
    bob = OTHERS[0]
    changing = {action.action for action in every_iam_and_sts_action() if action.level not in ("Read", "List")}
    assert actions(table()[phase, "true", "administrator"], bob) & changing == set()


def test_enrolling_is_closed_once_the_device_is_seen():
    assert len(REVIEWED["enrolling"]) == 10
    closed = {"iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:ResyncMFADevice"}
    assert set(REVIEWED["enrolling"]) - set(REVIEWED["member"]) == closed
    assert len(REVIEWED["member"]) == 7


def asked_once(document: Document, mfa: str, action: str, resource: str) -> bool:
    documents = {"weaker": document, "AdministratorAccess": ADMINISTRATOR_ACCESS}
    request = Request(ALICE, action, resource, user_context(mfa), ("AdministratorAccess",), "weaker")
    return decide(documents, [request])[0].allowed


def test_bool_instead_of_bool_if_exists_would_open_everything_to_access_keys():
    guard = guard_documents()["BoundaryMember"]
    with_bool = json.loads(json.dumps(guard).replace("BoolIfExists", "Bool"))
    assert not asked_once(guard, "absent", "s3:ListAllMyBuckets", "*")
    assert asked_once(with_bool, "absent", "s3:ListAllMyBuckets", "*")


def test_without_the_pattern_for_paths_an_onboarded_user_could_not_enrol():
    guard = guard_documents()["BoundaryEnrolling"]
    without_paths = json.loads(json.dumps(guard).replace("user/*/${aws:username}", "user/${aws:username}"))
    assert asked_once(guard, "false", "iam:EnableMFADevice", ALICE)
    assert not asked_once(without_paths, "false", "iam:EnableMFADevice", ALICE)


def test_without_its_own_statement_an_administrator_could_look_at_others_before_mfa():
    guard = guard_documents()["BoundaryMember"]
    kept = [statement for statement in guard["Statement"] if statement["Sid"] != "BeforeMfaOnlyOneself"]
    assert not asked_once(guard, "false", "iam:GetUser", OTHERS[0])
    assert asked_once({**guard, "Statement": kept}, "false", "iam:GetUser", OTHERS[0])
