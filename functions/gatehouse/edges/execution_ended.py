"""The watcher: an execution that ended ABORTED, TIMED_OUT or FAILED ran no Catch, or not to its end."""

from dataclasses import dataclass
from typing import Any

from gatehouse import executions, outcomes, records, settings
from gatehouse.clients import client
from gatehouse.handling import handler
from gatehouse.table import Table


@dataclass(frozen=True)
class Settings:
    table_name: str
    roll_back_function: str


@handler
def execution_ended(event: dict[str, Any]) -> None:
    """In: a Step Functions status change. Rolls back what the execution left unfinished."""
    config = settings.load(Settings)
    detail = event["detail"]
    table = Table(client("dynamodb"), config.table_name)
    record = records.find(table, detail["name"])
    if record is None or record.status.is_final or record.execution_arn not in (None, detail["executionArn"]):
        return
    error, cause = outcomes.of_execution(detail)
    executions.roll_back(client("lambda"), config.roll_back_function, record, error, cause)
