"""An operator has a password or an access key replaced."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import Person
from tests.workflow import evidence, people


def complete(stack: dict[str, Any], stem: str) -> people.Onboarding:
    """Somebody with a password and a key, neither of them claimed yet."""
    onboarding = people.requested(stack, stem, access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    return onboarding


def claimed_key(onboarding: people.Onboarding, code: str | None = None, number: int = 1) -> Person:
    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key", number), code)
    assert answer.status == 200, answer.body
    return Person(onboarding.stack, answer.json["access_key_id"], answer.json["secret_access_key"])


def test_a_new_password_opens_the_door_and_the_old_one_does_not(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "forgetful")
    people.awaited(onboarding, "PENDING_MFA")
    own = people.claim(onboarding, people.link(onboarding)).json["password"]
    people.enrol(onboarding)
    evidence.completed(onboarding)
    answer = people.reissue(onboarding, "password", "forgot it on holiday")
    assert answer.status == 200
    assert answer.json.keys() == {"claim_code", "claim_expires_at"}

    link, code = people.link(onboarding, "Your new AWS password"), answer.json["claim_code"]
    assert people.claim(onboarding, link).status == 403
    claimed = people.claim(onboarding, link, code)
    assert (claimed.status, claimed.json["reset_required"]) == (200, True)
    assert people.claim(onboarding, link, code).status == 410
    assert not people.password_is(onboarding, own)
    assert people.password_is(onboarding, claimed.json["password"])

    # The member boundary stays: without the device that stands, the password opens nothing and enrols none.
    assert evidence.boundary(onboarding) == evidence.BOUNDARIES["member"]
    with people.signed_in(onboarding) as user, pytest.raises(ClientError, match="AccessDenied"):
        people.enrol_device(people.aws(user, "iam"), onboarding.user_name, "another")
    assert evidence.secrets(onboarding) == []
    assert evidence.open_claims(onboarding) == []
    (noted,) = [entry for entry in evidence.record(onboarding)["timeline"] if entry["event"] == "reissued"]
    assert (noted["by"], noted["detail"]) == ("operator@example.com", "password: forgot it on holiday")
    (told,) = people.mails(onboarding, "New password for")
    assert set(told["to"]) == {onboarding.email, "requester@example.com"}


def test_a_new_key_works_and_the_old_one_is_gone(stack: dict[str, Any]) -> None:
    onboarding = complete(stack, "burgled")
    old = claimed_key(onboarding)
    answer = people.reissue(onboarding, "access_key")
    assert answer.status == 200
    new = claimed_key(onboarding, answer.json["claim_code"], number=2)
    assert evidence.access_keys(onboarding) == [new.access_key_id]
    assert people.aws(new, "sts").get_caller_identity()["Arn"].endswith(f"/{onboarding.user_name}")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId|AccessDenied"):
        people.aws(old, "iam").get_user()
    tags = {tag["Key"] for tag in (evidence.user(onboarding) or {})["Tags"]}
    assert (old.access_key_id in tags, new.access_key_id in tags) == (False, True)
    assert evidence.secrets(onboarding) == []


def test_a_link_that_nobody_used_is_dead_once_there_is_another(stack: dict[str, Any]) -> None:
    onboarding = complete(stack, "unclaimed")
    old = people.link(onboarding, "Your AWS access key")
    code = people.reissue(onboarding, "access_key").json["claim_code"]
    assert people.claim(onboarding, old).status == 410
    assert people.claim(onboarding, old, code).status == 410
    assert evidence.secrets(onboarding) == [f"gatehouse/{onboarding.id}/access-key/2"]
    claimed_key(onboarding, code, number=2)


def test_an_operator_who_is_in_a_hurry_waits_and_a_requester_asks_an_operator(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "hurried")
    people.awaited(onboarding, "PENDING_MFA")
    assert people.reissue(onboarding, "password").status == 409
    people.enrol(onboarding)
    evidence.completed(onboarding)
    for who in ("requester", "approver"):
        assert people.reissue(onboarding, "password", by=who).status == 403
    assert people.reissue(onboarding, "access_key").status == 409
    assert people.reissue(onboarding, "password").status == 200
    too_soon = people.reissue(onboarding, "password")
    assert (too_soon.status, too_soon.json["type"]) == (429, "urn:gatehouse:problem:too-soon")
    assert len(people.mails(onboarding, "Your new AWS password")) == 1


def test_a_user_who_was_removed_by_hand_gets_nothing(stack: dict[str, Any]) -> None:
    onboarding = complete(stack, "removed")
    iam = people.root(stack, "iam")
    iam.untag_user(UserName=onboarding.user_name, TagKeys=["gatehouse:onboarding-id"])
    refused = people.reissue(onboarding, "password")
    assert (refused.status, refused.json["type"]) == (409, "urn:gatehouse:problem:user-gone")
    iam.tag_user(UserName=onboarding.user_name, Tags=[{"Key": "gatehouse:onboarding-id", "Value": onboarding.id}])
    assert people.reissue(onboarding, "password").status == 200
