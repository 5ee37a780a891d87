"""EvaluateAccount: what is wrong in the account, and on whom the sweep acts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import records, settings, times
from gatehouse.clients import client
from gatehouse.compliance import due_actions, inventory, sweeps
from gatehouse.compliance.evaluation import evaluate
from gatehouse.compliance.guard import Guard
from gatehouse.compliance.model import Mode, Rules, Sweep
from gatehouse.compliance.password_policy import Wanted
from gatehouse.errors import InvalidRequest
from gatehouse.handling import handler
from gatehouse.logs import logger
from gatehouse.model import FieldProblem
from gatehouse.table import Table

BATCH = 25
"""Users whom one call of ActOnUsers acts on: some seconds each, at worst."""


@dataclass(frozen=True)
class Settings:
    table_name: str
    compliance_bucket: str
    boundary_prefix: str
    compliance_mode: str
    compliance_dry_run: str
    remind_after_days: int
    remind_every_days: int
    restrict_after_days: int
    suspend_after_days: int
    act_on_outsiders: str
    circuit_breaker_percent: int
    key_age_days: int
    unused_days: int
    password_age_days: int
    root_used_days: int
    stuck_days: int
    password_minimum_length: int
    password_required_characters: str
    password_max_age_days: int
    password_reuse_prevention: int


@handler
def evaluate_account(event: dict[str, Any]) -> dict[str, Any]:
    """In: the execution's name, which is the sweep's id, and when it began.

    Out: where the findings are, the names of those to act on, in batches, and the counts. Called twice it writes the
    same findings, as IAM tells them then. Raises ReportNotReady, MalformedReport, InvalidRequest.
    """
    if not records.is_id(sweep_id := event["sweep_id"]):
        rule = "must be 1 to 80 letters, digits, - and _, beginning with a letter or digit"
        raise InvalidRequest([FieldProblem("execution name", rule)])
    config, now = settings.load(Settings), times.text(times.parse(event["started_at"]))
    wanted = Wanted.of(
        config.password_minimum_length,
        config.password_required_characters,
        config.password_max_age_days,
        config.password_reuse_prevention,
    )
    before = times.after(now, -config.stuck_days * 86_400)
    stuck = records.open_since(Table(client("dynamodb"), config.table_name), before)
    account = inventory.read(client("iam"), wanted, stuck)
    s3 = client("s3")
    earlier = _earlier(s3, config.compliance_bucket)
    sweep = evaluate(sweep_id, account, _rules(config), Guard.of(config.boundary_prefix), earlier, now)
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


def _rules(config: Settings) -> Rules:
    return Rules(
        mode=Mode(config.compliance_mode),
        dry_run=config.compliance_dry_run == "true",
        remind_after_days=config.remind_after_days,
        remind_every_days=config.remind_every_days,
        restrict_after_days=config.restrict_after_days,
        suspend_after_days=config.suspend_after_days,
        outsiders=config.act_on_outsiders == "true",
        circuit_breaker_percent=config.circuit_breaker_percent,
        key_age_days=config.key_age_days,
        unused_days=config.unused_days,
        password_age_days=config.password_age_days,
        root_used_days=config.root_used_days,
        stuck_days=config.stuck_days,
    )


def _earlier(s3: Any, bucket: str) -> Sweep | None:
    """The sweep that was published last. Without it everything is found anew, and nobody is acted on sooner."""
    try:
        return sweeps.load(s3, bucket, sweeps.LATEST)
    except s3.exceptions.NoSuchKey:
        logger().warning("no earlier sweep")
    except sweeps.UnreadableSweep as error:
        logger().error("the earlier sweep is unreadable", cause=str(error))
    return None


def _batches(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
