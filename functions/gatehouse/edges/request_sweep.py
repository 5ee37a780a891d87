"""POST /compliance/sweeps: an operator has the account looked at now, and not at the next run of the schedule."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import people, settings
from gatehouse.clients import client
from gatehouse.compliance import runs
from gatehouse.edges import api
from gatehouse.problems import Problem


@dataclass(frozen=True)
class Settings:
    mfa_compliance_state_machine_arn: str
    operators: str


@api.handler
def request_sweep(asked: api.Request) -> api.Answer:
    """202 {sweep_id, status, links}; 403 no operator, 409 while a sweep is under way. A body is not read."""
    config = settings.load(Settings)
    if asked.caller.person not in people.Directory.parse("{}", config.operators).operators:
        raise Problem(HTTPStatus.FORBIDDEN, "not-an-operator", "Operators ask for a sweep.")
    stepfunctions, machine = client("stepfunctions"), config.mfa_compliance_state_machine_arn
    if (running := runs.running(stepfunctions, machine)) is not None:
        detail = f"Sweep {running} is under way: wait for its report."
        raise Problem(HTTPStatus.CONFLICT, "sweep-under-way", detail, sweep_id=running)
    sweep_id = runs.start(stepfunctions, machine)
    return api.Answer(HTTPStatus.ACCEPTED, {"sweep_id": sweep_id, "status": "RUNNING", "links": runs.links(sweep_id)})
