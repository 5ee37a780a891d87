"""Decisions that cannot be faked: by many at once, by mail scanners, in any disguise, or in the table."""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import cycle, islice, product
from typing import Any, TypeVar

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from local import client
from local.client import Answer, Person, send, wait_for
from local.people import with_code
from tests.workflow import evidence, overheard, people

Asked = TypeVar("Asked")
Given = TypeVar("Given")

APPROVERS = ("approver", "second_approver")
NO_APPROVERS = ("requester", "operator", "admin")

_making_people = threading.Lock()
_made: dict[tuple[str, str], Any] = {}


@pytest.mark.alone
def test_fifty_decisions_at_once_have_one_outcome(stack: dict[str, Any]) -> None:
    outcomes = [_decided_by_fifty(stack, *mix) for mix in MIXES]
    _at_once(lambda outcome: _has_come_about(*outcome), outcomes)


MIXES = (("power-user", 5, 1), ("power-user", 2, 2), ("migration-admin", 12, 3), ("migration-admin", 3, 4))
"""Profile, of how many decisions one rejects, and seed."""


def _decided_by_fifty(
    stack: Mapping[str, Any], profile: str, choices: int, seed: int
) -> tuple[people.Onboarding, list[dict[str, Any]], int]:
    """The onboarding with its decisions, and how many it needs."""
    onboarding = people.requested(stack, f"fifty-{seed}", profile)
    needed = people.awaited(onboarding, "PENDING_APPROVAL")["approval"]["needed"]
    asked = _fifty(random.Random(seed), choices)
    answers = _at_once(lambda one: _unthrottled(onboarding, *one), asked)
    given = evidence.record(onboarding)["approval"]["decisions"]
    _each_answer_is_of_this_outcome(asked, answers, given)
    return onboarding, given, needed


def _has_come_about(onboarding: people.Onboarding, given: list[dict[str, Any]], needed: int) -> None:
    """Record, execution and IAM agree with the decisions, and nobody changes them any more."""
    if _rejected(given, needed):
        evidence.undone(onboarding, "REJECTED", "REJECTED")
        evidence.failed_with(onboarding, "Rejected", "REJECTED")
        assert "CreateUser" not in evidence.states(onboarding)
    else:
        people.awaited(onboarding, "PENDING_MFA")
        _too_late(onboarding)
        people.enrol(onboarding)
        evidence.completed(onboarding)
        assert evidence.states(onboarding).count("CreateUser") == 1
    _too_late(onboarding)
    assert evidence.record(onboarding)["approval"]["decisions"] == given


def _too_late(onboarding: people.Onboarding) -> None:
    for by, decision in product(APPROVERS, ("approve", "reject")):
        assert people.decide(onboarding, decision, "too late", by=by).status == 409


def _unthrottled(onboarding: people.Onboarding, by: str, decision: str) -> Answer:
    """The API's own answer, not that of Lambda, which runs only so many at a time: who gets that one tries again."""

    def answered() -> Answer | None:
        answer = people.decide(onboarding, decision, "at the same time", by=by)
        return None if answer.status == 429 else answer

    return wait_for(answered, f"an answer to {by}")


def _fifty(chance: random.Random, choices: int) -> list[tuple[str, str]]:
    """Who decides what: thirty decisions of the two approvers, twenty of people who must not."""
    either = ["reject", *["approve"] * (choices - 1)]
    entitled = [(chance.choice(APPROVERS), chance.choice(either)) for _ in range(30)]
    others = [(chance.choice(NO_APPROVERS), chance.choice(either)) for _ in range(20)]
    return chance.sample([*entitled, *others], 50)


def _each_answer_is_of_this_outcome(
    asked: list[tuple[str, str]], answers: list[Answer], given: list[dict[str, Any]]
) -> None:
    """Others than approvers got 403; approvers the record as it stood on the way to this one, or 409."""
    for (by, _), answer in zip(asked, answers, strict=True):
        if by in APPROVERS:
            assert answer.status in (200, 409), answer.body
        else:
            assert answer.status == 403, answer.body
    told = [answer.json["approval"]["decisions"] for answer in answers if answer.status == 200]
    assert all(decisions == given[: len(decisions)] for decisions in told)
    assert given in told


