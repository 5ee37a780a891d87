"""GET /onboardings with Accept: text/csv."""

import csv
import io
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest

from local.client import Answer, Person
from tests.e2e import asking

WANTED = {"Accept": "text/csv"}


@pytest.fixture(scope="module")
def newcomer(stack: dict[str, Any]) -> Person:
    """A requester of whom the stack has heard nothing yet."""
    return asking.person_with(stack, "requester")


@pytest.fixture(scope="module")
def three(newcomer: Person) -> list[asking.Onboarding]:
    """What the newcomer requested, newest first, all waiting for an approver."""
    submitted = [asking.submit(newcomer, profile="power-user", justification="=1+1") for _ in range(3)]
    for onboarding in submitted:
        asking.awaited(newcomer.stack, onboarding.id, "PENDING_APPROVAL")
    return submitted[::-1]


def lines(answer: Answer) -> list[dict[str, str]]:
    assert (answer.status, asking.header(answer, "Content-Type")) == (200, "text/csv; charset=utf-8"), answer.body
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


def test_a_result_page_comes_as_a_file_for_a_spreadsheet(newcomer: Person, three: list[asking.Onboarding]) -> None:
    answer = newcomer.call("GET", "/onboardings", headers=WANTED)
    assert [line["Onboarding ID"] for line in lines(answer)] == [onboarding.id for onboarding in three]
    assert {line["Status"] for line in lines(answer)} == {"PENDING_APPROVAL"}
    assert [line["User name"] for line in lines(answer)] == [onboarding.user_name for onboarding in three]
    assert asking.header(answer, "Content-Disposition") == 'attachment; filename="gatehouse-onboardings.csv"'
    assert asking.header(answer, "Cache-Control") == "no-store"
    assert asking.header(answer, "Link") is None


def test_page_after_page_follows_the_link(newcomer: Person, three: list[asking.Onboarding]) -> None:
    seen: list[str] = []
    path = "/onboardings?limit=2&status=PENDING_APPROVAL"
    while path:
        answer = newcomer.call("GET", path, headers=WANTED)
        seen += [line["Onboarding ID"] for line in lines(answer)]
        link = asking.header(answer, "Link")
        following = re.fullmatch(r'<(\?.*)>; rel="next"', link) if link else None
        assert bool(link) == bool(following)
        path = f"/onboardings{following[1]}" if following else ""
        if following:
            assert dict(parse_qsl(following[1][1:])).keys() == {"limit", "status", "cursor"}
    assert seen == [onboarding.id for onboarding in three]


def test_a_user_s_sign_in_page_is_named_by_the_account_s_alias_once_it_was_mailed(
    requester: Person, stack: dict[str, Any]
) -> None:
    onboarding = asking.submit(requester)
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    token = asking.token(stack, onboarding)
    answer = requester.call("GET", f"/onboardings?user_name={onboarding.user_name}", headers=WANTED)
    (line,) = lines(answer)
    assert line["Console sign-in URL"] == "https://example-corp.signin.aws.amazon.com/console"
    assert (line["Status"], line["Email"]) == ("PENDING_MFA", onboarding.email)
    assert not [secret for secret in (token, onboarding.claim_code) if secret.encode() in answer.body]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/csv", "text/csv;q=0.5, */*"])
def test_everybody_else_gets_json(newcomer: Person, three: list[asking.Onboarding], accept: str) -> None:
    answer = newcomer.call("GET", "/onboardings?limit=1", headers={"Accept": accept})
    assert asking.header(answer, "Content-Type") == "application/json"
    assert answer.json["items"][0]["onboarding_id"] == three[0].id


def test_a_refusal_stays_a_problem_document(newcomer: Person) -> None:
    answer = newcomer.call("GET", "/onboardings?limit=0", headers=WANTED)
    assert asking.wrong_fields(answer) == {"limit"}


def test_a_stranger_s_onboardings_are_not_in_it(three: list[asking.Onboarding], stack: dict[str, Any]) -> None:
    stranger = asking.person_with(stack, "requester")
    assert lines(stranger.call("GET", "/onboardings", headers=WANTED)) == []
    name = three[0].user_name
    assert lines(stranger.call("GET", f"/onboardings?user_name={name}", headers=WANTED)) == []
