"""Console, command line, or both."""

from typing import Any

import pytest

from local.client import Person
from tests.workflow import evidence, faults, people


@pytest.mark.parametrize("access", [["programmatic"], ["console", "programmatic"]], ids=" and ".join)
def test_an_access_key_is_handed_over_after_mfa_by_a_claim_of_its_own(stack: dict[str, Any], access: list[str]) -> None:
    onboarding = people.requested(stack, "-".join(["cli", *access]), access=access)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.has_password(onboarding)
    serial = people.enrol(onboarding)
    record = evidence.completed(onboarding)
    assert evidence.has_password(onboarding) is ("console" in access)
    assert evidence.open_claims(onboarding) == ["access_key"]

    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key"))
    assert answer.status == 200
    assert answer.json.keys() == {"kind", "access_key_id", "secret_access_key", "cli_config"}
    assert evidence.access_keys(onboarding) == [answer.json["access_key_id"]]
    assert f"mfa_serial = {serial}" in answer.json["cli_config"]
    user = Person(stack, answer.json["access_key_id"], answer.json["secret_access_key"])
    identity = people.aws(user, "sts").get_caller_identity()
    assert identity["Arn"] == record["evidence"]["enrolled_by"]
    assert evidence.open_claims(onboarding) == []
    assert evidence.secrets(onboarding) == []


def test_a_key_whose_secret_an_earlier_try_left_empty_is_made_all_the_same(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "half-made", access=["programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    # As after a try that was cut off right behind CreateSecret.
    name = f"gatehouse/{onboarding.id}/access-key/1"
    people.root(stack, "secretsmanager").create_secret(Name=name)
    people.enrol(onboarding)
    evidence.completed(onboarding)
    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key"))
    assert evidence.access_keys(onboarding) == [answer.json["access_key_id"]]


def test_a_step_that_is_called_again_changes_nothing(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "again")
    people.awaited(onboarding, "PENDING_MFA")
    password = evidence.secret_value(onboarding, "password")
    assert password
    # What Step Functions does when the answer of a step was lost.
    faults.invoke(stack, "IssuePassword", {"onboarding_id": onboarding.id})
    assert people.claim(onboarding, people.link(onboarding)).json["password"] == password
    assert people.password_is(onboarding, password)
    people.enrol(onboarding)
    before = evidence.completed(onboarding)
    faults.invoke(stack, "CompleteOnboarding", {"onboarding_id": onboarding.id})
    assert evidence.completed(onboarding) == before
    assert len(people.mails(onboarding, "MFA enrolled", onboarding.email)) == 1