def _rejected(given: list[dict[str, Any]], needed: int) -> bool:
    """Whether these decisions reject: by one and nobody after; or else they approve, each person once."""
    persons = [decision["person"] for decision in given if decision["decision"] == "approve"]
    assert set(persons) <= {f"{name.replace('_', '-')}@example.com" for name in APPROVERS}
    assert len(persons) == len(set(persons))
    rejects = [number for number, decision in enumerate(given) if decision["decision"] == "reject"]
    assert rejects in ([], [len(given) - 1])
    assert len(persons) < needed if rejects else len(persons) == needed
    return bool(rejects)


@pytest.mark.alone
def test_fifty_approvals_of_one_person_are_one(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "fifty-times", "migration-admin")
    people.awaited(onboarding, "PENDING_APPROVAL")
    answers = _at_once(lambda _: _unthrottled(onboarding, "approver", "approve"), range(50))
    assert Counter((answer.status, answer.json["status"]) for answer in answers) == {(200, "PENDING_APPROVAL"): 50}
    record = evidence.record(onboarding)
    assert [decision["person"] for decision in record["approval"]["decisions"]] == ["approver@example.com"]
    assert evidence.timeline(onboarding).count("approved") == 1
    assert evidence.user(onboarding) is None
    people.approve(onboarding, by="second_approver")
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)


@pytest.mark.alone
def test_a_mail_scanner_that_follows_a_thousand_links_changes_nothing(stack: dict[str, Any]) -> None:
    undecided = people.requested(stack, "scanned-undecided", "power-user")
    unclaimed = people.requested(stack, "scanned-unclaimed")
    people.awaited(undecided, "PENDING_APPROVAL")
    wait_for(lambda: people.mails(undecided, "Approval wanted"), "the mail to the approvers")
    people.awaited(unclaimed, "PENDING_MFA")
    token = people.link(unclaimed)

    before = wait_for(lambda: _at_rest(stack), "a stack in which nothing happens any more")
    looks = _looks(stack, (undecided, unclaimed), token, str(unclaimed.claim_code))
    answers = _at_once(lambda look: look(), list(islice(cycle(looks), 1_000)), threads=16)
    assert {answer.status for answer in answers} == {200, 403}
    after = _everything(stack)
    assert {what: after[what] == kept for what, kept in before.items()} == dict.fromkeys(before, True)

    claimed = people.claim(unclaimed, token)
    assert claimed.status == 200
    assert not [answer for answer in answers if claimed.json["password"].encode() in answer.body]
    people.enrol(unclaimed)
    evidence.completed(unclaimed)
    assert people.decide(undecided, "reject", "only looked at").status == 200
    evidence.undone(undecided, "REJECTED", "REJECTED")


def _looks(
    stack: Mapping[str, Any], onboardings: Iterable[people.Onboarding], token: str, code: str
) -> Sequence[Callable[[], Answer]]:
    """One call for each way to look at each address that a mail or a record names, and at what it may be taken for."""
    claim, decided = stack["claim_url"], '{"decision": "approve", "reason": null}'
    pages = [claim, f"{claim}?token={token}&code={code}", f"{claim}/{token}", f"{claim}/{token}/{code}"]
    pages += [f"{claim}%23{token}", f"{claim}?{token}", *_named_in_mails(stack)]
    paths = ["/onboardings", "/onboardings?user_name=x"]
    for onboarding in onboardings:
        links = people.call(stack, "operator", "GET", onboarding.path).json["links"].values()
        paths += [*links, f"{onboarding.path}/decision?decision=approve", f"{onboarding.path}/decision/approve"]
    unsigned = [*pages, *(stack["api_url"] + path for path in paths)]
    methods, disguised = ("GET", "HEAD", "OPTIONS"), {"X-HTTP-Method-Override": "POST"}
    looks = [partial(send, method, address) for method, address in product(methods, unsigned)]
    looks += [partial(send, "GET", address, None, disguised) for address in unsigned]
    for reader in ("requester", "approver", "operator"):
        person = people.person(stack, reader)
        looks += [partial(person.call, method, path) for method, path in product(methods, paths)]
        looks += [partial(person.call, "GET", path, decided.encode(), disguised) for path in paths]
    return looks


