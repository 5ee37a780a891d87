"""GET /account/health: what the account lacks for Gatehouse, and what to do about it."""

from dataclasses import dataclass
from http import HTTPStatus

from gatehouse import people, settings
from gatehouse.clients import aws_errors, client
from gatehouse.compliance import health
from gatehouse.compliance.password_policy import Wanted
from gatehouse.edges import api
from gatehouse.problems import Problem


@dataclass(frozen=True)
class Settings:
    sender_address: str
    operators: str
    password_minimum_length: int
    password_required_characters: str
    password_max_age_days: int
    password_reuse_prevention: int

    def wanted(self) -> health.Wanted:
        passwords = Wanted.of(
            self.password_minimum_length,
            self.password_required_characters,
            self.password_max_age_days,
            self.password_reuse_prevention,
        )
        return health.Wanted(self.sender_address, passwords)


@api.handler
def check_account_health(asked: api.Request) -> api.Answer:
    """200 `{healthy, checks: [{name, healthy, found, remedy}]}`, `healthy` null where it could not be told; 403."""
    config = settings.load(Settings)
    if asked.caller.person not in people.Directory.parse("{}", config.operators).operators:
        raise Problem(HTTPStatus.FORBIDDEN, "not-an-operator", "Operators look at the account's health.")
    checks = health.look(client, config.wanted(), aws_errors)
    healthy = all(check.healthy for check in checks)
    return api.Answer(HTTPStatus.OK, {"healthy": healthy, "checks": [check.public() for check in checks]})
