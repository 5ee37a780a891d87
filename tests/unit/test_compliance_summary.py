"""What the operators read about a sweep."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from gatehouse import mails
from gatehouse.compliance import summary
from gatehouse.compliance.model import Acted, Counts, Due, Finding, Kind, Mode, Sweep
from local import sample_sweep

URL = "https://eu-central-1.console.aws.amazon.com/s3/object/bucket?region=eu-central-1&prefix=sweeps/report.html"
EMPTY = sample_sweep.made_up(0)


def told(sweep: Sweep) -> mails.Mail:
    return summary.mail(sweep, URL)


def without_mfa(user_name: str, due: Due) -> Finding:
    return Finding(Kind.CONSOLE_WITHOUT_MFA, user_name, f"arn:{user_name}", "no device", EMPTY.at, due=due)


def test_it_says_what_is_open_what_changed_what_is_due_and_where_the_report_is() -> None:
    sweep = replace(
        EMPTY,
        counts=Counts(20, 10, 7, 2, 0, {}),
        findings=(
            without_mfa("alice", Due(Mode.REMIND, "2026-11-23T06:00:00.000000Z", now=False)),
            without_mfa("bob", Due(Mode.SUSPEND, "2026-12-23T06:00:00.000000Z", now=False)),
        ),
        resolved=(Finding(Kind.ROOT_ACCESS_KEY, "<root_account>", "r", "x", "2026-11-01T06:00:00.000000Z"),),
        acted=(Acted("carla", Mode.SUSPEND, "done", "no device for 31 days"),),
    )
    mail = told(sweep)
    assert mail.subject == "MFA compliance of 123456789012: 3 of 10 console users without MFA"
    for line in (
        "- 20 IAM users, 10 console users",
        "- 3 without MFA, 0 of them for 14 days or more and not held back",
        "- 2 open findings: 2 high",
        "has no MFA: 2 new, 0 resolved, 2 open",
        "access key: 0 new, 1 resolved, 0 open",
        "- Suspended, done: 1 user (carla): no device for 31 days",
        "- 23 Nov 2026, Reminded by mail: 1 user (alice)",
    ):
        assert line in mail.text
    assert "bob" not in mail.text
    assert f"\n{URL}\n" in mail.text
    assert URL.replace("&", "&amp;") in mail.html


def test_nothing_new_is_said_too() -> None:
    mail = told(EMPTY)
    assert "nothing is new, and nothing was resolved" in mail.text
    assert "every console user has MFA" in mail.subject
    assert "What was done" not in mail.text


def test_what_an_operator_must_not_miss_comes_first() -> None:
    sweep = replace(
        EMPTY,
        broken="80 of 90 were due",
        rules=replace(EMPTY.rules, dry_run=True),
        acted=(Acted("alice", Mode.REMIND, "failed", "SES"),),
    )
    before, _, _ = told(sweep).text.partition("In numbers")
    for warning in ("Circuit breaker open", "80 of 90 were due", "1 failed", "Dry run"):
        assert warning in before


def test_a_mail_stays_short_whatever_was_found() -> None:
    acted = tuple(Acted(f"user{number}", Mode.REMIND, "done", f"reason {number}") for number in range(500))
    mail = told(replace(sample_sweep.made_up(5000, findings=5000), acted=acted))
    assert len(mail.text) < 8_000
    assert "and 480 more lines in the report" in mail.text


def test_the_link_opens_nothing_by_itself() -> None:
    """It is the console's own, which asks who comes to sign in: a presigned one would be the key and the door."""
    link = urlsplit(summary.console_url("eu-central-1", "bucket", "sweeps/2026/11/22/an id/report.html"))
    assert link.netloc == "eu-central-1.console.aws.amazon.com"
    assert link.path == "/s3/object/bucket"
    assert parse_qs(link.query) == {"region": ["eu-central-1"], "prefix": ["sweeps/2026/11/22/an id/report.html"]}
