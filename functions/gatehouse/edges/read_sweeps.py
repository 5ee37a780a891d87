"""GET /compliance/sweeps/{sweep_id}: how a sweep went, and where its report is."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import records, settings
from gatehouse.clients import client
from gatehouse.compliance import runs
from gatehouse.edges import api
from gatehouse.problems import Problem


@dataclass(frozen=True)
class Settings:
    mfa_compliance_state_machine_arn: str
    compliance_bucket: str


@api.handler
def read_sweeps(asked: api.Request) -> api.Answer:
    """200; 404, also of a sweep 90 days ago, which Step Functions has forgotten: its report is in the bucket still."""
    config, sweep_id = settings.load(Settings), asked.parameter("sweep_id")
    found = None
    if records.is_id(sweep_id):
        found = runs.describe(client("stepfunctions"), config.mfa_compliance_state_machine_arn, sweep_id)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no sweep of that id.")
    return api.Answer(HTTPStatus.OK, runs.public(found, config.compliance_bucket))
