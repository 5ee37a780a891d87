"""Many decisions at once, and looks that are taken for decisions."""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice, product
from typing import Any

import pytest

from local import client
from local.client import Answer, send, wait_for
from tests.workflow import evidence, people

APPROVERS = ("approver", "second_approver")
NO_APPROVERS = ("requester", "operator", "admin")
LONGEST_PAUSE_SECONDS = 21
"""A little more than what is throttled waits for its next try."""
MOVING = {"REQUESTED", "PROVISIONING", "ROLLING_BACK", "ROLLBACK_INCOMPLETE"}


@pytest.mark.alone
def test_fifty_decisions_at_once_have_one_outcome(stack: dict[str, Any]) -> None:
    outcomes = [_decided_by_fifty(stack, *mix) for mix in MIXES]
    people.at_once(lambda outcome: _has_come_about(*outcome), outcomes)


MIXES = (("power-user", 5, 1), ("power-user", 2, 2), ("migration-admin", 12, 3), ("migration-admin", 3, 4))
"""Profile, of how many decisions one rejects, and seed."""


def _decided_by_fifty(
    stack: Mapping[str, Any], profile: str, choices: int, seed: int
) -> tuple[people.Onboarding, list[dict[str, Any]], int]:
    """The onboarding with its decisions, and how many it needs."""
    onboarding = people.requested(stack, f"fifty-{seed}", profile)
    needed = people.awaited(onboarding, "PENDING_APPROVAL")["approval"]["needed"]
    asked = _fifty(random.Random(seed), choices)
    answers = people.at_once(lambda one: _unthrottled(onboarding, *one), asked)
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
    answers = people.at_once(lambda _: _unthrottled(onboarding, "approver", "approve"), range(50))
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

    # What the schedule does meanwhile for whatever other tests have left is not the scanner's doing.
    events = people.root(stack, "events")
    events.disable_rule(Name="gatehouse-follow-up")
    try:
        before = wait_for(lambda: _at_rest(stack), "a stack in which nothing happens any more", 240)
        looks = _looks(stack, (undecided, unclaimed), token, str(unclaimed.claim_code))
        answers = people.at_once(lambda look: look(), list(islice(cycle(looks), 1_000)), threads=16)
        after = _everything(stack)
    finally:
        events.enable_rule(Name="gatehouse-follow-up")
    assert {answer.status for answer in answers} == {200, 403}
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
    """All state once nothing moves, not even an onboarding whose retry waits for its next try."""
    if any(item.get("status") in MOVING for item in people.rows(stack, entity="onboarding")):
        return None
    before = _everything(stack)
    time.sleep(LONGEST_PAUSE_SECONDS)
    after = _everything(stack)
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
