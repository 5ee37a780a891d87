"""ActOnUsers: remind, restrict or suspend users on whom a sweep found something, each as IAM shows it now."""

from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import mailing, settings
from gatehouse.clients import aws_errors, client
from gatehouse.compliance import acting, sweeps
from gatehouse.compliance.acting import Means
from gatehouse.compliance.model import Acted, Finding, Mode, Outcome, Sweep
from gatehouse.compliance.restricting import Policies
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    boundary_prefix: str
    compliance_bucket: str
    sender_address: str
    configuration_set: str


@handler
def act_on_users(event: dict[str, Any]) -> list[dict[str, Any]]:
    """In: `{sweep_id, findings_key, user_names}`. Out: for each user `{user_name, action, outcome, reason}`.

    What fails for one user is said there, and keeps nobody else waiting: the next sweep tries again.
    """
    config = settings.load(Settings)
    sweep = sweeps.load(client("s3"), config.compliance_bucket, event["findings_key"])
    means = Means(
        iam=client("iam"),
        ses=client("sesv2", retries=False),
        table=Table(client("dynamodb"), config.table_name),
        policies=Policies.of(config.boundary_prefix),
        sender=mailing.Sender(config.sender_address, config.configuration_set),
    )
    due = {one.subject: one for one in sweep.findings if one.due and one.due.now}
    return [asdict(_act(means, due[name], sweep)) for name in event["user_names"] if name in due]


def _act(means: Means, finding: Finding, sweep: Sweep) -> Acted:
    try:
        with aws_errors():
            acted = acting.act(means, finding, sweep.rules, sweep.at)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        acted = Acted(finding.subject, finding.due.action if finding.due else Mode.REPORT, Outcome.FAILED, cause[:100])
    logger().info("acted", **asdict(acted))
    return acted
