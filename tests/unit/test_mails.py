"""HTML and text of a mail say the same, and say it to mail programs as much as to people."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest

from gatehouse import mails, times

TOKEN = "A" * 43
CLAIM_URL = "https://claims.example.com/claim"
MARKS = "<b>&\"'"
COMMON = {"onboarding_id": "0b6f2c1e", "user_name": "alice.developer"}
REMINDED = {"requester": f"rita {MARKS}", "reason": "Half of the time is over.", "until": "2026-03-05T09:00:00.000000Z"}
OF_FINDING = {
    "user_name": "alice.developer",
    "account_id": "123456789012",
    "sign_in_url": "https://123456789012.signin.aws.amazon.com/console",
}
COMING = {"restrict_at": "2026-03-05T09:00:00.000000Z", "suspend_at": "2026-04-05T09:00:00.000000Z"}
DONE = {"at": "2026-03-05T09:00:00.000000Z", "reason": f"no MFA {MARKS}"}
CONTENT: dict[str, dict[str, Any]] = {
    "approval_wanted": COMMON
    | {
        "requester": "rita",
        "kind": "person",
        "email": "alice@example.com",
        "profile": "power-user",
        "justification": f"phase 2 {MARKS}",
        "expires_at": "2026-12-31T00:00:00.000000Z",
        "needed": 2,
        "decide_before": "2026-03-05T09:00:00.000000Z",
        "in_words": ["policy PowerUserAccess, only after MFA", f"another {MARKS}"],
        "beyond_profile": ["group PowerUsers: nearly everything", f"one more {MARKS}"],
        "escalation_risks": ["change-stack: can act as its role", f"a third {MARKS}"],
        "decision_url": "https://api.example.com/v1/onboardings/0b6f2c1e/decision",
    },
    "decided": COMMON
    | {
        "profile": "power-user",
        "outcome": "rejected",
        "decided_by": "bob@example.com",
        "decided_at": "2026-03-02T11:00:00.000000Z",
        "reason": f"no such project {MARKS}",
        "door": "the runbook GatehouseDecide, run 4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f",
        "rejected": True,
        "from_console": False,
        "application": False,
    },
    "sign_in_instructions": COMMON
    | {
        "sent_again": True,
        "code_holder": f"olga {MARKS}",
        "requester": "rita",
        "sign_in_url": "https://example-corp.signin.aws.amazon.com/console",
        "claim_url": CLAIM_URL,
        "token": TOKEN,
        "claim_expires_at": "2026-03-03T09:00:00.000000Z",
        "reset_required": True,
        "mfa_before": "2026-03-09T09:00:00.000000Z",
    },
    "onboarding_complete": COMMON
    | {
        "profile": "developer",
        "requester": "rita",
        "device_words": "an authenticator app",
        "enrolled_at": "2026-03-02T10:00:00.000000Z",
        "enrolled_by": f"arn:aws:iam::123456789012:user/gatehouse/alice{MARKS}",
        "source_ip": "203.0.113.9",
        "expires_at": "2026-12-31T00:00:00.000000Z",
    },
    "application_complete": COMMON | {"profile": "application", "expires_at": "2026-12-31T00:00:00.000000Z"},
    "access_key_ready": COMMON
    | {
        "claim_url": CLAIM_URL,
        "token": TOKEN,
        "claim_expires_at": "2026-03-03T09:00:00.000000Z",
        "code_holder": "olga",
    },
    "password_reissued": COMMON
    | {
        "sign_in_url": "https://example-corp.signin.aws.amazon.com/console",
        "claim_url": CLAIM_URL,
        "token": TOKEN,
        "claim_expires_at": "2026-03-03T09:00:00.000000Z",
    },
    "reissued": COMMON
    | {
        "thing": "access key",
        "reissued_by": "olga",
        "reissued_at": "2026-03-05T09:00:00.000000Z",
        "reason": f"laptop stolen {MARKS}",
    },
    "not_enrolled_by_user": COMMON
    | {
        "enrolled_by": f"arn:aws:iam::123456789012:user/mallory{MARKS}",
        "source_ip": "203.0.113.66",
        "enrolled_at": "2026-03-02T10:00:00.000000Z",
        "device_words": "a passkey or security key",
    },
    "onboarding_ended": COMMON
    | {
        "profile": "developer",
        "status": "EXPIRED",
        "cause": f"MFA_TIMEOUT: no device {MARKS}",
        "meaning": "The user was too late.",
        "advice": "Ask again.",
    },
    "withdrawn": COMMON | {"requester": f"rita {MARKS}", "meaning": "It was cancelled."},
    "approval_reminder_1": COMMON | REMINDED | {"profile": "power-user", "justification": f"phase 2 {MARKS}"},
    "mfa_reminder_1": COMMON | REMINDED,
    "mfa_reminder_2": COMMON | REMINDED,
    "mail_bounced": COMMON
    | {
        "mail": "sign_in_instructions_1",
        "to": "alice@example.com",
        "happened": "mail bounced",
        "kind": "Permanent, General",
        "status": "PENDING_MFA",
        "advice": f"Cancel it {MARKS}",
    },
    "orphans": {
        "count": 2,
        "found": [f"user by-hand {MARKS}: names no onboarding; left to a person"],
    },
    "compliance_summary": {
        "account_id": "123456789012",
        "sweep_id": "3f0e2c1e",
        "at": "2026-03-02T06:00:00.000000Z",
        "headline": "3 of 10 console users without MFA",
        "warnings": [f"Circuit breaker open: {MARKS}"],
        "counts": ["20 IAM users", "10 console users"],
        "changes": [f"User outside: 1 new {MARKS}"],
        "done_title": "What was done",
        "done": [f"Suspended, done: 1 user (alice{MARKS})"],
        "coming": [f"3 Mar 2026, Suspended: 1 user (bob{MARKS})"],
        "days": 7,
        "report_url": "https://us-east-1.console.aws.amazon.com/s3/object/bucket",
    },
    "accounts_summary": {
        "sweep_id": "3f0e2c1e",
        "at": "2026-03-02T06:00:00.000000Z",
        "headline": "3 of 10 console users in 2 accounts without MFA",
        "counts": ["2 swept, 1 not swept", "open findings: 3 high"],
        "missed": [f"222222222222: its role cannot be assumed {MARKS}"],
        "worst": ["111111111111: 3 without MFA, findings about root: 0"],
        "report_url": "https://us-east-1.console.aws.amazon.com/s3/object/bucket",
    },
    "secret_claimed": COMMON
    | {"secret": "password", "claimed_at": "2026-03-02T12:00:00.000000Z", "source_ip": "203.0.113.10"},
    "claim_expired": COMMON
    | {
        "secret": "password",
        "claim_expires_at": "2026-03-03T09:00:00.000000Z",
        "burnt": False,
        "can_be_sent_again": True,
        "path": "/onboardings/0b6f2c1e/resend",
    },
}
CONTENT |= {
    "mfa_missing": OF_FINDING | {"since": "2026-02-01T09:00:00.000000Z", "may_enrol": True} | COMING,
    "mfa_phishable": OF_FINDING | {"since": "2026-02-01T09:00:00.000000Z"},
    "access_restricted": OF_FINDING | DONE | {"suspend_at": "2026-04-05T09:00:00.000000Z"},
    "access_suspended": OF_FINDING | DONE,
    "access_restored": OF_FINDING
    | DONE
    | {"put_back": [f"access key AKIA {MARKS} is active again", f"the policy {MARKS} is detached"], "restricted": True},
}
TIMES = frozenset(
    {
        "at",
        "since",
        "restrict_at",
        "suspend_at",
        "until",
        "expires_at",
        "decide_before",
        "claim_expires_at",
        "mfa_before",
        "enrolled_at",
        "decided_at",
        "claimed_at",
        "reissued_at",
    }
)
MAILS = pytest.mark.parametrize("name", CONTENT)


class Reader(HTMLParser):
    """What a person reads of a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._silent += tag in ("style", "head")
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("style", "head")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data.split()


