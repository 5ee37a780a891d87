"""PublishAccountsReport: what was found in other accounts, and which could not be looked into, in one place."""

from dataclasses import dataclass
from typing import Any

from gatehouse import logs, mailing, settings, times
from gatehouse.clients import client
from gatehouse.compliance import accounts, accounts_report, publishing, summary
from gatehouse.handling import handler
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    compliance_bucket: str
    sender_address: str
    configuration_set: str
    operators: str


@handler
def publish_accounts_report(event: dict[str, Any]) -> dict[str, Any]:
    """In: the sweep, when it began, the accounts that it was to look into, and what became of each: its id, with error
    and cause where it could not be swept.

    Out: where the page is, and the counts. A retry writes the same files again and mails nobody twice; a mail that SES
    refuses is no failure.
    """
    config, s3 = settings.load(Settings), client("s3")
    at = times.text(times.parse(event["started_at"]))
    told = accounts.find(s3, config.compliance_bucket, event["sweep_id"], at, event["account_ids"], event["outcomes"])
    page = accounts_report.write(s3, config.compliance_bucket, told)
    for measure in accounts.measures(told):
        logs.measure(measure.name, measure.unit, measure.value)
    publishing.mail(
        client("sesv2", retries=False),
        Table(client("dynamodb"), config.table_name),
        told.sweep_id,
        accounts_report.MAIL,
        accounts_report.mail(told, summary.console_url(s3.meta.region_name, config.compliance_bucket, page)),
        sender=mailing.Sender(config.sender_address, config.configuration_set),
        operators=config.operators,
    )
    return {"report_key": page, "swept": len(told.swept), "not_swept": len(told.not_swept)}
