"""Accept: who asks for the .csv gets it, everybody else JSON."""

import pytest

from gatehouse.media_types import preferred

OFFERED = ("application/json", "text/csv")


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv",
        "TEXT/CSV",
        "text/csv; charset=utf-8",
        "text/csv;header=present;q=0.5",
        "text/*",
        "text/csv, */*",
        "text/csv, application/json;q=0.9",
        "application/json;q=0.2, text/*;q=0.3",
        "application/json;q=0, */*",
        "text/html, text/csv ;q=0.001",
    ],
)
def test_the_csv_for_who_wants_it_most(accept: str) -> None:
    assert preferred(accept, OFFERED) == "text/csv"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/*",
        "application/json, text/csv",
        "text/csv, application/json",
        "text/csv;q=0.9, application/json",
        "text/csv;q=0.5, */*",
        "text/csv;q=0",
        "text/*, text/csv;q=0, application/json;q=0.1",
        "text/csv;q=much",
        "text/csv;q=2",
        "text/csv;q=nan",
        "image/png",
        "csv",
        ";;,,=/",
    ],
)
def test_json_for_everybody_else(accept: str | None) -> None:
    assert preferred(accept, OFFERED) == "application/json"
