"""POST /onboardings/{id}/resend and /cancel."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local import client
from local.client import Person
from tests.e2e import asking

OPEN = ["REQUESTED", "PENDING_APPROVAL", "PROVISIONING", "PENDING_MFA", "ROLLING_BACK", "ROLLBACK_INCOMPLETE"]
FINAL = ["COMPLETE", "REJECTED", "EXPIRED", "CANCELLED", "FAILED"]


@pytest.fixture(scope="module")
def invited(stack: dict[str, Any]) -> asking.Onboarding:
    """Somebody who has the mail and did not do anything yet."""
    onboarding = asking.submit(client.principal(stack, "requester"))
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    return onboarding


@pytest.fixture(scope="module", autouse=True)
def cancelled_at_once(stack: dict[str, Any]) -> asking.Onboarding:
    """Cancelled twice right after the request; its roll-back takes a second look while other tests run."""
    requester = client.principal(stack, "requester")
    onboarding = asking.submit(requester)
    for _ in range(2):
        assert requester.post(f"{onboarding.path}/cancel").status == 202
    return onboarding


def resend(person: Person, onboarding: asking.Onboarding) -> client.Answer:
    return person.post(f"{onboarding.path}/resend")


def test_a_resend_gives_a_new_link_and_a_new_code_and_ends_the_old_ones(
    stack: dict[str, Any], requester: Person, operator: Person, invited: asking.Onboarding
) -> None:
    old = asking.token(stack, invited)
    answer = resend(requester, invited)
    assert answer.status == 200
    assert set(answer.json) == {"claim_code", "claim_expires_at"}
    assert asking.TIME.fullmatch(answer.json["claim_expires_at"])
    assert answer.json["claim_code"] != invited.claim_code
    asking.problem(client.claim(stack, old, invited.claim_code), 410)
    asking.problem(client.claim(stack, old, answer.json["claim_code"]), 410)

    for impatient in (requester, operator):
        again = resend(impatient, invited)
        asking.problem(again, 429, "too-soon")
        assert 1 <= int(asking.header(again, "Retry-After") or 0) <= 60

    new = asking.token(stack, invited, number=2)
    assert new != old
    asking.problem(client.claim(stack, new, invited.claim_code), 403)
    revealed = client.claim(stack, new, answer.json["claim_code"])
    assert revealed.status == 200
    assert revealed.json["user_name"] == invited.user_name


def test_of_two_resends_at_once_one_is_too_soon(stack: dict[str, Any], requester: Person, operator: Person) -> None:
    onboarding = asking.submit(requester)
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    answers = asking.together(lambda: resend(requester, onboarding), lambda: resend(operator, onboarding))
    sent, refused = sorted(answers, key=lambda answer: answer.status)
    assert sent.status == 200
    asking.problem(refused, 429, "too-soon")
    assert client.claim(stack, asking.token(stack, onboarding, 2), sent.json["claim_code"]).status == 200
    assert len(client.mails(stack, onboarding.email)) == 2


def test_only_who_waits_for_mfa_gets_another_mail(requester: Person) -> None:
    onboarding = asking.needing_approval(requester)
    asking.problem(resend(requester, onboarding), 409, "not-pending-mfa")
    assert client.mails(requester.stack, onboarding.email) == []


def test_cancelling_while_the_user_enrols_removes_the_user_and_ends_the_link(
    stack: dict[str, Any], requester: Person, operator: Person
) -> None:
    onboarding = asking.submit(requester)
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    token = asking.token(stack, onboarding)
    answer = operator.post(f"{onboarding.path}/cancel")
    assert answer.status == 202
    assert answer.json["onboarding_id"] == onboarding.id
    asking.problem(client.claim(stack, token, onboarding.claim_code), 410, "claim-withdrawn")
    asking.problem(resend(requester, onboarding), 409)
    record = asking.awaited(stack, onboarding.id, "CANCELLED")
    assert [entry["by"] for entry in record["timeline"] if entry["event"] == "cancel_requested"] == [
        "operator@example.com"
    ]
    assert asking.is_nobody(stack, onboarding)
    asking.problem(client.claim(stack, token, onboarding.claim_code), 410, "claim-withdrawn")
    asking.problem(requester.post(f"{onboarding.path}/cancel"), 409, "already-final")
    # The name is free again.
    assert requester.post("/onboardings", asking.request(user_name=onboarding.user_name)).status == 202


@pytest.fixture
def standing(stack: dict[str, Any], requester: Person, invited: asking.Onboarding) -> Iterator[Any]:
    """Puts a record into the table that stands in a given status, with no execution behind it."""
    dynamodb, table = asking.root(stack, "dynamodb"), stack["table_name"]
    written: list[str] = []

    def put(status: str) -> str:
        item = dynamodb.get_item(TableName=table, Key={"pk": {"S": f"onboarding#{invited.id}"}})["Item"]
        onboarding_id = str(uuid.uuid4())
        own = {"pk": f"onboarding#{onboarding_id}", "onboarding_id": onboarding_id, "status": status}
        item = {name: value for name, value in item.items() if name not in ("task_token", "cancelled_by", "user_key")}
        dynamodb.put_item(TableName=table, Item=item | {name: {"S": value} for name, value in own.items()})
        written.append(own["pk"])
        return onboarding_id

    yield put
    for key in written:
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": key}})


@pytest.mark.parametrize("status", OPEN)
def test_what_has_not_ended_can_be_cancelled(requester: Person, standing: Any, status: str) -> None:
    assert requester.post(f"/onboardings/{standing(status)}/cancel").status == 202


@pytest.mark.parametrize("status", FINAL)
def test_what_has_ended_cannot_be_cancelled(requester: Person, standing: Any, status: str) -> None:
    asking.problem(requester.post(f"/onboardings/{standing(status)}/cancel"), 409, "already-final")


@pytest.mark.parametrize("status", [status for status in OPEN + FINAL if status != "PENDING_MFA"])
def test_nothing_is_resent_before_or_after_the_wait_for_mfa(requester: Person, standing: Any, status: str) -> None:
    asking.problem(resend(requester, asking.Onboarding(standing(status), "", "", "")), 409, "not-pending-mfa")


def test_cancelling_right_after_the_request_leaves_nobody(
    stack: dict[str, Any], cancelled_at_once: asking.Onboarding
) -> None:
    record = asking.awaited(stack, cancelled_at_once.id, "CANCELLED")
    assert record["status_reason"] == "CANCELLED"
    assert len([entry for entry in record["timeline"] if entry["event"] == "cancel_requested"]) == 1
    assert asking.is_nobody(stack, cancelled_at_once)
