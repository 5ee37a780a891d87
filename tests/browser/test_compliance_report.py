"""The report of a sweep as people read it: on a phone, in the dark, by keyboard, on paper, with thousands of users."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from gatehouse.compliance import overview, report
from gatehouse.compliance.model import Acted, Exemption, Mode, Sweep
from local import browser as system_browser
from local import sample_sweep
from tests.browser import accessibility
from tests.browser.conftest import Noted

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
AT_FIRST = 100

Open = Callable[..., Page]


def hostile() -> Sweep:
    """One user, and everything that somebody may have typed is markup; everything that can be said is said."""
    sweep = sample_sweep.made_up(1, findings=6, names=(MARKUP,))
    exempt = replace(sweep.findings[2], exemption=Exemption(MARKUP, MARKUP, "2027-01-31"))
    owned = tuple(
        replace(finding, owner=MARKUP, reason=MARKUP) for finding in (*sweep.findings[3:], *sweep.findings[:2])
    )
    return replace(
        sweep,
        findings=(exempt, *owned),
        acted=(Acted(MARKUP, Mode.SUSPEND, "failed", MARKUP),),
        rules=replace(sweep.rules, dry_run=True),
        broken=MARKUP,
    )


SWEEPS = {0: lambda: sample_sweep.made_up(0), 1: hostile, 5000: lambda: sample_sweep.made_up(5000)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The page for each number of users."""
    folder = tmp_path_factory.mktemp("reports")
    for users, sweep in SWEEPS.items():
        (folder / f"{users}.html").write_text(report.as_html(sweep()), encoding="utf-8")
    return {users: folder / f"{users}.html" for users in SWEEPS}


@pytest.fixture(scope="module")
def reader(chromium: Browser) -> Iterator[BrowserContext]:
    context = system_browser.person(chromium)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture(scope="module")
def noted_of_reader(reader: BrowserContext) -> Noted:
    noted = Noted()
    noted.of(reader)
    return noted


@pytest.fixture
def opened(reader: BrowserContext, noted_of_reader: Noted, files: dict[int, Path]) -> Iterator[Open]:
    """The report of an account with so many users; it asks nobody for anything, and complains about nothing."""
    noted_of_reader.requests.clear()

    def come(users: int) -> Page:
        page = reader.new_page()
        page.goto(files[users].as_uri())
        return page

    yield come
    assert {request.url for request in noted_of_reader.requests} <= {path.as_uri() for path in files.values()}
    assert noted_of_reader.complaints == []
    for page in reader.pages:
        page.close()


def shown(page: Page) -> list[list[str]]:
    """The cells of the findings on the page, as they are read."""
    cells: list[list[str]] = page.evaluate(
        "Array.from(document.querySelectorAll('#table tbody tr'), row => Array.from(row.cells, cell => cell.innerText))"
    )
    return cells


def said(page: Page) -> str:
    return page.get_by_role("status").inner_text()


@pytest.mark.parametrize("users", SWEEPS)
def test_everybody_can_read_it(opened: Open, users: int) -> None:
    page = opened(users)
    assert accessibility.violations(page) == []
    assert accessibility.sideways(page) <= 0


def test_what_somebody_typed_stays_text(opened: Open) -> None:
    page = opened(1)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    assert page.locator("main img, main script").count() == 0
    assert {cells[1] for cells in shown(page)} == {MARKUP, "Root user", "This account"}
    # The user's name, owner, reasons; the breaker; the exemption; the action.
    assert page.inner_text("body").count(MARKUP) > 10


def test_a_script_that_got_into_the_page_would_not_run(opened: Open, noted_of_reader: Noted) -> None:
    page = opened(0)
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in noted_of_reader.complaints.pop()


def test_a_word_finds_its_rows_whatever_column_it_is_in(opened: Open) -> None:
    page, sweep = opened(5000), SWEEPS[5000]()
    standing = overview.open_findings(sweep)
    assert said(page) == f"{len(standing):,} findings, the first {AT_FIRST} shown"
    page.get_by_role("searchbox").fill("OLGA emeka")
    expected = {one.subject for one in standing if one.owner == "olga" and "emeka" in one.subject}
    assert {cells[1] for cells in shown(page)} == expected != set()
    assert said(page).startswith(f"{len(shown(page))} of {len(standing):,} match")
    page.get_by_role("searchbox").fill("no such word")
    assert (shown(page), said(page)) == ([], f"0 of {len(standing):,} match")
    page.get_by_role("searchbox").fill("")
    assert len(shown(page)) == AT_FIRST


def test_a_count_leads_to_its_findings(opened: Open) -> None:
    page = opened(1)
    link = page.get_by_role("link", name="root user was used")
    link.click()
    assert [cells[1] for cells in shown(page)] == ["Root user"]
    assert page.get_by_role("searchbox").input_value()


def test_the_table_is_sorted_by_what_a_cell_means(opened: Open) -> None:
    """Ages by days, not by digits; severities by weight, not by letters."""
    page = opened(5000)
    age = page.get_by_role("button", name="Age")
    age.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.get_by_role("columnheader", name="Age").get_attribute("aria-sort") == "descending"
    days = [int(cells[3].split()[0]) for cells in shown(page)]
    assert days == sorted(days, reverse=True)
    assert days[0] > 100 > 20
    page.get_by_role("button", name="Severity").click()
    assert age.evaluate("button => button.parentElement.getAttribute('aria-sort')") is None
    assert {cells[0] for cells in shown(page)} == {"High"}


def test_thousands_are_laid_out_only_for_who_wants_them_all_or_prints_them(opened: Open) -> None:
    page, rows = opened(5000), "document.querySelectorAll('#table tbody tr').length"
    every = len(overview.open_findings(SWEEPS[5000]()))
    assert page.evaluate(rows) == AT_FIRST
    page.get_by_role("button", name=f"Show all {every:,}").click()
    assert page.evaluate(rows) == every
    page.get_by_role("searchbox").fill("a")
    assert page.evaluate(rows) == AT_FIRST
    page.get_by_role("searchbox").fill("")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(rows) == every


def test_on_paper_it_is_dark_on_white_without_what_nobody_can_press(opened: Open) -> None:
    page = opened(1)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(17, 24, 39)"
    assert not page.get_by_role("searchbox").is_visible()


def test_without_javascript_all_of_it_is_there_and_nothing_that_does_not_work(
    chromium: Browser, files: dict[int, Path]
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files[1].as_uri())
    assert page.locator("#table tbody tr").count() == len(overview.open_findings(SWEEPS[1]()))
    assert not page.get_by_role("searchbox").is_visible()
    assert page.get_by_role("button").count() == 0
    context.close()
