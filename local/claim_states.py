"""Every state of the claim page, and how a person gets there; the answers to the claim are made up."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, Route

TOKEN = "Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1iYXNlNjQ"  # noqa: S105 (nobody's)
CODE = "S6CB53QJ"
LONG_NAME = "alexandria-katharina.von-und-zu-musterhausen+migration_team,2026"
"""As long as IAM allows: 64 characters, and nowhere to break a line."""
PASSWORD = {
    "kind": "console_password",
    "user_name": "alice.developer",
    "sign_in_url": "https://example-corp.signin.aws.amazon.com/console",
    "password": "kP7!vRt2-mQx9_WcZ4hN",
    "reset_required": True,
}
_PROFILE = """\
# ~/.aws/credentials
[alice.developer]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

# ~/.aws/config
[profile alice.developer]
output = json

[profile ResourceCreatorRole]
role_arn = arn:aws:iam::123456789012:role/gatehouse/ResourceCreatorRole
source_profile = alice.developer
role_session_name = alice.developer
mfa_serial = arn:aws:iam::123456789012:mfa/phone
"""
ACCESS_KEY = {
    "kind": "access_key",
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "cli_config": _PROFILE,
}

Answering = Callable[[Route], None]


@dataclass(frozen=True)
class State:
    """`title` and `says` are what the page then shows; `after` is what the person does once it is answered."""

    name: str
    title: str
    says: str
    answering: Answering | None = None
    token: str = TOKEN
    typed: str = CODE
    after: Callable[[Page], object] = Page.bring_to_front


def reach(page: Page, claim_url: str, state: State) -> None:
    """Open the page and do what leads to that state."""
    page.route(claim_url, lambda route: _route(route, state.answering))
    page.goto(f"{claim_url}#{state.token}")
    if state.name == "offline":
        page.context.set_offline(True)
    if state.answering or state.name in ("offline", "misspelt"):
        page.get_by_label("Claim code").fill(state.typed)
        page.keyboard.press("Enter")
    page.get_by_role("heading", name=state.title, exact=True).wait_for()
    page.get_by_text(state.says).first.wait_for()
    state.after(page)


def _route(route: Route, answering: Answering | None) -> None:
    if route.request.method == "GET" or answering is None:
        route.fallback()
    else:
        answering(route)


def answers(status: int, content: Any) -> Answering:
    """The claim is answered with this JSON."""
    return lambda route: route.fulfill(status=status, content_type="application/json", body=json.dumps(content))


def refuses(status: int, slug: str, **members: Any) -> Answering:
    return answers(status, {"type": f"urn:gatehouse:problem:{slug}", "status": status, "detail": "No.", **members})


def _never(route: Route) -> None:
    """No answer yet."""


def show_secrets(page: Page) -> None:
    """Press every button that shows one; a pressed one has another name."""
    while (button := page.get_by_role("button", name="Show").first).count():
        button.click()


def _load_again(page: Page) -> None:
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_role("heading", name="It was shown here once").wait_for()


_START, _SIGN_IN, _KEY = "Get your AWS access", "Your AWS sign-in", "Your AWS access key"
STATES = (
    State("start", _START, "It is not in the mail"),
    State("misspelt", _START, "No try was used up", typed="S6CB"),
    State("busy", _START, "One moment: the code is checked", _never),
    State("password", _SIGN_IN, "This is shown once", answers(200, PASSWORD)),
    State("password-visible", _SIGN_IN, "This is shown once", answers(200, PASSWORD), after=show_secrets),
    State("password-of-long-name", _SIGN_IN, LONG_NAME, answers(200, {**PASSWORD, "user_name": LONG_NAME})),
    State("access-key", _KEY, "This is shown once", answers(200, ACCESS_KEY)),
    State("access-key-visible", _KEY, "This is shown once", answers(200, ACCESS_KEY), after=show_secrets),
    State("loaded-again", _SIGN_IN, "This is shown once", answers(200, PASSWORD), after=_load_again),
    State("wrong-code", _START, "4 tries are left", refuses(403, "wrong-code", attempts_left=4)),
    State("burnt", "Too many wrong codes", "closed for good", refuses(403, "wrong-code", attempts_left=0)),
    State("burnt-before", "Too many wrong codes", "closed for good", refuses(410, "claim-burnt")),
    State("used", "This link was used already", "somebody else may have your access", refuses(410, "claim-used")),
    State("expired", "This link is too old", "for a limited time", refuses(410, "claim-expired")),
    State("withdrawn", "This link does not work any more", "A newer mail", refuses(410, "claim-withdrawn")),
    State("unknown", "This link is not known", "Open the whole link", refuses(404, "claim-unknown")),
    State("malformed", "This link is not complete", "copy both", token=TOKEN[:40]),
    State("no-token", "The link is missing", "Open this page with the link in your mail", token=""),
    State("throttled", _START, "Too many people ask", refuses(429, "throttled")),
    State("failed", _START, "Something failed on our side", refuses(500, "failed")),
    State("offline", _START, "nothing was sent"),
    State("no-answer", _START, "cannot be known", lambda route: route.abort("connectionreset")),
)
