"""EvaluateAccount: what is wrong in the account, and on whom the sweep acts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import records, settings, times
from gatehouse.clients import client
from gatehouse.compliance import due_actions, inventory, sweeps
from gatehouse.compliance.evaluation import evaluate
from gatehouse.compliance.guard import Guard
from gatehouse.compliance.standards import Standards
from gatehouse.errors import InvalidRequest
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import FieldProblem
from gatehouse.table import Table

BATCH = 25
"""Users whom one call of ActOnUsers acts on: some seconds each, at worst."""


@dataclass(frozen=True)
class Settings(Standards):
    table_name: str
    compliance_bucket: str
    boundary_prefix: str


@handler
def evaluate_account(event: dict[str, Any]) -> dict[str, Any]:
    """In: the execution's name, which is the sweep's id, and when it began.

    Out: where the findings are, the names of those to act on, in batches, and the counts. Called twice it writes the
    same findings, as IAM tells them then. Raises ReportNotReady, ReportGone, MalformedReport, InvalidRequest.
    """
    if not records.is_id(sweep_id := event["sweep_id"]):
        rule = "must be 1 to 80 letters, digits, - and _, beginning with a letter or digit"
        raise InvalidRequest([FieldProblem("execution name", rule)])
    config, now = settings.load(Settings), times.text(times.parse(event["started_at"]))
    before = times.after(now, -config.stuck_days * times.DAY)
    stuck = records.open_since(Table(client("dynamodb"), config.table_name), before)
    account = inventory.read(client("iam"), config.wanted, stuck)
    s3 = client("s3")
    earlier = sweeps.earlier(s3, config.compliance_bucket)
    sweep = evaluate(sweep_id, account, config.rules, Guard.of(config.boundary_prefix), earlier, now)
    names = due_actions.user_names(sweep)
    logger().info("evaluated", findings=sweep.counts.findings, users=sweep.counts.users, due=len(names))
    return {
        "sweep_id": sweep_id,
        "findings_key": sweeps.save(s3, config.compliance_bucket, sweep),
        "reported_at": sweep.reported_at,
        "batches": _batches(names),
        "counts": asdict(sweep.counts),
        "broken": sweep.broken,
    }


def _batches(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