def _named_in_mails(stack: Mapping[str, Any]) -> list[str]:
    """The addresses in all mails so far as a scanner asks for them: without fragment, on this machine."""
    texts = "\n".join(mail["text"] + mail["html"] for mail in client.mails(stack))
    found = {address.partition("#")[0] for address in re.findall(r"https?://[^\s\"'<>]+", texts)}
    local = {re.sub(r"^https://[^/]+/v1", stack["api_url"], address) for address in found}
    named = sorted(address for address in local if address.startswith(stack["endpoint_url"]))
    assert any(address.endswith("/decision") for address in named)
    assert stack["claim_url"] in named
    return named


def _at_rest(stack: Mapping[str, Any]) -> dict[str, str] | None:
    before, after = _everything(stack), _everything(stack)
    return after if after == before else None


def _everything(stack: Mapping[str, Any]) -> dict[str, str]:
    """All state that Gatehouse could change, in texts to be compared."""
    machines, iam = people.root(stack, "stepfunctions"), people.root(stack, "iam")
    runs = machines.get_paginator("list_executions").paginate(stateMachineArn=stack["state_machine_arn"])
    executions = [run["executionArn"] for page in runs for run in page["executions"]]
    users = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    secrets = people.root(stack, "secretsmanager").get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
    state = {
        "table": sorted(people.rows(stack), key=lambda item: item["pk"]),
        "users": [_user(iam, name) for name in sorted(users)],
        "secrets": [secret for page in secrets for secret in page["SecretList"]],
        "executions": {arn: len(_history(machines, arn)) for arn in executions},
        "mails": len(client.mails(stack)),
    }
    return {what: json.dumps(found, default=str) for what, found in state.items()}


def _user(iam: Any, name: str) -> list[Any]:
    found = [iam.get_user(UserName=name)["User"], iam.list_mfa_devices(UserName=name)["MFADevices"]]
    found += [iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]]
    found += [iam.list_user_policies(UserName=name)["PolicyNames"], iam.list_groups_for_user(UserName=name)["Groups"]]
    return [*found, iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]


def _history(machines: Any, execution: str) -> list[Any]:
    pages = machines.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


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
    token_service = _pia(stack)["with MFA"].aws("sts")
    for other in ("pia", "approver@example.com"):
        with pytest.raises(ClientError, match="AccessDenied"):
            token_service.assume_role(RoleArn=arn, RoleSessionName=other)


