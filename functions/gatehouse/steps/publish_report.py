"""PublishReport: what was found, what was done about it, and what comes next, for people and programs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gatehouse import logs, mailing, settings
from gatehouse.clients import client
from gatehouse.compliance import asff, measures, publishing, summary, sweeps
from gatehouse.compliance.model import Acted, Mode, Sweep
from gatehouse.handling import handler
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    compliance_bucket: str
    sender_address: str
    configuration_set: str
    operators: str
    security_hub: str
    product_arn: str


@handler
def publish_report(event: dict[str, Any]) -> dict[str, str]:
    """In: the sweep's findings, and what each batch of ActOnUsers did. Out: where the page is.

    A retry writes the same files again and mails nobody twice. Security Hub and the mail come last, and neither keeps
    the other from being done. Raises AwsCallFailed for what Security Hub refuses; a mail that is refused is no failure.
    """
    config = settings.load(Settings)
    s3 = client("s3")
    found = sweeps.load(s3, config.compliance_bucket, event["findings_key"])
    sweep = replace(found, acted=_acted(event["acted"]))
    page = publishing.write(s3, config.compliance_bucket, sweep)
    _count(sweep)
    try:
        if config.security_hub == "true":
            asff.send(client("securityhub"), sweep, config.product_arn)
    finally:
        _mail(sweep, summary.console_url(s3.meta.region_name, config.compliance_bucket, page), config)
    return {"sweep_id": sweep.sweep_id, "report_key": page}


def _acted(batches: Sequence[Sequence[dict[str, Any]]]) -> tuple[Acted, ...]:
    return tuple(Acted(**one | {"action": Mode(one["action"])}) for batch in batches for one in batch)


def _count(sweep: Sweep) -> None:
    for measure in measures.of(sweep):
        logs.measure(measure.name, measure.unit, measure.value, measure.dimension)


def _mail(sweep: Sweep, report_url: str, config: Settings) -> None:
    publishing.mail(
        client("sesv2", retries=False),
        Table(client("dynamodb"), config.table_name),
        sweep.sweep_id,
        summary.MAIL,
        summary.mail(sweep, report_url),
        sender=mailing.Sender(config.sender_address, config.configuration_set),
        operators=config.operators,
    )
