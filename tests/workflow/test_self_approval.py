"""Nobody decides on an own request or about themselves, whatever name they come under."""

import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import Answer, Person
from local.people import with_code
from tests.workflow import evidence, overheard, people

_making_people = threading.Lock()
_made: dict[str, dict[str, Person]] = {}

DISGUISES = (
    "with MFA",
    "as ResourceCreatorRole",
    "from Identity Center",
    "with another permission set",
    "by mail address",
)
"""The ways in which one approver, called pia, comes; Approvers knows the user name, and the address twice."""


@pytest.mark.parametrize("disguise", DISGUISES)
def test_nobody_decides_on_an_own_request_in_any_disguise(stack: dict[str, Any], disguise: str) -> None:
    onboarding = _requested_by(_pia(stack)[disguise], "own-request")
    before = people.awaited(onboarding, "PENDING_APPROVAL")
    assert before["requester"]["verified"]
    _refused(onboarding, _pia(stack).values(), "own-request")
    _still_undecided(onboarding)


@pytest.mark.parametrize("email", ["pia@example.com", "PIA@EXAMPLE.COM", "Pia+aws@example.com"])
def test_nobody_decides_about_an_account_of_their_own_in_any_disguise(stack: dict[str, Any], email: str) -> None:
    onboarding = people.requested(stack, "own-account", "power-user", email=email)
    people.awaited(onboarding, "PENDING_APPROVAL")
    _refused(onboarding, _pia(stack).values(), "own-request")
    _still_undecided(onboarding)


@pytest.mark.parametrize("name", ["pia", "PIA", "pia@example.com", "Pia@Example.com", "APPROVER@example.com"])
def test_nobody_gets_a_user_under_the_name_of_an_approver(stack: dict[str, Any], name: str) -> None:
    _pia(stack)
    request = people.wanted("name-taken", "power-user") | {"user_name": name}
    answer = people.call(stack, "requester", "POST", "/onboardings", request)
    assert answer.status in (400, 409)
    assert {error["field"] for error in answer.json["errors"]} == {"user_name"}
    assert people.row(stack, f"user#{name.lower()}") is None


