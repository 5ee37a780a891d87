"""Whatever is sent, the API answers, and never with a fault of its own."""

import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from local.client import Person, send
from tests.e2e import asking

TEXT = some.text(max_size=40)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | TEXT,
    lambda children: some.lists(children, max_size=4) | some.dictionaries(TEXT, children, max_size=4),
    max_leaves=12,
)
NAMES = some.sampled_from(
    ["kind", "user_name", "email", "profile", "access", "groups", "policies", "tags", "justification", "expires_at"]
)
# Every one of them is wrong somewhere: what is admitted would be worked off.
REQUESTS = some.dictionaries(NAMES | TEXT, JSON, min_size=1, max_size=4).map(
    lambda fields: asking.request(profile="no-such-profile") | fields
)
BODIES = some.binary(max_size=300) | JSON.map(asking.as_json) | REQUESTS.map(asking.as_json)
BOUNDED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@BOUNDED
@given(
    body=BODIES, key=some.none() | some.text(some.characters(max_codepoint=255, exclude_categories=["C"]), max_size=300)
)
def test_a_request_of_any_form_is_refused_as_a_problem(requester: Person, body: bytes, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key.strip()}
    answer = requester.post("/onboardings", body, headers)
    asking.problem(answer, answer.status)
    assert answer.status in (400, 413)


@BOUNDED
@given(body=BODIES)
def test_a_decision_of_any_form_is_refused_as_a_problem(approver: Person, body: bytes) -> None:
    answer = approver.post(f"/onboardings/{uuid.uuid4()}/decision", body)
    asking.problem(answer, answer.status)
    assert answer.status in (400, 404)


@BOUNDED
@given(body=BODIES)
def test_a_claim_of_any_form_is_refused_as_a_problem(stack: dict[str, Any], body: bytes) -> None:
    answer = send("POST", stack["claim_url"], body, {"Content-Type": "application/json"})
    asking.problem(answer, answer.status)
    assert answer.status in (400, 404)
