"""ServeClaimPage: a static page that may run its own script, post to its own origin, and nothing else."""

import base64
import hashlib
import re

import pytest

from tests.unit.account import Account, Answer, event


@pytest.fixture
def page(aws: Account) -> Answer:
    return aws.api("serve_claim_page")


def test_it_is_html_that_nobody_keeps_frames_or_passes_on(page: Answer) -> None:
    assert page.status == 200
    headers = dict(page.headers)
    headers.pop("Content-Security-Policy")
    assert headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Strict-Transport-Security": "max-age=31536000",
    }


def policy(page: Answer) -> dict[str, str]:
    directives = page.headers["Content-Security-Policy"].split(";")
    return dict(directive.strip().split(" ", 1) for directive in directives)


def test_nothing_is_allowed_that_the_page_does_not_need(page: Answer) -> None:
    allowed = policy(page)
    assert allowed.pop("connect-src") == "'self'"
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", allowed.pop(name)) for name in ("script-src", "style-src"))
    assert allowed.keys() == {"default-src", "img-src", "base-uri", "form-action", "frame-ancestors"}
    assert set(allowed.values()) == {"'none'"}


@pytest.mark.parametrize("element", ["script", "style"])
def test_script_and_style_are_those_that_the_hashes_name(page: Answer, element: str) -> None:
    """A browser hashes what stands between the tags, to the last blank."""
    (source,) = re.findall(f"<{element}>(.*?)</{element}>", page.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    assert policy(page)[f"{element}-src"] == f"'sha256-{digest}'"
    assert len(source) > 100


def test_nothing_in_it_needs_what_is_not_allowed(page: Answer) -> None:
    """Inline handlers and styles would be blocked, and whatever is fetched from elsewhere."""
    markup = re.sub(r"<(script|style)>.*?</\1>", "", page.body, flags=re.DOTALL)
    assert re.findall(r"\s(on\w+|style|src|srcset|href|action)\s*=", markup) == []
    assert re.findall(r"https?://\w", page.body) == []


def test_the_script_writes_text_never_markup(page: Answer) -> None:
    """What is revealed was chosen by somebody: a user name may not become an element."""
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", page.body) == []
    assert "textContent" in page.body


def test_it_posts_to_its_relative_address_and_forgets_the_token_in_the_address_bar(page: Answer) -> None:
    assert re.findall(r"fetch\(([^,]+),", page.body) == ['"claim"']
    assert "history.replaceState" in page.body


def test_it_is_the_same_whatever_is_asked(aws: Account, page: Answer) -> None:
    asked = event("serve_claim_page")
    given = {"token": "x" * 43, "<script>": "1"}
    other = aws.api("serve_claim_page", queryStringParameters=given, headers={**asked["headers"], "Cookie": "x"})
    assert other == page


def test_looking_at_it_asks_aws_nothing(aws: Account, page: Answer) -> None:
    assert aws.wire.calls == []
