"""Where the files of a sweep lie, beside its findings."""

from typing import Any

from gatehouse.compliance import report, sweeps
from gatehouse.compliance.model import Sweep

PAGE = "report.html"
TABLE = "report.csv"


def write(s3: Any, bucket: str, sweep: Sweep, folder: str = "") -> str:
    """Write findings, table and page, over those of an earlier try, and return the page's key.

    `latest.json` comes last: whoever goes on from it finds all the rest.
    """
    page = sweeps.key(sweep.sweep_id, sweep.at, PAGE, folder)
    put(s3, bucket, page, report.as_html(sweep), "text/html")
    put(s3, bucket, sweeps.key(sweep.sweep_id, sweep.at, TABLE, folder), report.as_csv(sweep), "text/csv")
    sweeps.save(s3, bucket, sweep, folder)
    sweeps.save_latest(s3, bucket, sweep, folder)
    return page


def put(s3: Any, bucket: str, key: str, text: str, media_type: str) -> None:
    """Write a text, which is read as UTF-8."""
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType=f"{media_type}; charset=utf-8")