def read(name: str, **content: Any) -> Reader:
    reader = Reader()
    reader.feed(mails.render(name, **CONTENT[name] | content).html)
    return reader


def words(text: str) -> set[str]:
    """Words and values without the marks that stand around them."""
    return {bare for word in text.split() if (bare := word.strip('.,:;()“”"*-'))}


def test_there_is_a_sample_of_every_mail() -> None:
    assert set(CONTENT) == set(mails.SUBJECTS)


@MAILS
def test_html_and_text_say_the_same(name: str) -> None:
    page = read(name)
    link = f"{CLAIM_URL}#{TOKEN}"
    in_html = words(" ".join([*page.words, *page.links])) - words("Get your password access key AWS")
    in_text = words(mails.render(name, **CONTENT[name]).text) - words("Get your password access key AWS")
    assert in_html == in_text
    assert (link in page.links) == (link in in_text)


@MAILS
def test_everything_that_was_handed_in_is_told_in_both(name: str) -> None:
    mail = mails.render(name, **CONTENT[name])
    shown = " ".join(read(name).words + read(name).links)
    for field, value in CONTENT[name].items():
        told = [value] if isinstance(value, str | int) and not isinstance(value, bool) else []
        told += value if isinstance(value, list) else []
        if field in ("sign_in_url", "kind") or isinstance(value, bool):
            continue
        for one in map(times.in_words, told) if field in TIMES else told:
            assert " ".join(str(one).split()) in " ".join(mail.text.split())
            assert " ".join(str(one).split()) in shown


