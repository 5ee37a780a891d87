"""What a sweep leaves for people and programs: files beside its findings, and a mail to the operators."""

from typing import Any

from gatehouse import logs, mailing, mails, people
from gatehouse.clients import aws_errors
from gatehouse.compliance import report, summary, sweeps
from gatehouse.compliance.model import Sweep
from gatehouse.errors import AccessDenied, AwsCallFailed
from gatehouse.logs import logger
from gatehouse.table import Table

PAGE = "report.html"
TABLE = "report.csv"


def write(s3: Any, bucket: str, sweep: Sweep, folder: str = "") -> str:
    """Write findings, table and page, over those of an earlier try, and return the page's key.

    `latest.json` comes last: whoever goes on from it finds all the rest. One of a sweep that began later stays.
    """
    page = sweeps.key(sweep.sweep_id, sweep.at, PAGE, folder)
    put(s3, bucket, page, report.as_html(sweep), "text/html")
    put(s3, bucket, sweeps.key(sweep.sweep_id, sweep.at, TABLE, folder), report.as_csv(sweep), "text/csv")
    sweeps.save(s3, bucket, sweep, folder)
    latest = sweeps.earlier(s3, bucket, folder)
    if latest is None or latest.at <= sweep.at:
        sweeps.save_latest(s3, bucket, sweep, folder)
    return page


def put(s3: Any, bucket: str, key: str, text: str, media_type: str) -> None:
    """Write a text, which is read as UTF-8."""
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType=f"{media_type}; charset=utf-8")


def mail(
    ses: Any, table: Table, sweep_id: str, name: str, told: mails.Mail, *, sender: mailing.Sender, operators: str
) -> None:
    """Mail the operators once, as the parameter names them. What SES refuses for good is logged and counted.

    Raises what a retry may mend.
    """
    directory = people.Directory.parse("{}", operators)
    to = {directory.address(operator) for operator in directory.operators}
    try:
        with aws_errors():
            summary.send_once(ses, table, sweep_id, name, told, sender=sender, to=to)
    except (AccessDenied, AwsCallFailed) as refused:
        logger().error("operators not mailed", mail=name, error=type(refused).__name__, cause=str(refused))
        logs.measure("SummariesNotMailed", "Count", 1)
