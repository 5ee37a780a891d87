"""The credential report is read whole or not at all."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.compliance import credential_report
from gatehouse.compliance.model import ROOT, AccessKey, Credentials
from gatehouse.errors import MalformedReport
from tests.unit.swept import COLUMNS, KEYS, MOMENTS, ago, credentials, report

THE_ROOT = credentials(ROOT, has_password=True)
ANN = credentials("ann", has_password=True, keys=(AccessKey(True, ago(3), ago(1)), AccessKey(False, ago(9), None)))

# All that IAM allows, commas often.
LETTERS = st.text(
    st.sampled_from(",,,a.") | st.from_regex(r"[A-Za-z0-9_+=,.@-]", fullmatch=True), min_size=1, max_size=10
)
PATHS = st.just("/") | st.text(
    st.sampled_from(',,,"/a') | st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20
).map(lambda inner: f"/{inner}/")
LINES = st.builds(
    lambda name, path, *rest: Credentials(name, f"arn:aws:iam::123456789012:user{path}{name}", *rest),
    LETTERS,
    PATHS,
    MOMENTS,
    st.booleans(),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.booleans(),
    st.tuples(KEYS, KEYS),
)


@given(st.lists(LINES, max_size=5, unique_by=lambda line: line.user_name))
def test_what_aws_writes_is_read_back_whatever_iam_allows_in_names_and_paths(lines: list[Credentials]) -> None:
    """It quotes nothing."""
    root, found = credential_report.parse(report([THE_ROOT, *lines]))
    assert root == THE_ROOT
    assert found == {line.user_name: line for line in lines}


def test_what_the_report_does_not_know_is_nothing_and_not_a_time() -> None:
    text = report([THE_ROOT, ANN]).replace("N/A", "no_information", 3).replace("N/A", "not_supported", 3)
    _, found = credential_report.parse(text)
    assert (found["ann"].password_last_used_at, found["ann"].keys[1].last_used_at) == (None, None)


def test_a_root_user_whose_password_was_removed_has_none() -> None:
    removed = replace(THE_ROOT, has_password=False)
    assert credential_report.parse(report([removed]))[0] == removed


def test_other_columns_may_come_and_their_order_may_change() -> None:
    columns = [*reversed(COLUMNS), "additional_credentials_info"]
    _, found = credential_report.parse(report([THE_ROOT, ANN], columns))
    assert found == {"ann": ANN}


@pytest.mark.parametrize(("name", "path"), [("doe,john", "/"), (",", "/"), ("ann", "/a,b/"), ("a,b", "/c,d/")])
def test_a_comma_does_no_harm_in_quotes_either(name: str, path: str) -> None:
    line = credentials(name, has_password=True, arn=f"arn:aws:iam::123456789012:user{path}{name}")
    text = report([THE_ROOT, line])
    quoted = text.replace(f"\n{name},{line.arn}", f'\n"{name}","{line.arn}"')
    assert quoted != text
    assert credential_report.parse(quoted)[1] == {name: line}


def test_a_report_that_quotes_everything_is_read() -> None:
    line = credentials("doe,john", has_password=True)
    rows = csv.reader(report([THE_ROOT]).splitlines())
    header, root = list(rows)
    fields = dict(zip(header, root, strict=True)) | {"user": "doe,john", "arn": line.arn, "password_enabled": "true"}
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([header, root, fields.values()])
    assert credential_report.parse(written.getvalue())[1].keys() == {"doe,john"}


def test_fifty_thousand_lines_are_read() -> None:
    text = report([THE_ROOT, ANN])
    line = text.split("\n")[2]
    lines = [line.replace("ann", f"user-{number}", 1) for number in range(50_000)]
    _, found = credential_report.parse("\n".join([text, *lines]))
    assert len(found) == 50_001
    assert found["user-49999"] == replace(ANN, user_name="user-49999")


GOOD = report([THE_ROOT, ANN])
HEADER = GOOD.split("\n")[0]


def of_ann(password_last_used: str) -> str:
    return GOOD.replace("true,no_information", f"true,{password_last_used}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the header has no user, arn"),
        ("<html>Service Unavailable</html>", "the header has no"),
        (GOOD.replace("mfa_active", "mfa"), "the header has no mfa_active"),
        (HEADER, "no line of the root user"),
        (report([ANN]), "no line of the root user"),
        (report([THE_ROOT, ANN, ANN]), "line 4: its user has a line already"),
        (f"{GOOD},N/A", "line 3: it has 23 fields, the header 22"),
        (f"{GOOD}\n\n", "line 4: it has 1 fields"),
        (GOOD.replace(",true,no_info", ",yes,no_info"), "line 3: password_enabled is none that AWS documents"),
        (GOOD.replace(",true,no_info", ",,no_info"), "line 3: password_enabled is none that AWS documents"),
        (of_ann("never"), "line 3: password_last_used is none that AWS documents"),
        (of_ann("2026-13-01T00:00:00+00:00"), "line 3: password_last_used is none that AWS documents"),
        (of_ann("2026-01-01T00:00:00"), "line 3: password_last_used is none that AWS documents"),
        (GOOD.replace("\nann,", "\n,"), "line 3: it has no user or no ARN"),
        (GOOD.replace("arn:aws:iam::123456789012:user/ann", "ann"), "line 3: it has no user or no ARN"),
        (GOOD.replace("\nann,", '\n"ann,'), "line 3: it has no user or no ARN"),
    ],
)
def test_anything_else_is_an_error_that_says_where(text: str, what: str) -> None:
    with pytest.raises(MalformedReport) as raised:
        credential_report.parse(text)
    assert what in str(raised.value)


def test_a_report_that_was_cut_off_anywhere_but_between_two_lines_is_an_error() -> None:
    """One cut between two lines lacks users, whom IAM tells of: see `inventory`."""
    whole = {len(GOOD), GOOD.rindex("\n"), GOOD.rindex("\n") + 1}
    for left in set(range(len(GOOD))) - whole:
        with pytest.raises(MalformedReport):
            credential_report.parse(GOOD[:left])