@MAILS
def test_nothing_that_somebody_wrote_becomes_markup(name: str) -> None:
    injected = f"x{MARKS}<script>alert(1)</script>"
    content = {
        field: injected if isinstance(value, str) else [injected] * len(value) if isinstance(value, list) else value
        for field, value in CONTENT[name].items()
        if field not in TIMES
    }
    content |= {field: value for field, value in CONTENT[name].items() if field in TIMES}
    html = mails.render(name, **content).html
    assert "<script" not in html
    assert MARKS not in html
    assert "&lt;script&gt;" in html
    assert read(name, **content).tags == read(name).tags


@pytest.mark.parametrize("name", ["sign_in_instructions", "access_key_ready", "password_reissued"])
def test_the_claim_link_stands_alone_on_its_line(name: str) -> None:
    text = mails.render(name, **CONTENT[name]).text
    assert re.findall(rf"^{re.escape(CLAIM_URL)}#\S{{43}}$", text, re.MULTILINE) == [f"{CLAIM_URL}#{TOKEN}"]


@MAILS
def test_no_mail_loads_anything_from_anywhere(name: str) -> None:
    html = mails.render(name, **CONTENT[name]).html
    assert not {"img", "script", "iframe", "link", "object", "form"} & set(read(name).tags)
    assert not re.search(r"\b(src|background|action)\s*=|@import|url\(", html)


@MAILS
def test_a_mail_names_its_language_and_encoding_and_fits_a_phone(name: str) -> None:
    html = mails.render(name, **CONTENT[name]).html
    assert '<html lang="en">' in html
    assert '<meta charset="utf-8">' in html
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html


@MAILS
def test_a_subject_is_one_line_and_names_the_user_or_the_account(name: str) -> None:
    subject = mails.render(name, **CONTENT[name]).subject
    about = {"orphans": "Look at this", "accounts_summary": "other accounts"}
    assert CONTENT[name].get("user_name", CONTENT[name].get("account_id", about.get(name))) in subject
    assert "\n" not in subject
    assert len(subject) <= 120


@MAILS
def test_missing_content_is_an_error_and_no_gap(name: str) -> None:
    content = dict(CONTENT[name])
    # Some mails are about no onboarding.
    del content[next(name for name in ("onboarding_id", "report_url", "account_id", "found") if name in content)]
    with pytest.raises(jinja2.UndefinedError):
        mails.render(name, **content)


@MAILS
def test_a_mail_in_plain_text_has_short_tidy_lines(name: str) -> None:
    text = mails.render(name, **CONTENT[name]).text
    assert not re.search(r"[ \t]\n|\n{3,}|\A\n", text)
    assert "{{" not in text
    assert "{%" not in text


def test_who_needs_no_reset_is_not_told_to_choose_a_password() -> None:
    told = "choose a password of your own"
    mail = mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"] | {"reset_required": False})
    assert told not in mail.text
    assert told not in mail.html
    assert told in mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"]).text


def test_after_an_approval_people_read_what_comes_and_after_a_rejection_that_nothing_does() -> None:
    for rejected, told, untold in ((True, "No user is created", "claim code"), (False, "claim code", "No user")):
        mail = mails.render("decided", **CONTENT["decided"] | {"rejected": rejected})
        for said in (mail.text, mail.html):
            assert told in said
            assert untold not in said
            assert "nothing more to do for you" in said


def test_of_a_start_from_the_console_the_approvers_read_where_the_claim_code_comes_from() -> None:
    started = {"rejected": False, "from_console": True}
    mail = mails.render("decided", **CONTENT["decided"] | started)
    for said in (mail.text, mail.html):
        assert "nobody has a claim code yet" in said
        assert f"POST /onboardings/{COMMON['onboarding_id']}/resend" in said


def test_without_a_reason_people_read_that_none_was_given() -> None:
    for reason in (None, ""):
        assert "none given" in mails.render("decided", **CONTENT["decided"] | {"reason": reason}).text


def test_without_a_justification_the_approver_reads_that_none_was_given() -> None:
    assert "none given" in mails.render("approval_wanted", **CONTENT["approval_wanted"] | {"justification": None}).text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("onboarding_complete", "not known"),
        ("not_enrolled_by_user", "an unknown address"),
        ("secret_claimed", "an unknown address"),
    ],
)
def test_an_address_that_nobody_reported_is_not_invented(name: str, said: str) -> None:
    mail = mails.render(name, **CONTENT[name] | {"source_ip": None})
    assert said in mail.text
    assert said in mail.html
    assert "None" not in mail.text + mail.html


