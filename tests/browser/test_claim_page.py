"""The claim as a person does it, in Chromium, with a real onboarding."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from local import client
from tests.browser.conftest import Noted, Visit
from tests.workflow import overheard, people

WORDED = 'joins &lt;img src=x onerror=alert(1)&gt; "team" {{ 7 * 7 }} ${secret} javascript:alert(2)'
"""As near to markup as a justification may come: the API refuses angle brackets."""


@pytest.fixture(scope="module")
def invitations(stack: dict[str, Any]) -> list[people.Onboarding]:
    """Several who got the mail; every test takes one. They asked for all that a person may word freely."""
    freely = {"tags": {"team": "a+b=c @:/_-."}, "justification": WORDED}
    invited = [_requested_with_odd_name(stack, freely) for _ in range(6)]
    for onboarding in invited:
        people.awaited(onboarding, "PENDING_MFA")
    return invited


def _requested_with_odd_name(stack: dict[str, Any], freely: dict[str, Any]) -> people.Onboarding:
    """Every character that IAM takes in a user's name."""
    return people.requested(stack, "browser-+=,.@_", email=f"{uuid.uuid4().hex}@example.com", **freely)


@pytest.fixture
def invited(invitations: list[people.Onboarding]) -> people.Onboarding:
    return invitations.pop()


def link(onboarding: people.Onboarding, number: int = 1) -> str:
    """The address in the mail, as the mail program opens it."""
    return f"{onboarding.stack['claim_url']}#{people.link(onboarding, number=number)}"


def type_code(page: Page, code: str | None) -> None:
    """What has the focus gets the code and Enter."""
    page.keyboard.type(str(code))
    page.keyboard.press("Enter")


def title(page: Page, text: str) -> None:
    page.get_by_role("heading", name=text, exact=True).wait_for()


def shown_password(page: Page) -> str:
    """The password, once the page was asked to show it."""
    page.get_by_role("button", name="Show Password").click()
    shown = page.locator("#password").inner_text()
    overheard.secret("password", shown)
    return shown


def leave(page: Page, how: Callable[[], object]) -> None:
    """Leave a page that asks whether one means it."""
    page.once("dialog", lambda dialog: dialog.accept())
    how()


def claim_row(onboarding: people.Onboarding) -> dict[str, Any]:
    [row] = [
        row for row in people.rows(onboarding.stack) if row.get("onboarding_id") == onboarding.id and _is_claim(row)
    ]
    return row


def _is_claim(row: dict[str, Any]) -> bool:
    return str(row["pk"]).startswith("claim#")


def test_with_nothing_but_the_keyboard_a_person_gets_a_password_that_works(
    invited: people.Onboarding, visit: Visit, noted: Noted
) -> None:
    page = visit()
    page.goto(link(invited))
    type_code(page, f"{str(invited.claim_code)[:4]} {str(invited.claim_code)[4:].lower()}")
    title(page, "Your AWS sign-in")
    names = []
    for _ in range(5):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert names == [
        "Copy User name",
        "Open it: the sign-in page, in a new tab",
        "Copy Sign-in page",
        "Copy Password",
        "Show Password",
    ]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Password copied").wait_for(state="attached")
    copied = page.evaluate("navigator.clipboard.readText()")
    overheard.secret("password", copied)
    assert page.locator("#user_name").inner_text() == invited.user_name
    assert page.get_by_role("link").get_attribute("href") == page.locator("#sign_in_url").inner_text()
    assert people.password_is(invited, copied)
    assert noted.complaints == []


def test_on_a_phone_in_the_dark_it_is_the_same(invited: people.Onboarding, visit: Visit, noted: Noted) -> None:
    page = visit("phone", "dark")
    page.goto(link(invited))
    page.get_by_label("Claim code").tap()
    page.keyboard.type(str(invited.claim_code))
    page.get_by_role("button", name="Show my access").tap()
    title(page, "Your AWS sign-in")
    assert people.password_is(invited, shown_password(page))
    assert noted.complaints == []


def test_looking_changes_nothing_however_often_and_by_whom(
    invited: people.Onboarding, visit: Visit, noted: Noted
) -> None:
    """Mail gateways open links, some run the scripts they find, and press the buttons."""
    address = link(invited)
    before = claim_row(invited)
    for headers in ({}, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"User-Agent": "scanner"}):
        assert client.send("GET", address.partition("#")[0], headers=headers).status == 200
    page = visit()
    page.goto(address)
    page.get_by_role("button", name="Show my access").click()
    page.get_by_text("Type the claim code first").wait_for()
    page.reload()
    assert [request.method for request in noted.requests] == ["GET", "GET"]
    assert claim_row(invited) == before

    type_code(page, invited.claim_code)
    title(page, "Your AWS sign-in")


