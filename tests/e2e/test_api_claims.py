"""The claim page and POST /claim."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from local import client
from local.client import Answer, send
from tests.e2e import asking

NOBODYS = "A" * 43
NO_TEXT: list[Any] = [None, 1, True, [], {}]


@pytest.fixture(scope="module")
def invitations(stack: dict[str, Any]) -> list[asking.Onboarding]:
    """Several who got the mail; every test takes one."""
    requester = client.principal(stack, "requester")
    submitted = [asking.submit(requester) for _ in range(6)]
    for onboarding in submitted:
        asking.awaited(stack, onboarding.id, "PENDING_MFA")
    return submitted


@pytest.fixture
def invited(invitations: list[asking.Onboarding]) -> asking.Onboarding:
    return invitations.pop()


@pytest.fixture
def token(stack: dict[str, Any], invited: asking.Onboarding) -> str:
    return asking.token(stack, invited)


def post(stack: dict[str, Any], body: bytes) -> Answer:
    return send("POST", stack["claim_url"], body, {"Content-Type": "application/json"})


def wrong(code: str) -> str:
    """Another code of the right form."""
    return code[::-1] if code != code[::-1] else "22222222"


def test_the_page_may_run_its_own_script_and_nothing_else(stack: dict[str, Any]) -> None:
    page = send("GET", stack["claim_url"])
    assert page.status == 200
    assert asking.header(page, "Content-Type") == "text/html; charset=utf-8"
    assert asking.header(page, "Cache-Control") == "no-store"
    assert asking.header(page, "Referrer-Policy") == "no-referrer"
    policy = dict(
        part.strip().split(" ", 1) for part in (asking.header(page, "Content-Security-Policy") or "").split(";")
    )
    assert policy["default-src"] == "'none'"
    for element, directive in (("script", "script-src"), ("style", "style-src")):
        [source] = re.findall(f"<{element}>(.*?)</{element}>", page.body.decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"


def test_the_page_refers_to_nobody_and_posts_to_its_relative_address(stack: dict[str, Any]) -> None:
    page = send("GET", stack["claim_url"]).body.decode()
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|srcset|href|action|poster|data)\s*=", markup)
    assert not re.findall(r"@import|url\(|<link|<iframe|<img|<object|<embed", page)
    assert re.findall(r"""fetch\(["']([^"']+)["']""", page) == ["claim"]


def test_the_page_reveals_nothing_and_looking_at_it_changes_nothing(
    stack: dict[str, Any], invited: asking.Onboarding, token: str
) -> None:
    plain = send("GET", stack["claim_url"])
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        for address in (stack["claim_url"], f"{stack['claim_url']}?token={token}", f"{stack['claim_url']}?{token}"):
            looked = send(method, address)
            assert looked.status in (200, 403)
            assert token.encode() not in looked.body
            assert method != "GET" or looked.body == plain.body
    refused = client.claim(stack, token, wrong(invited.claim_code))
    assert asking.problem(refused, 403)["attempts_left"] == 4
    assert client.claim(stack, token, invited.claim_code).status == 200


def test_a_claim_reveals_the_password_once(stack: dict[str, Any], invited: asking.Onboarding, token: str) -> None:
    answer = client.claim(stack, token, invited.claim_code)
    assert answer.status == 200
    assert asking.header(answer, "Cache-Control") == "no-store"
    assert asking.header(answer, "Content-Type") == "application/json"
    revealed = answer.json
    assert set(revealed) == {"kind", "user_name", "sign_in_url", "password", "reset_required"}
    assert revealed["kind"] == "console_password"
    assert revealed["user_name"] == invited.user_name
    assert revealed["sign_in_url"] == "https://example-corp.signin.aws.amazon.com/console"
    assert revealed["reset_required"] is True
    assert len(revealed["password"]) >= 14
    for code in (invited.claim_code, wrong(invited.claim_code)):
        asking.problem(client.claim(stack, token, code), 410, "claim-used")


def test_of_two_claims_at_once_one_gets_the_password(
    stack: dict[str, Any], invited: asking.Onboarding, token: str
) -> None:
    answers = asking.together(*[lambda: client.claim(stack, token, invited.claim_code)] * 2)
    first, second = sorted(answers, key=lambda answer: answer.status)
    assert first.status == 200
    asking.problem(second, 410, "claim-used")


def test_the_fifth_wrong_code_burns_the_claim(stack: dict[str, Any], invited: asking.Onboarding, token: str) -> None:
    guesses = [wrong(invited.claim_code), "", "\ud800" * 8, "x" * 30_000, f"{invited.claim_code}{invited.claim_code}"]
    left = [asking.problem(client.claim(stack, token, guess), 403)["attempts_left"] for guess in guesses]
    assert left == [4, 3, 2, 1, 0]
    asking.problem(client.claim(stack, token, invited.claim_code), 410, "claim-burnt")


def test_seven_wrong_codes_at_once_are_five_attempts(
    stack: dict[str, Any], invited: asking.Onboarding, token: str
) -> None:
    answers = asking.together(*[lambda: client.claim(stack, token, wrong(invited.claim_code))] * 7)
    left = sorted(answer.json["attempts_left"] for answer in answers if answer.status == 403)
    assert left == [0, 1, 2, 3, 4]
    assert sorted(answer.status for answer in answers) == [403] * 5 + [410] * 2


def test_a_claim_ends_with_its_time(stack: dict[str, Any], invited: asking.Onboarding, token: str) -> None:
    key = f"claim#{hashlib.sha256(token.encode()).hexdigest()}"
    asking.rewrite(stack, key, "expires_at", "2026-01-01T00:00:00.000000Z")
    asking.problem(client.claim(stack, token, invited.claim_code), 410, "claim-expired")


def test_a_code_may_be_typed_with_spaces_hyphens_and_small_letters(stack: dict[str, Any]) -> None:
    onboarding = asking.submit(client.principal(stack, "requester"))
    asking.awaited(stack, onboarding.id, "PENDING_MFA")
    code = onboarding.claim_code.lower()
    assert client.claim(stack, asking.token(stack, onboarding), f" {code[:4]}-{code[4:]} ").status == 200


@pytest.mark.parametrize(
    "made_up", [NOBODYS, "", "short", "A" * 44, f"{NOBODYS}\n", "é" * 43, "../" * 14, "\ud800" * 43]
)
def test_an_unknown_or_malformed_token_is_not_found(stack: dict[str, Any], made_up: str) -> None:
    asking.problem(client.claim(stack, made_up, "23456789"), 404, "claim-unknown")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"token", "code"}),
        ({"token": NOBODYS}, {"code"}),
        ({"code": "23456789"}, {"token"}),
        ({"token": NOBODYS, "code": "23456789", "user_name": "alice"}, {"user_name"}),
        *[({"token": NOBODYS, "code": code}, {"code"}) for code in NO_TEXT],
        *[({"token": token, "code": "23456789"}, {"token"}) for token in NO_TEXT],
    ],
)
def test_a_claim_with_missing_unknown_or_mistyped_fields_is_refused(
    stack: dict[str, Any], body: dict[str, Any], fields: set[str]
) -> None:
    assert asking.wrong_fields(post(stack, asking.as_json(body))) == fields


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 30_000], ids=lambda body: ascii(body)[:12])
def test_a_claim_that_is_no_json_object_is_refused(stack: dict[str, Any], body: bytes) -> None:
    assert asking.wrong_fields(post(stack, body)) == {"body"}


def test_a_claim_with_a_name_twice_or_above_32_kb_is_refused(stack: dict[str, Any]) -> None:
    twice = f'{{"token": "{NOBODYS}", "token": "{NOBODYS}", "code": "x"}}'.encode()
    assert asking.wrong_fields(post(stack, twice)) == {"token"}
    large = json.dumps({"token": NOBODYS, "code": "x" * 32 * 1024}).encode()
    asking.problem(post(stack, large), 413, "payload-too-large")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_there_is_no_other_way_to_claim(stack: dict[str, Any], method: str) -> None:
    asking.problem(send(method, stack["claim_url"], b"{}"), 403)
