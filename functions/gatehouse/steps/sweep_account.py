"""SweepAccount: what is wrong in another account. It only reads there, whatever the stack does in its own."""

from dataclasses import dataclass
from typing import Any

from gatehouse import records, settings, times
from gatehouse.clients import client, client_as
from gatehouse.compliance import inventory, members, publishing, sweeps
from gatehouse.compliance.evaluation import evaluate
from gatehouse.compliance.guard import Guard
from gatehouse.compliance.standards import Standards
from gatehouse.errors import InvalidRequest, ReportGone, ReportNotReady
from gatehouse.handling import handler
from gatehouse.model import FieldProblem


@dataclass(frozen=True)
class Settings(Standards):
    """`member_role_arn` and `boundary_prefix` have `*` for the account."""

    compliance_bucket: str
    boundary_prefix: str
    member_role_arn: str
    external_id: str


@handler
def sweep_account(event: dict[str, Any]) -> dict[str, str]:
    """In: the sweep's id, when it began, and the account. Out: the account.

    Writes findings, table and page below the account's folder. A retry after that does nothing. Raises AccessDenied,
    ReportNotReady, MalformedReport, InvalidRequest.
    """
    sweep_id, account_id = event["sweep_id"], event["account_id"]
    _check(sweep_id, account_id)
    config, s3, folder = settings.load(Settings), client("s3"), members.folder(account_id)
    earlier = sweeps.earlier(s3, config.compliance_bucket, folder)
    if earlier is None or earlier.sweep_id != sweep_id:
        role_arn = config.member_role_arn.replace("*", account_id)
        iam = client_as(members.session(client("sts"), role_arn, sweep_id, config.external_id), "iam")
        if not inventory.request_report(iam):
            raise ReportNotReady("it is being made")
        # Which onboardings are open is known of this account only.
        try:
            account = inventory.read(iam, config.wanted, stuck={})
        except ReportGone as gone:
            # Each try asks for one.
            raise ReportNotReady(str(gone)) from None
        guard = Guard.of(config.boundary_prefix.replace("*", account_id))
        sweep = evaluate(sweep_id, account, config.rules, guard, earlier, times.text(times.parse(event["started_at"])))
        publishing.write(s3, config.compliance_bucket, sweep, folder)
    return {"account_id": account_id}


def _check(sweep_id: str, account_id: str) -> None:
    """Both become parts of keys, and the second of the role's ARN."""
    if not records.is_id(sweep_id):
        rule = "must be 1 to 80 letters, digits, - and _, beginning with a letter or digit"
        raise InvalidRequest([FieldProblem("execution name", rule)])
    if not members.is_account_id(account_id):
        raise InvalidRequest([FieldProblem("account", "must be twelve digits")])