def test_whoever_opens_the_link_again_is_told_that_it_was_used(invited: people.Onboarding, visit: Visit) -> None:
    address = link(invited)
    page, other = visit(), visit()
    for one in (page, other):
        one.goto(address)
    type_code(page, invited.claim_code)
    title(page, "Your AWS sign-in")
    type_code(other, invited.claim_code)
    title(other, "This link was used already")
    assert "tell them at once" in other.inner_text("#message")


def test_after_leaving_nothing_secret_comes_back(
    invited: people.Onboarding, visit: Visit, stack: dict[str, Any]
) -> None:
    """Not with the back button, from the cache of pages that were left, by loading again, or in the tab's history."""
    page = visit()
    elsewhere = stack["mail_url"]
    page.goto(elsewhere)
    page.goto(link(invited))
    type_code(page, invited.claim_code)
    title(page, "Your AWS sign-in")
    secret = shown_password(page)

    leave(page, lambda: page.goto(elsewhere))
    page.go_back(wait_until="commit")
    title(page, "It was shown here once")
    assert secret not in page.content()
    page.reload()
    title(page, "It was shown here once")
    assert page.evaluate("history.state") == {"claimed": True}
    page.go_back(wait_until="commit")
    page.go_forward(wait_until="commit")
    title(page, "It was shown here once")
    assert secret not in page.content()


def test_of_two_tabs_at_once_one_shows_it(invited: people.Onboarding, visit: Visit) -> None:
    first, second = visit(), visit()
    for page in (first, second):
        page.goto(link(invited))
        page.keyboard.type(str(invited.claim_code))
    for page in (first, second):
        page.evaluate("document.getElementById('form').requestSubmit()")
    titles = []
    for page in (first, second):
        page.get_by_role("heading", name=re.compile("^(Your AWS sign-in|This link was used already)$")).wait_for()
        titles.append(page.get_by_role("heading", level=1).inner_text())
    assert sorted(titles) == ["This link was used already", "Your AWS sign-in"]


def test_five_wrong_codes_burn_the_link_and_a_newer_mail_helps(
    stack: dict[str, Any], visit: Visit, noted: Noted
) -> None:
    onboarding = people.requested(stack, "browser-burnt")
    people.awaited(onboarding, "PENDING_MFA")
    page, old = visit(), link(onboarding)
    page.goto(old)
    for left in ("4 tries are left", "3 tries are left", "2 tries are left", "One try is left"):
        type_code(page, "AAAAAAAA")
        page.get_by_text(left).wait_for()
    type_code(page, "AAAAAAAA")
    title(page, "Too many wrong codes")
    again = visit()
    again.goto(old)
    type_code(again, onboarding.claim_code)
    title(again, "Too many wrong codes")

    code = people.resend(onboarding).json["claim_code"]
    # In the same tab: nothing but the part behind the # differs.
    again.goto(link(onboarding, number=2))
    again.get_by_label("Claim code").wait_for()
    type_code(again, code)
    title(again, "Your AWS sign-in")
    assert people.password_is(onboarding, shown_password(again))
    assert noted.complaints == []


def test_a_link_that_a_newer_mail_replaced_says_so(stack: dict[str, Any], visit: Visit) -> None:
    onboarding = people.requested(stack, "browser-replaced")
    people.awaited(onboarding, "PENDING_MFA")
    page = visit()
    page.goto(link(onboarding))
    assert people.resend(onboarding).status == 200
    type_code(page, onboarding.claim_code)
    title(page, "This link does not work any more")


def test_an_access_key_comes_with_the_profile_that_uses_it(stack: dict[str, Any], visit: Visit, noted: Noted) -> None:
    onboarding = people.requested(stack, "browser-key", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    serial = people.enrol(onboarding)
    people.awaited(onboarding, "COMPLETE")
    page = visit()
    page.goto(f"{stack['claim_url']}#{people.link(onboarding, 'Your AWS access key')}")
    type_code(page, onboarding.claim_code)
    title(page, "Your AWS access key")
    page.get_by_role("button", name="Copy Secret access key").click()
    page.get_by_role("status").filter(has_text="Secret access key copied").wait_for(state="attached")
    secret = page.evaluate("navigator.clipboard.readText()")
    overheard.secret("secret access key", secret)
    key = client.Person(stack, page.locator("#access_key_id").inner_text(), secret)
    assert people.aws(key, "sts").get_caller_identity()["Arn"].endswith(f"/{onboarding.user_name}")
    assert serial in page.get_by_role("main").inner_text()
    assert secret not in page.content()
    assert noted.complaints == []


def test_a_link_that_nobody_sent_is_not_known(stack: dict[str, Any], visit: Visit) -> None:
    page = visit()
    page.goto(f"{stack['claim_url']}#{'A' * 43}")
    type_code(page, "AAAAAAAA")
    title(page, "This link is not known")
