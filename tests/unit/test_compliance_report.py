"""The report as programs read it: complete, self-contained, and never more than text."""

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gatehouse.compliance import overview, report
from gatehouse.compliance.model import Acted, Mode, Sweep
from local import sample_sweep

MARKUP = "x<b>&\"'</b><script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("https://example.com","alice")'


class Reader(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.inline: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("style", "script") and data.strip():
            self.inline.setdefault(self.tags[-1], data)
        else:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self.tags.append(f"/{tag}")


def worded(sweep: Sweep, text: str) -> Sweep:
    """The sweep with that text wherever somebody may have typed it."""

    def reworded(one: object) -> object:
        exemption = one.exemption and replace(one.exemption, owner=text, reason=text)  # type: ignore[attr-defined]
        return replace(one, subject=f"{text}{hash(one)}", reason=text, owner=text, exemption=exemption)  # type: ignore[type-var]

    return replace(
        sweep,
        findings=tuple(map(reworded, sweep.findings)),  # type: ignore[arg-type]
        acted=(Acted(text, Mode.REMIND, "failed", text),),
        broken=text,
    )


def policy_of(page: str) -> str:
    """The page's own Content-Security-Policy."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    return policy.replace("&#39;", "'")


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return sample_sweep.made_up(300)


def test_what_somebody_typed_is_text_in_the_page(sweep: Sweep) -> None:
    plain, hostile = Reader(report.as_html(worded(sweep, "x"))), Reader(report.as_html(worded(sweep, MARKUP)))
    assert hostile.tags == plain.tags
    assert MARKUP in "".join(hostile.texts)


def test_the_page_may_run_and_show_nothing_but_its_own(sweep: Sweep) -> None:
    page = report.as_html(sweep)
    read = Reader(page)
    policy = dict(re.findall(r"([a-z-]+) '([^']+)'", policy_of(page)))
    assert policy["default-src"] == "none"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        digest = hashlib.sha256(read.inline[tag].encode()).digest()
        assert policy[directive] == f"sha256-{base64.b64encode(digest).decode()}"
    assert "unsafe" not in policy_of(page)


def test_the_page_needs_nobody_else(sweep: Sweep) -> None:
    read = Reader(report.as_html(sweep))
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(read.tags)
    assert {value[:1] for name, value in read.attributes if name in ("href", "src", "action")} == {"#"}
    assert not [name for name, _ in read.attributes if name == "style" or name.startswith("on")]
    assert not re.search(r"url\(|@import", read.inline["style"])
    assert not re.search(r"fetch|XMLHttpRequest|innerHTML|eval", read.inline["script"])


def test_every_link_within_the_page_leads_somewhere(sweep: Sweep) -> None:
    read = Reader(report.as_html(replace(sweep, broken="x")))
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for name in ("href", "aria-labelledby", "aria-controls", "for"):
        assert {value.lstrip("#") for attribute, value in read.attributes if attribute == name} <= set(ids)


def test_five_thousand_findings_are_less_than_two_megabytes() -> None:
    page = report.as_html(sample_sweep.made_up(5000, findings=5000))
    assert len(page.encode()) < 2_000_000
    assert page.count("<tr>") > 4_500


@pytest.mark.parametrize(
    ("change", "told", "untold"),
    [
        ({"broken": "80 of 90 were due"}, "Circuit breaker open", "Dry run"),
        ({"broken": None}, "What was done", "Circuit breaker open"),
        ({"past": ()}, "first sweep", "fewer than before"),
        ({"findings": (), "acted": ()}, "Nothing is open", "failed"),
    ],
    ids=str,
)
def test_the_page_says_what_matters_of_this_sweep(
    sweep: Sweep, change: dict[str, object], told: str, untold: str
) -> None:
    texts = "".join(Reader(report.as_html(replace(sweep, **change))).texts)  # type: ignore[arg-type]
    assert told in texts
    assert untold not in texts


def test_a_dry_run_says_that_nobody_was_touched_and_what_would_have_been_done(sweep: Sweep) -> None:
    texts = "".join(Reader(report.as_html(replace(sweep, rules=replace(sweep.rules, dry_run=True)))).texts)
    assert "Dry run: no user was mailed or changed" in texts
    assert "What would have been done" in texts


def test_an_account_where_everybody_has_mfa_hears_so(sweep: Sweep) -> None:
    counts = replace(sweep.counts, console_users_with_mfa=sweep.counts.console_users)
    texts = "".join(Reader(report.as_html(replace(sweep, counts=counts))).texts)
    assert "Every console user has MFA." in texts
    assert "100.0 %" in texts


def test_a_share_is_never_rounded_up_to_all(sweep: Sweep) -> None:
    counts = replace(sweep.counts, console_users=5000, console_users_with_mfa=4999)
    assert "99.9 %" in report.as_html(replace(sweep, counts=counts))


def test_an_exemption_is_told_with_owner_reason_and_end(sweep: Sweep) -> None:
    texts = "".join(Reader(report.as_html(sweep)).texts)
    (exempt,) = overview.exempt(sweep)
    for said in (exempt.exemption.owner, exempt.exemption.reason, "31 Jan 2027"):
        assert said in texts


def test_the_table_has_a_line_for_each_finding_exempt_or_not(sweep: Sweep) -> None:
    lines = list(csv.DictReader(io.StringIO(report.as_csv(sweep))))
    assert len(lines) == len(sweep.findings)
    assert {line["Exempt until"] for line in lines} == {"", "2027-01-31"}
    without = next(line for line in lines if line["CIS AWS Foundations"])
    assert re.fullmatch(r"1\.\d+ \(v1\.4\.0, v3\.0\.0\), 1\.\d+ \(v5\.0\.0\)", without["CIS AWS Foundations"])


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_table_is_a_formula(sweep: Sweep, begins: str) -> None:
    lines = list(csv.reader(io.StringIO(report.as_csv(worded(sweep, begins + FORMULA)))))
    cells = [cell for line in lines for cell in line]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert f"'{begins}{FORMULA}" in cells


def test_names_beyond_the_first_are_counted() -> None:
    assert report.names_in_words(["alice"], 2) == "alice"
    assert report.names_in_words(["alice", "<root_account>", "carla", "deniz"], 2) == "alice, Root user and 2 more"