def test_who_takes_an_approver_s_name_for_a_session_of_a_role_is_no_approver(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "taken-name", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    names = ("pia", "approver@example.com", "Second-Approver@example.com")
    imposters = [
        _session(stack, role, name)
        for role, name in product(("Deployer", "MyResourceCreatorRole", "AWSReservedSSO_Own"), names)
    ]
    # Nor is the account's root anybody in particular, whose keys the emulator takes for root's.
    _refused(onboarding, [*imposters, Person(stack, "test", "test")], "not-an-approver")
    _still_undecided(onboarding)


def test_who_pins_a_session_s_name_is_the_role_s_trust(stack: dict[str, Any]) -> None:
    arn = f"arn:aws:iam::{stack['account_id']}:role/gatehouse/ResourceCreatorRole"
    token_service = people.aws(_pia(stack)["with MFA"], "sts")
    for other in ("pia", "approver@example.com"):
        with pytest.raises(ClientError, match="AccessDenied"):
            token_service.assume_role(RoleArn=arn, RoleSessionName=other)


def test_one_human_under_two_names_approves_once(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "two-names", "migration-admin")
    people.awaited(onboarding, "PENDING_APPROVAL")
    answers = people.at_once(lambda disguise: _decide(disguise, onboarding, "approve"), _pia(stack).values(), threads=5)
    assert {(answer.status, answer.json["status"]) for answer in answers} == {(200, "PENDING_APPROVAL")}
    assert len(evidence.record(onboarding)["approval"]["decisions"]) == 1
    assert people.decide(onboarding, "approve").json["status"] == "PROVISIONING"
    people.awaited(onboarding, "PENDING_MFA")
    assert people.cancel(onboarding).status == 202
    evidence.undone(onboarding, "CANCELLED", "CANCELLED")


def test_behind_a_role_may_be_an_approver_so_that_one_more_has_to_agree(stack: dict[str, Any]) -> None:
    role = _session(stack, "Deployer", "pia")
    onboarding = _requested_by(role, "by-a-role")
    record = people.awaited(onboarding, "PENDING_APPROVAL")
    assert (record["requester"]["person"], record["approval"]["needed"]) == (None, 2)
    _refused(onboarding, [role, _session(stack, "Deployer", "approver@example.com")], "not-an-approver")
    assert _decide(_pia(stack)["with MFA"], onboarding, "approve").json["status"] == "PENDING_APPROVAL"
    assert evidence.user(onboarding) is None
    _still_undecided(onboarding, decisions=1)


def _requested_by(person: Person, stem: str) -> people.Onboarding:
    request = people.wanted(stem, "power-user")
    answer = person.post("/onboardings", request)
    assert answer.status == 202, answer.body
    return people.accepted(person.stack, request, answer)


def _decide(person: Person, onboarding: people.Onboarding, decision: str) -> Answer:
    answer = person.post(f"{onboarding.path}/decision", {"decision": decision, "reason": "my own"})
    overheard.answer(answer)
    return answer


def _refused(onboarding: people.Onboarding, persons: Iterable[Person], slug: str) -> None:
    """Whatever they decide: nothing of it is recorded."""
    before = evidence.record(onboarding)
    tries = list(product(persons, ("approve", "reject")))
    answers = people.at_once(lambda one: _decide(one[0], onboarding, one[1]), tries, threads=2)
    said = {(answer.status, answer.json["type"].removeprefix("urn:gatehouse:problem:")) for answer in answers}
    assert said == {(403, slug)}
    after = evidence.record(onboarding)
    # The mails to the approvers may go out meanwhile.
    assert _decided(after) == _decided(before)


def _decided(record: Mapping[str, Any]) -> list[Any]:
    mailed = ("mail_sent",)
    return [record["status"], record["approval"], [one for one in record["timeline"] if one["event"] not in mailed]]


def _still_undecided(onboarding: people.Onboarding, decisions: int = 0) -> None:
    """Nobody was created, and another approver decides as ever."""
    assert evidence.user(onboarding) is None
    answer = people.decide(onboarding, "reject", "not so")
    assert (answer.status, answer.json["status"]) == (200, "ROLLING_BACK")
    assert len(answer.json["approval"]["decisions"]) == decisions + 1
    people.awaited(onboarding, "REJECTED")
    evidence.nothing_is_left(onboarding)


def _pia(stack: Mapping[str, Any]) -> dict[str, Person]:
    """The same human in every disguise, with the rights of a requester and of an approver in each."""
    with _making_people:
        key = stack["endpoint_url"]
        if key not in _made:
            _made[key] = dict(zip(DISGUISES, _come(stack), strict=True))
        return _made[key]


def _come(stack: Mapping[str, Any]) -> Iterable[Person]:
    account, iam = stack["account_id"], people.root(stack, "iam")
    boundary = f"arn:aws:iam::{account}:policy/gatehouse/{evidence.BOUNDARIES['member']}"
    iam.create_user(UserName="Pia", Path="/gatehouse/", PermissionsBoundary=boundary)
    for arn in (*_policies(stack), "arn:aws:iam::aws:policy/PowerUserAccess"):
        iam.attach_user_policy(UserName="Pia", PolicyArn=arn)
    key = iam.create_access_key(UserName="Pia")["AccessKey"]
    user = Person(stack, key["AccessKeyId"], key["SecretAccessKey"])
    yield (proven := with_code(user, people.enrol_device(iam, "Pia", "Pia")))
    yield _assumed(proven, f"arn:aws:iam::{account}:role/gatehouse/ResourceCreatorRole", "Pia")
    for role, name in (("Everyday", "PIA"), ("Admin", "pia"), ("Admin", "Pia@Example.com")):
        yield _session(stack, f"AWSReservedSSO_{role}_0123456789abcdef", name, "/aws-reserved/sso.amazonaws.com/")


def _session(stack: Mapping[str, Any], role: str, name: str, path: str = "/") -> Person:
    """Somebody in a role that has every right to call the API, under a session name of their choice."""
    iam, account = people.root(stack, "iam"), stack["account_id"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=document)
    for arn in _policies(stack):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return _assumed(people.person(stack, "admin"), f"arn:aws:iam::{account}:role{path}{role}", name)


def _policies(stack: Mapping[str, Any]) -> list[str]:
    account = stack["account_id"]
    return [f"arn:aws:iam::{account}:policy/gatehouse/gatehouse-{name}" for name in ("requester", "approver")]


def _assumed(by: Person, role: str, name: str) -> Person:
    keys = people.aws(by, "sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    return Person(by.stack, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
