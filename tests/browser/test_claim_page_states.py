"""Each state of the claim page, for everybody: on a phone, in the dark, by keyboard, with a screen reader."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from local import browser as system_browser
from local import claim_states
from local.claim_states import ACCESS_KEY, PASSWORD, State, answers, reach, show_secrets
from local.client import Answer
from tests.browser import accessibility
from tests.browser.conftest import Noted, assert_no_token_in_the_address_bar

At = Callable[..., Page]

EACH = pytest.mark.parametrize("state", claim_states.STATES, ids=lambda state: state.name)
STATES = {state.name: state for state in claim_states.STATES}
SECRETS = (PASSWORD["password"], ACCESS_KEY["secret_access_key"])
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture(scope="module")
def desk(chromium: Browser, stack: dict[str, Any], served: Answer) -> Iterator[BrowserContext]:
    """One person for all tests: a new one each time would take twice as long. The page is asked for once."""
    context = system_browser.person(chromium)
    page = {"status": served.status, "headers": dict(served.headers), "body": served.body}
    context.route(stack["claim_url"], lambda route: route.fulfill(**page))
    yield context
    context.close()


@pytest.fixture(scope="module")
def noted_at_desk(desk: BrowserContext) -> Noted:
    noted = Noted()
    noted.of(desk)
    return noted


@pytest.fixture
def noted(noted_at_desk: Noted) -> Noted:
    noted_at_desk.requests.clear()
    noted_at_desk.complaints.clear()
    return noted_at_desk


@pytest.fixture
def at(desk: BrowserContext, stack: dict[str, Any], noted: Noted) -> Iterator[At]:
    """A page in that state, or in the one of that name; `before` is a script that runs before the page's own."""

    def come(state: State | str, before: str = "") -> Page:
        page = desk.new_page()
        page.add_init_script(before)
        reach(page, stack["claim_url"], STATES[state] if isinstance(state, str) else state)
        return page

    yield come
    noted.assert_discreet(stack)
    assert_no_token_in_the_address_bar(desk)
    desk.set_offline(False)
    for page in desk.pages:
        page.close()


@EACH
def test_everybody_can_use_it(at: At, noted: Noted, state: State) -> None:
    """axe finds nothing, nobody scrolls sideways, and a screen reader is led to what is new."""
    page = at(state)
    focused = page.evaluate("document.activeElement.id || document.activeElement.textContent")
    waits = "code" if page.get_by_label("Claim code").is_visible() else "title"
    assert focused == ("Hide" if state.name.endswith("visible") else waits)
    assert page.title() == page.get_by_role("heading", level=1).inner_text()
    assert page.get_by_role("status").first.inner_text() or state.name == "start"
    assert accessibility.violations(page) == []
    assert accessibility.sideways(page) <= 0
    expected = {"no-answer": ["net::ERR_CONNECTION_RESET"]}
    assert [line.rpartition(" ")[2] for line in noted.complaints] == expected.get(state.name, [])


@pytest.mark.parametrize("name", ["wrong-code", "misspelt"])
def test_who_mistyped_may_type_at_once(at: At, name: str) -> None:
    page = at(name)
    field = page.get_by_label("Claim code")
    assert field.evaluate("field => field === document.activeElement")
    assert field.get_attribute("aria-invalid") == "true"
    assert "message" in str(field.get_attribute("aria-describedby")).split()
    page.keyboard.type("234")
    assert field.input_value() == "234"


@pytest.mark.parametrize("name", ["password", "access-key"])
def test_no_secret_is_on_the_screen_until_somebody_wants_to_see_it(at: At, name: str) -> None:
    page = at(name)
    assert not any(secret in page.content() for secret in SECRETS)
    show_secrets(page)
    assert any(str(secret) in page.get_by_role("main").inner_text() for secret in SECRETS)
    while (button := page.get_by_role("button", name="Hide").first).count():
        button.click()
    assert not any(secret in page.content() for secret in SECRETS)


def test_copying_is_said_aloud_and_needs_no_look_at_the_secret(at: At) -> None:
    page = at("password")
    button = page.get_by_role("button", name="Copy Password")
    button.click()
    page.get_by_role("status").filter(has_text="Password copied").wait_for(state="attached")
    assert button.inner_text() == "Copied"
    assert page.evaluate("navigator.clipboard.readText()") == PASSWORD["password"]
    assert PASSWORD["password"] not in page.content()


