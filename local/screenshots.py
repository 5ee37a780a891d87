"""Writes docs/images: the claim page in its states, the mails of a real onboarding, and a report, as people see them.

    PYTHONPATH=functions python -m local.screenshots

A stack that `make up` left running is used, and left running. Otherwise one is brought up, and stopped at the end.
"""

import io
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from gatehouse.compliance import report
from local import browser, claim_states, deploy, people, process, sample_sweep
from local import stack as local_stack
from local.client import principal, wait_for

IMAGES = process.ROOT / "docs" / "images"
STATES = ("start", "wrong-code", "password", "access-key-visible", "used", "burnt", "no-answer")
MAILS = {
    "approval-wanted": "Approval wanted",
    "decided": "Decided",
    "sign-in-instructions": "Your AWS account access",
    "onboarding-complete": "MFA enrolled",
    "access-key-ready": "Your AWS access key",
    "onboarding-ended": "Onboarding of",
}
COLOURS = 48
"""Enough for text on plain grounds, and a fifth of the bytes."""

SECONDS = 60


def main() -> None:
    try:
        with _stack() as stack, browser.chromium() as chromium:
            mails = _mails(stack)
            for size in browser.SIZES:
                for scheme in browser.SCHEMES:
                    _photograph(chromium, stack, mails, size, scheme)
    except (browser.NoChromium, deploy.DeployError, process.EmulatorError, TimeoutError) as failure:
        sys.exit(str(failure))
    written = list(IMAGES.rglob("*.png"))
    print(f"{len(written)} images, {sum(image.stat().st_size for image in written) // 1024} KB, in {IMAGES}")


@contextmanager
def _stack() -> Iterator[dict[str, Any]]:
    already = local_stack.running(local_stack.STATE_DIR)
    try:
        yield already or local_stack.up()
    finally:
        if not already:
            local_stack.down()


def _photograph(
    chromium: Browser, stack: Mapping[str, Any], mails: Mapping[str, str], size: str, scheme: browser.Scheme
) -> None:
    for state in claim_states.STATES:
        if state.name in STATES:
            context = browser.person(chromium, size, scheme)
            page = context.new_page()
            claim_states.reach(page, stack["claim_url"], state)
            _write(page, f"claim-page/{state.name}.{size}-{scheme}.png")
            context.close()
    context = browser.person(chromium, size, scheme)
    page = context.new_page()
    for name, html in mails.items():
        page.set_content(html)
        _write(page, f"mails/{name}.{size}-{scheme}.png")
    # A made-up account: the local stack has not enough to find.
    page.set_content(report.as_html(sample_sweep.made_up(5000)))
    _write(page, f"compliance-report/report.{size}-{scheme}.png", whole=False)
    context.close()


def _write(page: Page, name: str, *, whole: bool = True) -> None:
    """A picture of the whole page, or of what of it is on the screen."""
    path = IMAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled", caret="hide")))
    image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def _mails(stack: Mapping[str, Any]) -> dict[str, str]:
    """The HTML of a mail of each kind: of an onboarding that is completed, and of one that is rejected."""
    completed, rejected = (_requested(stack, name) for name in ("alice.developer", "bob.contractor"))
    for onboarding_id in (completed, rejected):
        _awaited(stack, onboarding_id, "PENDING_APPROVAL")
    approver = principal(stack, "approver")
    people.decide(approver, rejected, "reject", "the contract ended in October")
    people.decide(approver, completed, "approve", "agreed in the weekly call")
    record = _awaited(stack, completed, "PENDING_MFA")
    admin = principal(stack, "admin")
    people.enrol(people.stand_in(admin, record["user_name"]), record["user_name"])
    _awaited(stack, completed, "COMPLETE")
    _awaited(stack, rejected, "REJECTED")
    return wait_for(lambda: _by_kind(stack, completed, rejected), "a mail of each kind", SECONDS)


def _by_kind(stack: Mapping[str, Any], *onboarding_ids: str) -> dict[str, str] | None:
    sent = [mail for onboarding_id in onboarding_ids for mail in people.mails_about(stack, onboarding_id)]
    found = {name: mail["html"] for name, start in MAILS.items() for mail in sent if mail["subject"].startswith(start)}
    return found if found.keys() == MAILS.keys() else None


def _requested(stack: Mapping[str, Any], user_name: str) -> str:
    name = f"{user_name}-{secrets.token_hex(2)}"
    wanted = {
        "user_name": name,
        "email": f"{name}@example.com",
        "profile": "power-user",
        "access": ["console", "programmatic"],
        "justification": "moves the order service into this account",
    }
    onboarding_id: str = principal(stack, "requester").post("/onboardings", wanted).json["onboarding_id"]
    return onboarding_id


def _awaited(stack: Mapping[str, Any], onboarding_id: str, status: str) -> dict[str, Any]:
    """The record, once it has that status."""
    operator = principal(stack, "operator")

    def look() -> dict[str, Any] | None:
        record = people.record(operator, onboarding_id)
        return record if record["status"] == status else None

    return wait_for(look, f"{onboarding_id} {status}", SECONDS)


if __name__ == "__main__":
    main()
