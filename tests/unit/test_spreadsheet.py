"""The .csv: what the console's wizard tells of new users, never a password or a key, and never a formula."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import spreadsheet
from gatehouse.model import Onboarding, Status
from tests.unit.account import ACCOUNT, NOW, ONBOARDING_ID, TASK_TOKEN, USER, make_record

HEADER = [
    "User name",
    "Console sign-in URL",
    "Status",
    "Status reason",
    "Email",
    "Profile",
    "Onboarding ID",
    "Created",
    "Expires",
]


def lines(*records: Onboarding) -> list[list[str]]:
    """What a spreadsheet reads."""
    return list(csv.reader(io.StringIO(spreadsheet.of(records), newline="")))


def cells(**changes: Any) -> dict[str, str]:
    """The line of one record, by the names of its columns."""
    header, line = lines(make_record(Status.PENDING_MFA, **changes))
    return dict(zip(header, line, strict=True))


def with_email(email: str) -> Onboarding:
    record = make_record()
    return replace(record, request={**record.request, "email": email})


def test_a_header_and_a_line_for_each() -> None:
    url = "https://example-corp.signin.aws.amazon.com/console"
    record = make_record(Status.PENDING_MFA, record={"sign_in_url": url})
    failed = replace(record, status=Status.FAILED, status_reason="USER_ALREADY_EXISTS")
    expires_at = record.request["expires_at"]
    end = ["alice@example.com", "developer", ONBOARDING_ID, NOW, expires_at]
    assert lines(record, failed) == [
        HEADER,
        [USER, url, "PENDING_MFA", "", *end],
        [USER, url, "FAILED", "USER_ALREADY_EXISTS", *end],
    ]


def test_without_onboardings_there_is_the_header() -> None:
    assert spreadsheet.of([]) == ",".join(HEADER) + "\r\n"


def test_before_the_alias_is_known_the_account_s_number_leads_to_the_same_page() -> None:
    assert cells()["Console sign-in URL"] == f"https://{ACCOUNT}.signin.aws.amazon.com/console"


def test_an_application_signs_in_nowhere() -> None:
    application = cells(kind="application", access=["programmatic"], profile="application", justification="x")
    assert application["Console sign-in URL"] == ""


def test_nothing_that_opens_anything_is_told() -> None:
    record = make_record(Status.PENDING_MFA, record={"task_token": TASK_TOKEN, "claims": {"password": "0ff1ce"}})
    told = spreadsheet.of([record])
    assert not {TASK_TOKEN, "0ff1ce"} & {cell for line in lines(record) for cell in line}
    assert "0ff1ce" not in told


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_would_be_computed_is_shown(begin: str) -> None:
    formula = f"{begin}HYPERLINK(1)@example.com"
    assert lines(with_email(formula))[1][4] == f"'{formula}"


@pytest.mark.parametrize("email", ['a"b@example.com', "a,b@example.com", "a\r\nb@example.com", "ä@example.com"])
def test_a_cell_comes_out_as_it_went_in(email: str) -> None:
    assert lines(with_email(email))[1][4] == email


def test_lines_end_as_rfc_4180_wants_them() -> None:
    assert spreadsheet.of([make_record()]).count("\r\n") == 2
