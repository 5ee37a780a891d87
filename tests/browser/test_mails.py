"""The mails of real onboardings, as a mail program that knows HTML shows them."""

from typing import Any

import pytest

from local import client
from tests.browser import accessibility
from tests.browser.conftest import Noted, Visit
from tests.workflow import people

WORDED = 'moves &lt;img src=x onerror=alert(1)&gt; "data" {{ 7 * 7 }}'
"""As near to markup as a sentence may come: the API refuses angle brackets."""


@pytest.fixture(scope="module")
def sent(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A mail of each kind that an onboarding with everything and one that is rejected send, by subject."""
    whole = people.requested(stack, "mailed", "power-user", access=["console", "programmatic"], justification=WORDED)
    rejected = people.requested(stack, "mailed-rejected", "power-user", justification=WORDED)
    people.awaited(whole, "PENDING_APPROVAL")
    people.approve(whole)
    people.awaited(whole, "PENDING_MFA")
    people.enrol(whole)
    people.awaited(rejected, "PENDING_APPROVAL")
    people.awaited(whole, "COMPLETE")
    # After what was approved, so that the later mail about a decision is this one.
    assert people.decide(rejected, "reject", f"not now: {WORDED}").status == 200
    client.wait_for(lambda: people.mails(rejected, "Onboarding of"), "the mail about the rejection")
    client.wait_for(lambda: people.mails(whole, "MFA enrolled"), "the mail about the end")
    names = (whole.user_name, rejected.user_name)
    return {
        mail["subject"].partition(":")[0].replace(rejected.user_name, "somebody"): mail
        for mail in client.mails(stack)
        if any(name in mail["text"] for name in names)
    }


SUBJECTS = (
    "Approval wanted",
    "Decided",
    "Your AWS account access",
    "Your AWS access key",
    "MFA enrolled, access complete",
    "Onboarding of somebody ended",
)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_axe_finds_nothing_and_nothing_is_fetched(
    sent: dict[str, dict[str, Any]], visit: Visit, noted: Noted, subject: str
) -> None:
    page = visit()
    page.set_content(sent[subject]["html"])
    assert accessibility.violations(page) == []
    assert accessibility.sideways(page) <= 0
    assert noted.requests == []


@pytest.mark.parametrize("subject", ["Approval wanted", "Decided", "Onboarding of somebody ended"])
def test_what_somebody_wrote_is_text(sent: dict[str, dict[str, Any]], visit: Visit, noted: Noted, subject: str) -> None:
    """Mail programs run no scripts; this one would."""
    page = visit()
    page.set_content(sent[subject]["html"])
    assert WORDED in page.inner_text("main")
    assert page.locator("img, script").count() == 0
    assert noted.complaints == []