def test_where_a_page_may_not_copy_the_secret_is_shown_and_selected(at: At) -> None:
    page = at("password", before="navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    page.get_by_role("button", name="Copy Password").click()
    page.get_by_role("status").filter(has_text="copy it yourself").wait_for(state="attached")
    assert page.evaluate("getSelection().toString()") == PASSWORD["password"]


def test_the_profile_is_copied_file_by_file(at: At) -> None:
    page = at("access-key")
    copied = []
    for path in ("~/.aws/credentials", "~/.aws/config"):
        page.get_by_role("button", name=f"Copy For {path}").click()
        page.get_by_role("status").filter(has_text=f"{path} copied").wait_for(state="attached")
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    assert "\n".join(copied) == ACCESS_KEY["cli_config"]
    assert "--profile ResourceCreatorRole" in page.get_by_role("main").inner_text()


@pytest.mark.parametrize("name", ["misspelt", "offline"])
def test_what_cannot_be_right_is_not_sent(at: At, noted: Noted, name: str) -> None:
    """A misspelt code costs no attempt."""
    at(name)
    assert [request.method for request in noted.requests] == ["GET"]


@pytest.mark.parametrize("typed", [" s6cb-53qj ", "S6CB \u2013 53QJ"])
def test_a_code_is_sent_as_it_is_meant(at: At, noted: Noted, typed: str) -> None:
    """Phones make a dash of two hyphens, and a blank after a word."""
    at(State("typed", "Your AWS sign-in", "once", answers(200, PASSWORD), typed=typed))
    [claim] = [request.post_data_json for request in noted.requests if request.method == "POST"]
    assert claim == {"token": claim_states.TOKEN, "code": "S6CB53QJ"}


def test_the_button_is_pressed_once_however_often_it_is_pressed(at: At, noted: Noted) -> None:
    page = at("busy")
    for _ in range(3):
        page.keyboard.press("Enter")
        page.get_by_role("button", name="One moment").click(force=True)
    assert [request.method for request in noted.requests].count("POST") == 1


@pytest.mark.parametrize("name", ["throttled", "failed", "offline", "no-answer"])
def test_after_what_may_pass_one_may_try_again(at: At, name: str) -> None:
    page = at(name)
    page.context.set_offline(False)
    page.unroute_all()
    page.route("**/claim", answers(200, PASSWORD))
    page.get_by_role("button", name="Show my access").click()
    page.get_by_role("heading", name="Your AWS sign-in").wait_for()


def test_a_secret_that_was_neither_copied_nor_left_on_purpose_is_not_lost_by_a_slip(at: At) -> None:
    page = at("password")
    page.get_by_role("button", name="Show Password").click()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("name", ["password-visible", "access-key-visible"])
def test_a_page_that_is_kept_for_the_back_button_keeps_no_secret(at: At, name: str) -> None:
    page = at(name)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    page.get_by_role("heading", name="It was shown here once").wait_for()
    assert not any(secret in page.content() for secret in SECRETS)


def test_who_has_copied_the_secret_may_leave(at: At) -> None:
    page = at("password")
    page.get_by_role("button", name="Copy Password").click()
    page.get_by_role("status").filter(has_text="Password copied").wait_for(state="attached")
    page.on("dialog", lambda dialog: pytest.fail("asked to stay"))
    page.reload()
    page.get_by_role("heading", name="It was shown here once").wait_for()


INJECTED = {
    "password": {**PASSWORD, "user_name": MARKUP, "sign_in_url": MARKUP, "password": f"p{MARKUP}"},
    "access-key": {**ACCESS_KEY, "access_key_id": MARKUP, "secret_access_key": f"s{MARKUP}"},
    "profile": {**ACCESS_KEY, "cli_config": f"# ~/{MARKUP}\n[profile {MARKUP}]\n"},
    "link": {**PASSWORD, "sign_in_url": f"https://x/{MARKUP}"},
    "script": {**PASSWORD, "sign_in_url": f"javascript:alert(1)//{MARKUP}"},
}


@pytest.mark.parametrize("name", INJECTED)
def test_what_is_shown_is_text_whatever_it_holds(at: At, noted: Noted, name: str) -> None:
    shown = INJECTED[name]
    title = "Your AWS sign-in" if "password" in shown else "Your AWS access key"
    page = at(State("injected", title, "once", answers(200, shown)))
    show_secrets(page)
    seen = page.get_by_role("main").inner_text()
    assert all(value in seen for value in shown.values() if isinstance(value, str) and MARKUP in value)
    assert page.locator("main img, main script").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert noted.complaints == []


def test_a_message_of_the_server_is_text_too(at: At) -> None:
    refusal = answers(410, {"type": "urn:gatehouse:problem:claim-other", "detail": MARKUP})
    page = at(State("injected", "This link does not work any more", MARKUP, refusal))
    assert page.locator("main img, main script").count() == 0


def test_without_javascript_the_page_says_what_it_needs(stack: dict[str, Any], chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stack["claim_url"])
    assert "needs JavaScript" in page.inner_text("main")
    assert not page.locator("form").is_visible()
    context.close()