def test_the_instructions_name_every_kind_of_device_and_every_step() -> None:
    mail = mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"])
    for told in (
        "1. Get your password", "2. Sign in", "3. Enrol MFA", "4. Sign out and in again", "If something is wrong",
        "Authenticator app", "wait until it changes", "Passkey or security key", "Hardware TOTP token",
        "You did not expect this mail",
    ):  # fmt: skip
        assert told in mail.text
        assert told in mail.html


def test_only_who_gets_a_new_password_reads_that_the_old_one_is_dead() -> None:
    told = "your earlier password no longer work"
    first = mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"] | {"sent_again": False})
    again = mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"] | {"code_holder": "olga"})
    assert (told in first.text, told in first.html) == (False, False)
    assert (told in again.text, told in again.html) == (True, True)
    assert "olga asked for new ones" in again.text
    assert again.text.index(told) < again.text.index("An IAM user has been made")


@pytest.mark.parametrize(
    "name", ["approval_reminder_1", "mfa_reminder_1", "mfa_reminder_2", "withdrawn", "mail_bounced"]
)
def test_no_mail_but_the_first_has_a_link(name: str) -> None:
    assert read(name).links == []
    assert "://" not in mails.render(name, **CONTENT[name]).text


def test_the_button_is_called_as_the_claim_page_calls_it() -> None:
    page = Path(mails.__file__).with_name("claim_page.html").read_text()
    (button,) = re.findall(r'<button id="reveal"[^>]*>([^<]+)</button>', page)
    assert f'choose "{button}"' in mails.render("sign_in_instructions", **CONTENT["sign_in_instructions"]).text


@pytest.mark.parametrize("secret", ["password", "access key"])
@pytest.mark.parametrize("sendable", [True, False])
@pytest.mark.parametrize("burnt", [True, False])
def test_who_hears_of_an_unclaimed_secret_reads_why_and_how_to_go_on(secret: str, sendable: bool, burnt: bool) -> None:
    changes = {"secret": secret, "can_be_sent_again": sendable, "burnt": burnt}
    mail = mails.render("claim_expired", **CONTENT["claim_expired"] | changes)
    for said in (mail.text, mail.html):
        assert ("instructions sent again" in said) == sendable
        assert ("password was replaced" in said) == (secret == "password")
        assert ("access key was deleted" in said) != (secret == "password")
        assert ("asks an operator" in said) != sendable
        assert ("wrong five times" in said) == burnt
        assert ("nobody used it" in said) != burnt
        assert "3 March 2026, 09:00 UTC" in said


RESETS = pytest.mark.parametrize("name", mails.OF_RESETS)
OF_A_RESET = {"reset": True, "locked": True}


@RESETS
def test_of_a_reset_html_and_text_say_the_same_and_not_what_they_say_of_an_onboarding(name: str) -> None:
    said = mails.render(name, **CONTENT[name] | OF_A_RESET)
    page = read(name, **OF_A_RESET)
    in_html = words(" ".join([*page.words, *page.links])) - words("Get your password access key AWS")
    assert in_html == words(said.text) - words("Get your password access key AWS")
    of_an_onboarding = mails.render(name, **CONTENT[name])
    assert said.subject != of_an_onboarding.subject
    assert said.text != of_an_onboarding.text
    assert "reset" in said.subject.lower()
    assert "has been made for you" not in said.text
    assert "created" not in said.text


def test_whoever_approves_a_reset_reads_to_ask_the_user_first() -> None:
    text = mails.render("approval_wanted", **CONTENT["approval_wanted"] | OF_A_RESET).text
    assert "told you so in person or on a number you know" in text


@pytest.mark.parametrize("locked", [True, False])
def test_the_end_of_a_reset_says_whether_the_user_can_sign_in(locked: bool) -> None:
    text = mails.render("onboarding_ended", **CONTENT["onboarding_ended"] | {"reset": True, "locked": locked}).text
    assert ("cannot sign in" in text) is locked
    assert ("changed nothing" in text) is not locked


def test_after_a_rejected_reset_people_read_that_nothing_has_changed() -> None:
    text = mails.render("decided", **CONTENT["decided"] | {"reset": True, "rejected": True}).text
    assert "keeps password and devices" in text
    text = mails.render("decided", **CONTENT["decided"] | {"reset": True, "rejected": False}).text
    assert "end now" in text
