"""What restricts a user outside Gatehouse leaves exactly enrolling open; what suspends anybody, nothing at all."""

import itertools
import json
from functools import cache

import pytest

from tests.policies.documents import Document, guard_documents, statements
from tests.policies.evaluator import Request, decide, every_iam_and_sts_action
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICES, OTHERS, user_context
from tests.policies.test_open_before_mfa import REVIEWED, actions, targets

IDENTITIES = {"administrator": ("AdministratorAccess",), "nobody": ()}
MFA = ("true", "false", "absent")
ELSEWHERE = (("s3:ListAllMyBuckets", "*"), ("s3:GetObject", "arn:aws:s3:::own-bucket/key"), ("ec2:RunInstances", "*"))

without_mfa = pytest.mark.parametrize("mfa", ["false", "absent"])
whatever_the_identity = pytest.mark.parametrize("identity", IDENTITIES)


@cache
def table() -> dict[tuple[str, str, str | None], set[tuple[str, str]]]:
    """What is open, as (action, resource), by identity, MFA and what restrains the user."""
    cells = list(itertools.product(IDENTITIES, MFA, (None, "Restricted", "Suspended")))
    everything = [
        (principal, action.action, resource, not action.listed)
        for action in every_iam_and_sts_action()
        for principal, resource in targets(action)
    ] + [(ALICES[1], action, resource, True) for action, resource in ELSEWHERE]
    asked = [
        (cell, Request(principal, action, resource, user_context(cell[1]), carried(*cell), None, as_it_stands))  # type: ignore[arg-type]
        for cell in cells
        for principal, action, resource, as_it_stands in everything
    ]
    opened: dict[tuple[str, str, str | None], set[tuple[str, str]]] = {cell: set() for cell in cells}
    for (cell, request), answer in zip(asked, decide(documents(), [one for _, one in asked]), strict=True):
        if answer.allowed:
            opened[cell].add((request.action, request.resource))
    return opened


def carried(identity: str, _: str, restraint: str | None) -> tuple[str, ...]:
    return (*IDENTITIES[identity], *([restraint] if restraint else []))


def documents() -> dict[str, Document]:
    return {**guard_documents(), "AdministratorAccess": ADMINISTRATOR_ACCESS}


@without_mfa
@whatever_the_identity
def test_a_restricted_user_without_mfa_may_enrol_and_nothing_else(identity: str, mfa: str) -> None:
    opened = table()[identity, mfa, "Restricted"]
    assert actions(opened) == {*REVIEWED["enrolling"], *REVIEWED["never_asked"]}
    assert actions(opened, *OTHERS) == set()


@without_mfa
@whatever_the_identity
def test_a_restricted_user_may_enrol_wherever_it_lives(identity: str, mfa: str) -> None:
    first, *others = (actions(table()[identity, mfa, "Restricted"], alice) for alice in ALICES)
    assert {"iam:EnableMFADevice", "iam:ChangePassword"} <= first
    assert others == [first, first]


@whatever_the_identity
def test_with_mfa_a_restriction_changes_nothing(identity: str) -> None:
    assert table()[identity, "true", "Restricted"] == table()[identity, "true", None]


@pytest.mark.parametrize("mfa", MFA)
@whatever_the_identity
def test_a_suspended_user_can_do_nothing_at_all(identity: str, mfa: str) -> None:
    """An access key that somebody switched on again neither."""
    assert actions(table()[identity, mfa, "Suspended"]) <= set(REVIEWED["never_asked"])


def test_without_them_an_administrator_could_do_everything() -> None:
    """So that the refusals above come from the restraints."""
    opened = actions(table()["administrator", "absent", None])
    assert opened >= {"iam:CreateUser", "s3:ListAllMyBuckets", "ec2:RunInstances"}
    assert actions(table()["nobody", "absent", None]) <= set(REVIEWED["never_asked"])


def test_a_key_of_a_restricted_user_carries_no_mfa_and_is_denied_only_because_of_if_exists() -> None:
    restricted = guard_documents()["Restricted"]
    with_bool = json.loads(json.dumps(restricted).replace("BoolIfExists", "Bool"))
    asked = [
        Request(ALICES[1], "s3:ListAllMyBuckets", "*", user_context("absent"), ("AdministratorAccess", name), None)
        for name in ("restricted", "weaker")
    ]
    answers = decide({**documents(), "restricted": restricted, "weaker": with_bool}, asked)
    assert [answer.allowed for answer in answers] == [False, True]


@pytest.mark.parametrize("left_out", statements(guard_documents()["Restricted"]))
def test_no_statement_of_the_restriction_is_of_no_use(left_out: str) -> None:
    restricted = guard_documents()["Restricted"]
    weaker = {**restricted, "Statement": [one for one in restricted["Statement"] if one["Sid"] != left_out]}
    asked = [
        Request(principal, action.action, resource, user_context("absent"), (*identity, name), None)
        for action in every_iam_and_sts_action()
        if action.action in (*REVIEWED["enrolling"], "iam:CreateUser")
        for principal, resource in targets(action)
        for identity in IDENTITIES.values()
        for name in ("Restricted", "weaker")
    ]
    answers = [answer.allowed for answer in decide({**documents(), "weaker": weaker}, asked)]
    assert answers[::2] != answers[1::2]
