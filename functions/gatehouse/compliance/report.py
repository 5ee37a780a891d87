"""A sweep as files: a table for programs (CSV) and a page for people (HTML) that needs nothing but itself.

Names, tags and reasons are whatever somebody typed: the page escapes all of it, runs no script and takes no style but
its own (by their hashes), and asks nobody for anything.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gatehouse import spreadsheet, times
from gatehouse.compliance import chart, overview
from gatehouse.compliance.model import Counts, Due, Finding, Mode, Outcome, Sweep
from gatehouse.compliance.rules import RULES, Rule

MOST_NAMES = 12
"""Names shown in a line before the rest is counted."""

ACTIONS = {
    Mode.REPORT: "Looked at",
    Mode.REMIND: "Reminded by mail",
    Mode.RESTRICT: "Restricted to enrolling",
    Mode.SUSPEND: "Suspended",
}
"""What an action does to a user, in words."""

_COLUMNS = (
    "Severity", "Finding", "Subject", "ARN", "Reason", "Since", "Age in days", "Owner", "Next action", "Due",
    "Exempt until", "Exemption's owner", "Exemption's reason", "CIS AWS Foundations", "What to do",
)  # fmt: skip

_PAGE = Path(__file__).with_name("report_page")


def as_csv(sweep: Sweep) -> str:
    """A line for each finding, exempt or not, as RFC 4180 wants it; nothing in it is a formula."""
    return spreadsheet.written(_COLUMNS, (_line(finding, sweep) for finding in sweep.findings))


def as_html(sweep: Sweep) -> str:
    """The page, in UTF-8."""
    return page(
        "report.html.j2",
        sweep=sweep,
        without_mfa=without_mfa(sweep.counts),
        before=sweep.past[-1].counts if sweep.past else None,
        overdue=overview.overdue(sweep),
        severities=overview.by_severity(sweep),
        kinds=overview.by_kind(sweep),
        charts=chart.charts(sweep),
        coming=overview.coming(sweep),
        due_now=overview.due_now(sweep),
        done=overview.done(sweep),
        failed=sum(one.outcome == Outcome.FAILED for one in sweep.acted),
        exempt=overview.exempt(sweep),
        rows=list(_rows(sweep)),
        actions=ACTIONS,
        size=(chart.WIDTH, chart.HEIGHT),
    )


def page(template: str, **content: Any) -> str:
    """A page with the style and the script of all of them, which its policy knows by their hashes."""
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    pieces = _templates().get_template(template).stream(content, style=style, script=script, policy=policy)
    # A hundred thousand of them take several times the memory of the page.
    pieces.enable_buffering(1000)
    return "".join(pieces)


def without_mfa(counts: Counts) -> int:
    """Console users without MFA."""
    return counts.console_users - counts.console_users_with_mfa


def names_in_words(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """`alice, bob and 40 more`."""
    shown = [overview.IN_WORDS.get(name, name) for name in names[:most]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def cis(rule: Rule) -> str:
    """The recommendations that a finding breaks: `1.10 (v1.4.0, v3.0.0), 1.9 (v5.0.0)`; empty if there is none."""
    numbers: dict[str, list[str]] = {}
    for version, number in rule.cis.items():
        numbers.setdefault(number, []).append(f"v{version}")
    return ", ".join(f"{number} ({', '.join(versions)})" for number, versions in numbers.items())


def day(moment: str) -> str:
    """A date as people read it: `3 Dec 2026`."""
    parsed = times.parse(moment if "T" in moment else f"{moment}T00:00:00Z")
    return f"{parsed.day} {parsed:%b %Y}"


def _line(finding: Finding, sweep: Sweep) -> tuple[str, ...]:
    rule, due, exemption = RULES[finding.kind], finding.due, finding.exemption
    return (
        rule.severity,
        rule.title,
        overview.subject(finding),
        finding.arn,
        finding.reason,
        finding.since,
        str(overview.age(finding, sweep)),
        finding.owner or "",
        due.action.value if due else "",
        due.at if due else "",
        exemption.until if exemption else "",
        exemption.owner if exemption else "",
        exemption.reason if exemption else "",
        cis(rule),
        rule.cure,
    )


def _rows(sweep: Sweep) -> Iterator[tuple[int, str, str, str, str, int, str, bool, str, str]]:
    """The cells of each open finding, the ones to sort by before what is shown for them."""
    for finding in overview.open_findings(sweep):
        rule = RULES[finding.kind]
        yield (
            overview.SEVERITIES.index(rule.severity),
            rule.severity.capitalize(),
            overview.subject(finding),
            rule.title,
            finding.reason,
            overview.age(finding, sweep),
            day(finding.since),
            overview.is_new(finding, sweep),
            finding.owner or "",
            _next(finding.due),
        )


def _next(due: Due | None) -> str:
    if due is None:
        return ""
    return f"{due.action.value.capitalize()}: {'due now' if due.now else day(due.at)}"


@cache
def _asset(name: str) -> str:
    return (_PAGE / name).read_text()


def _hash(text: str) -> str:
    """What a Content-Security-Policy names the text of an element by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {
        "moment": times.in_words,
        "day": day,
        "names": names_in_words,
        "cis": cis,
        "number": "{:,}".format,
    }
    return templates
