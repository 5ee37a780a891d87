"""POST /onboardings: what a 202 says, and what an Idempotency-Key promises."""

import uuid
from typing import Any

from local.client import Person
from tests.e2e import asking

UNAMBIGUOUS = set("23456789ABCDEFGHJKLMNPQRSTUVWXYZ")


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_an_admitted_request_is_answered_with_its_id_its_code_and_links(
    stack: dict[str, Any], requester: Person
) -> None:
    wanted = asking.request(profile="power-user")
    answer = requester.post("/onboardings", wanted, {"Content-Type": "application/json"})
    assert answer.status == 202
    assert asking.header(answer, "Content-Type") == "application/json"
    assert asking.header(answer, "Cache-Control") == "no-store"
    accepted = answer.json
    assert set(accepted) == {"onboarding_id", "status", "claim_code", "links"}
    assert accepted["status"] == "REQUESTED"
    assert len(accepted["claim_code"]) == 8
    assert set(accepted["claim_code"]) <= UNAMBIGUOUS
    path = f"/onboardings/{accepted['onboarding_id']}"
    assert accepted["links"] == {
        "self": path,
        "decision": f"{path}/decision",
        "resend": f"{path}/resend",
        "cancel": f"{path}/cancel",
    }
    assert accepted["onboarding_id"] in asking.traces(stack).executions
    assert requester.get(accepted["links"]["self"]).json["user_name"] == wanted["user_name"]


def test_every_onboarding_has_a_code_of_its_own(requester: Person) -> None:
    codes = {asking.submit(requester, profile="power-user").claim_code for _ in range(3)}
    assert len(codes) == 3


def test_the_same_request_under_the_same_key_is_answered_byte_for_byte_the_same(
    stack: dict[str, Any], requester: Person, approver: Person
) -> None:
    wanted, under = asking.request(profile="power-user"), key()
    first = requester.post("/onboardings", wanted, under)
    assert first.status == 202
    reordered = dict(reversed(wanted.items())) | {"kind": "person", "tags": {}}
    before = asking.traces(stack)
    assert requester.post("/onboardings", wanted, under).body == first.body
    assert requester.post("/onboardings", reordered, under).body == first.body
    onboarding_id = first.json["onboarding_id"]
    asking.awaited(stack, onboarding_id, "PENDING_APPROVAL")
    assert approver.post(f"/onboardings/{onboarding_id}/decision", {"decision": "approve"}).status == 200
    asking.awaited(stack, onboarding_id, "PENDING_MFA")
    # The user exists by now: the key is looked at before the name.
    assert requester.post("/onboardings", wanted, under).body == first.body
    assert asking.traces(stack) == before


def test_another_request_under_a_used_key_is_refused(stack: dict[str, Any], requester: Person) -> None:
    wanted, under = asking.request(profile="power-user"), key()
    assert requester.post("/onboardings", wanted, under).status == 202
    before = asking.traces(stack)
    other = requester.post("/onboardings", wanted | {"email": "another@example.com"}, under)
    asking.problem(other, 422, "idempotency-key-reused")
    # The name is taken too, and the key is looked at first; a wrong request is found before either.
    asking.problem(requester.post("/onboardings", wanted | {"profile": "auditor"}, under), 422)
    assert asking.wrong_fields(requester.post("/onboardings", wanted | {"email": "nowhere"}, under)) == {"email"}
    assert asking.traces(stack) == before


def test_a_key_is_its_callers_own(requester: Person, admin: Person) -> None:
    under = key()
    mine = requester.post("/onboardings", asking.request(profile="power-user"), under)
    theirs = admin.post("/onboardings", asking.request(profile="power-user"), under)
    assert (mine.status, theirs.status) == (202, 202)
    assert mine.json["onboarding_id"] != theirs.json["onboarding_id"]


def test_a_request_that_was_refused_does_not_use_up_its_key(requester: Person) -> None:
    under = key()
    assert asking.wrong_fields(requester.post("/onboardings", asking.request(email="nowhere"), under)) == {"email"}
    assert requester.post("/onboardings", asking.request(profile="power-user"), under).status == 202


def test_a_key_is_free_again_after_its_24_hours(stack: dict[str, Any], requester: Person) -> None:
    under, before = key(), asking.traces(stack)
    assert requester.post("/onboardings", asking.request(profile="power-user"), under).status == 202
    [row] = [row for row in asking.traces(stack).rows - before.rows if row.startswith("idempotency#")]
    asking.rewrite(stack, row, "expires_at", "2026-01-01T00:00:00.000000Z")
    assert requester.post("/onboardings", asking.request(profile="power-user"), under).status == 202


def test_four_at_once_under_one_key_are_one_onboarding(stack: dict[str, Any], requester: Person) -> None:
    wanted, under = asking.request(profile="power-user"), key()
    before = asking.traces(stack)
    answers = asking.together(*[lambda: requester.post("/onboardings", wanted, under)] * 4)
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body for answer in answers}) == 1
    after = asking.traces(stack)
    assert after.executions - before.executions == {answers[0].json["onboarding_id"]}
    assert len(after.rows - before.rows) == 2


def test_text_in_any_script_is_accepted_where_it_is_allowed(requester: Person) -> None:
    onboarding = asking.submit(
        requester,
        profile="power-user",
        justification="Проєкт 移行: “naïve” & co., 100 % 🚀",
        tags={"équipe": "データ", "cost center": "4711", "empty": ""},
    )
    record = requester.get(onboarding.path).json
    assert record["justification"] == "Проєкт 移行: “naïve” & co., 100 % 🚀"
    assert record["tags"] == {"équipe": "データ", "cost center": "4711", "empty": ""}
