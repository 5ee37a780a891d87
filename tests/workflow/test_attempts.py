"""What onboarded people with MFA, and the automation itself, try against Gatehouse and the guard, as real calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from botocore import xform_name
from botocore.exceptions import ClientError

from local.client import Person
from tests.workflow import people, sessions

ATTEMPTS = yaml.safe_load(Path(__file__).with_name("attempts.yaml").read_text())

POLICIES = Path(__file__).parents[1] / "policies"
EVALUATED = [POLICIES / "attempts.yaml", POLICIES / "attempts_of_functions.yaml"]

EXPLICIT = "explicit deny"
NOT_GIVEN = "not given"
ALLOWED = "allowed"

REFUSALS = ("AccessDenied", "AccessDeniedException")
# Where the client of a service has another name than its actions have.
CLIENTS = {"states": "stepfunctions"}


def test_an_onboarded_administrator_is_refused_by_the_guard(stack: dict[str, Any]) -> None:
    with sessions.onboarded(stack, "migration-admin", "approver", "second_approver") as (administrator, name):
        told = tried(stack, administrator, name, [*ATTEMPTS["people"], *ATTEMPTS["administrator"]])
    assert {line: outcome for line, outcome in told.items() if outcome != EXPLICIT} == {}


def test_a_power_user_is_refused(stack: dict[str, Any]) -> None:
    with sessions.onboarded(stack, "power-user", "approver") as (power_user, name):
        told = tried(stack, power_user, name, ATTEMPTS["people"])
    assert refused_or_never_given(told) == {}


def test_a_session_of_resource_creator_role_is_refused(stack: dict[str, Any]) -> None:
    with sessions.resource_creator(stack) as (session, name):
        told = tried(stack, session, name, ATTEMPTS["people"])
    assert refused_or_never_given(told) == {}


def test_the_roles_of_the_automation_are_refused(stack: dict[str, Any]) -> None:
    told = {}
    for function, allowed in ATTEMPTS["allowed"]["functions"].items():
        lines = [line for line in ATTEMPTS["functions"] if line["who"] == function]
        with sessions.function(stack, function) as session:
            told |= tried(stack, session, "-", lines, allowed)
    assert len(told) == len(ATTEMPTS["functions"])
    assert {line: outcome for line, outcome in told.items() if outcome not in (EXPLICIT, NOT_GIVEN)} == {}


def test_every_attempt_that_the_evaluator_refuses_is_judged_here_or_says_why_not() -> None:
    decided = {line["try"] for file in EVALUATED for line in yaml.safe_load(file.read_text())}
    judged = {line["try"] for who in ("people", "administrator", "functions") for line in ATTEMPTS[who]}
    listed = [action for entry in ATTEMPTS["not_judged"] for action in entry["actions"] if entry["why"]]
    assert len(listed) == len(set(listed))
    assert judged & set(listed) == set()
    assert decided - judged == set(listed)
    assert sum(len(ATTEMPTS[who]) for who in ("people", "administrator", "functions")) >= 40


def refused_or_never_given(told: Mapping[str, str]) -> dict[str, str]:
    """What of this was otherwise. PowerUserAccess gives nothing in IAM; all else is refused by the guard alone."""
    return {
        line: outcome
        for line, outcome in told.items()
        if outcome != EXPLICIT and not (outcome == NOT_GIVEN and line.startswith("iam:"))
    }


def tried(
    stack: dict[str, Any],
    who: Person,
    name: str,
    lines: list[dict[str, Any]],
    allowed: dict[str, Any] = ATTEMPTS["allowed"]["people"],
) -> dict[str, str]:
    """What came of each attempt. One call is allowed before and after them, or the refusals would prove nothing."""
    with sessions.bystanders(stack) as others:
        names = {"self": name, **others, **of_the_stack(stack)}
        assert outcome(who, allowed, names) not in (EXPLICIT, NOT_GIVEN)
        told = {f"{line['try']}: {line['why']}": outcome(who, line, names) for line in lines}
        assert outcome(who, allowed, names) not in (EXPLICIT, NOT_GIVEN)
    assert len(told) == len(lines)
    return told


def of_the_stack(stack: dict[str, Any]) -> dict[str, str]:
    kms, machine = people.root(stack, "kms"), stack["state_machine_arn"]
    keys = {
        alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"] if "TargetKeyId" in alias
    }
    buckets = [bucket["Name"] for bucket in people.root(stack, "s3").list_buckets()["Buckets"]]
    return {
        "account": stack["account_id"],
        "table": stack["table_name"],
        "machine": machine,
        "execution": machine.replace(":stateMachine:", ":execution:"),
        "secrets_key": keys["alias/gatehouse-secrets"],
        "claim_code_key": keys["alias/gatehouse-claim-code"],
        "queue": people.root(stack, "sqs").get_queue_url(QueueName="gatehouse-dead-letters")["QueueUrl"],
        "bucket": next(bucket for bucket in buckets if bucket.startswith("aws-sam-cli-managed-")),
        "empty": "{}",
        "long": "-" * 1000,
    }


def outcome(who: Person, line: dict[str, Any], names: Mapping[str, str]) -> str:
    service, operation = line["try"].split(":")
    client = who.aws(CLIENTS.get(service, service))
    try:
        getattr(client, line.get("call") or xform_name(operation))(**filled(line["with"], names))
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in REFUSALS:
            return EXPLICIT if EXPLICIT in message else NOT_GIVEN
        # Let in, and failed for something else.
        return code
    return ALLOWED


def filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    return value.format_map(names) if isinstance(value, str) else value