def test_one_human_under_two_names_approves_once(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "two-names", "migration-admin")
    people.awaited(onboarding, "PENDING_APPROVAL")
    answers = _at_once(lambda disguise: _decide(disguise, onboarding, "approve"), _pia(stack).values(), threads=5)
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
    answers = _at_once(lambda one: _decide(one[0], onboarding, one[1]), tries, threads=2)
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
        key = (stack["endpoint_url"], "pia")
        if key not in _made:
            _made[key] = dict(zip(DISGUISES, _come(stack), strict=True))
        found: dict[str, Person] = _made[key]
        return found


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
    given = people.aws(by, "sts") if by.session_token is None else by.aws("sts")
    keys = given.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    return Person(by.stack, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def test_a_record_changed_after_its_approval_is_not_executed_whatever_was_changed(stack: dict[str, Any]) -> None:
    unchanged = _approved_but_waiting(stack)
    record = evidence.record(unchanged)
    changes = [f"{part}.{name}" for part in ("request", "grants") for name in record[part]]
    assert len(changes) > 20
    # Few at a time: each roll-back keeps a function busy, and other stories need some as well.
    _at_once(lambda path: _not_executed(_changed(_approved_but_waiting(stack), path)), changes, threads=6)
    _wake(unchanged)
    people.awaited(unchanged, "PENDING_MFA")
    people.enrol(unchanged)
    evidence.completed(unchanged)


def _approved_but_waiting(stack: dict[str, Any]) -> people.Onboarding:
    """The decision stands and did not wake the machine, which did not know the token any more."""
    onboarding = people.requested(stack, "changed", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    _rewrite(onboarding, task_token="lost")
    people.approve(onboarding)
    assert evidence.record(onboarding)["status"] == "PROVISIONING"
    return onboarding


def _wake(onboarding: people.Onboarding) -> None:
    people.wake(onboarding, evidence.task_token(onboarding, "RequestApproval"))


def _changed(onboarding: people.Onboarding, path: str) -> people.Onboarding:
    part, name = path.split(".")
    _rewrite(onboarding, **{path: _other(evidence.record(onboarding)[part][name])})
    _wake(onboarding)
    return onboarding


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value, "x"]
    return value | {"x": "x"} if isinstance(value, dict) else f"{value or ''}x"


FORGERIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "the status alone": lambda record: {},
    "nobody needed": lambda record: {"approval.needed": 0},
    "one needed of two": lambda record: {"approval.needed": 1, "approval.decisions": [_forged(record, "approver")]},
    "one approver twice": lambda record: {"approval.decisions": [_forged(record, "approver")] * 2},
    "the requester": lambda record: {"approval.decisions": [_forged(record, "approver"), _forged(record, "requester")]},
    "the new user": lambda record: {
        "approval.decisions": [_forged(record, "approver"), _forged(record, record["user_key"], at="")]
    },
    "the new user's address": lambda record: {
        "approval.decisions": [_forged(record, "approver"), _forged(record, record["request"]["email"], at="")]
    },
    "of another request": lambda record: {
        "approval.decisions": [_forged(record, who) | {"digest": "0" * 64} for who in ("approver", "second-approver")]
    },
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_approval_that_nobody_gave_is_not_executed(stack: dict[str, Any], forgery: str) -> None:
    """Who can write to the table and wake the machine says that a migration-admin was approved."""
    onboarding = people.requested(stack, "forged-decision", "migration-admin")
    record = people.awaited(onboarding, "PENDING_APPROVAL")
    _rewrite(onboarding, status="PROVISIONING", **FORGERIES[forgery](record))
    _wake(onboarding)
    _not_executed(onboarding)


def _forged(record: Mapping[str, Any], person: str, at: str = "@example.com") -> dict[str, Any]:
    given = {"arn": "arn:aws:iam::123456789012:user/forged", "decision": "approve", "reason": None, "at": people.now()}
    return {"person": f"{person}{at}", "digest": record["digest"], **given}


def test_a_record_changed_while_it_waits_for_mfa_is_not_completed(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "changed-late", "power-user")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    _rewrite(onboarding, **{"grants.managed_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]})
    people.enrol(onboarding)
    evidence.undone(onboarding, "FAILED", "RECORD_CLOSED")
    evidence.failed_with(onboarding, "Failed", "RECORD_CLOSED")


def _rewrite(onboarding: people.Onboarding, **changes: Any) -> None:
    """Change attributes of the record behind Gatehouse's back, by their paths."""
    names = {f"#{part}": part for path in changes for part in path.split(".")}
    sets = [f"#{path.replace('.', '.#')} = :value{number}" for number, path in enumerate(changes)]
    values = {f":value{number}": TypeSerializer().serialize(value) for number, value in enumerate(changes.values())}
    people.root(onboarding.stack, "dynamodb").update_item(
        TableName=onboarding.stack["table_name"],
        Key={"pk": {"S": f"onboarding#{onboarding.id}"}},
        UpdateExpression=f"SET {', '.join(sets)}",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def _not_executed(onboarding: people.Onboarding) -> None:
    evidence.failed_with(onboarding, "Failed", "RECORD_CLOSED")
    record = evidence.record(onboarding)
    assert (record["status"], record["status_reason"]) == ("FAILED", "RECORD_CLOSED")
    assert evidence.states(onboarding)[-3:] == ["CreateUser", "RollBack", "Ended"]
    # Neither whom it was about when it was approved, nor whom it is about now.
    assert evidence.user(onboarding) is None
    assert evidence.user(people.Onboarding(onboarding.stack, onboarding.id, record["request"]["user_name"], "")) is None
    assert evidence.secrets(onboarding) == []
    assert people.mails(onboarding, "Your AWS account access") == []


def _at_once(call: Callable[[Asked], Given], asked: Iterable[Asked], threads: int = 50) -> list[Given]:
    """The answers to calls made at the same time, in their order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, asked))
