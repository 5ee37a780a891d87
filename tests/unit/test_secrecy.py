"""A password stands in Secrets Manager and in its one claim answer, nowhere else: not when something fails, and not
when somebody turns on every log there is."""

import io
import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from gatehouse import claims, logs
from gatehouse.clients import client
from tests.unit.account import ONBOARDING_ID, TASK_TOKEN, Account

PASSWORD = "Canary-0f-a-Pa55word!"
SECRET_KEY = "CanaryOfASecretAccessKey+/0123456789abcd"
CANARIES = (PASSWORD, SECRET_KEY)
STEPS = (
    "validate_request", "create_user", "issue_password", "attach_policies", "send_sign_in_instructions", "await_mfa",
    "complete_onboarding",
)  # fmt: skip


@pytest.fixture
def watched(aws: Account, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator["Watched"]:
    """An account whose password and key are known, with every logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    for other_side in ("moto", "responses"):
        caplog.set_level(logging.INFO, other_side)
    caplog.handler.addFilter(runs_in_lambda)
    aws.values["LogLevel"] = "DEBUG"
    written = io.StringIO()
    with aws.environment("roll_back"):
        monkeypatch.setattr(logs.logger().registered_handler, "stream", written)
    aws.wire.answer("GetRandomPassword", {"RandomPassword": PASSWORD})
    aws.wire.turns["CreateAccessKey"] = [lambda asked: known_key(aws, asked)]
    yield Watched(aws, caplog, written)
    caplog.handler.removeFilter(runs_in_lambda)


def runs_in_lambda(record: logging.LogRecord) -> bool:
    """Not the other side of the wire."""
    return not record.name.startswith(("moto", "responses"))


def known_key(aws: Account, asked: dict[str, Any]) -> dict[str, Any]:
    made = aws.iam.create_access_key(**asked)["AccessKey"]
    return {"AccessKey": made | {"SecretAccessKey": SECRET_KEY}}


class Watched:
    """Everything that was written anywhere but in Secrets Manager and IAM."""

    def __init__(self, aws: Account, caplog: pytest.LogCaptureFixture, written: io.StringIO) -> None:
        self.aws = aws
        self._caplog, self._written = caplog, written
        self._told: list[str] = []

    def steps(self) -> None:
        """Run every step, twice where it fails; what they return and raise is noted."""
        for step in STEPS:
            if step == "complete_onboarding":
                self.aws.enrol()
            for _ in range(2):
                try:
                    self._told.append(json.dumps(self.aws.step(step)))
                    break
                except Exception as error:
                    self._told += ["".join(traceback.format_exception(error)), str(error), repr(error)]

    def logged(self) -> str:
        """What the functions wrote, and what the SDK below them did."""
        return self._caplog.text + self._written.getvalue()

    def everything(self) -> str:
        table = json.dumps(self.aws.dynamodb.scan(TableName="gatehouse")["Items"], default=str)
        return "\n".join([*self._told, table, json.dumps(self.aws.mails()), self.logged()])


def leaks(watched: Watched) -> list[str]:
    told = watched.everything()
    return [canary for canary in CANARIES if canary in told]


def onboard(watched: Watched) -> None:
    watched.aws.seed(access=["console", "programmatic"])
    watched.steps()


def test_when_all_goes_well_nothing_leaks(watched: Watched) -> None:
    onboard(watched)
    assert watched.aws.password() == PASSWORD
    assert json.loads(watched.aws.secret("access-key") or "")["secret_access_key"] == SECRET_KEY
    assert leaks(watched) == []


def test_the_canary_would_be_found_in_a_log_a_mail_or_an_exception(watched: Watched) -> None:
    onboard(watched)
    logs.logger().error("failed", cause=PASSWORD)
    assert leaks(watched) == [PASSWORD]


WITH_A_SECRET = ("PutSecretValue", "CreateLoginProfile", "UpdateLoginProfile", "GetSecretValue", "CreateAccessKey")


@pytest.mark.parametrize("code", ["ServiceFailure", "ValidationError"])
@pytest.mark.parametrize("operation", WITH_A_SECRET)
def test_an_answer_that_echoes_the_password_is_not_handed_on(watched: Watched, operation: str, code: str) -> None:
    """AWS's sentence is kept for denials only, and those name who and what, never a value."""
    told = f"The value '{PASSWORD}' or '{SECRET_KEY}' is not good enough"
    watched.aws.wire.refuse(operation, code, message=told)
    onboard(watched)
    assert leaks(watched) == []


def invalid() -> None:
    raise ParamValidationError(report=f"Invalid type for parameter Password, value: {PASSWORD}, {SECRET_KEY}")


@pytest.mark.parametrize("operation", WITH_A_SECRET)
def test_a_parameter_that_the_sdk_refuses_is_not_echoed(watched: Watched, operation: str) -> None:
    watched.aws.wire.first(operation, invalid)
    onboard(watched)
    assert leaks(watched) == []


def test_a_value_that_the_sdk_itself_refuses_is_not_echoed(watched: Watched) -> None:
    """botocore's own check, not one made up here: a password has to be text."""
    watched.aws.wire.answer("GetRandomPassword", {"RandomPassword": ""})
    watched.aws.seed()
    watched.steps()
    assert "ParamValidationError" in watched.everything()


@pytest.mark.parametrize("operation", WITH_A_SECRET)
def test_a_broken_connection_tells_nothing(watched: Watched, operation: str) -> None:
    watched.aws.wire.lose_answer(operation)
    onboard(watched)
    assert leaks(watched) == []


def link(mail: dict[str, Any]) -> str:
    """The token of the mail's claim link."""
    return next(str(line).partition("#")[2] for line in mail["text"].splitlines() if "/claim#" in line)


def claim(aws: Account, what: str) -> dict[str, Any]:
    """Claim with the right token and the right code."""
    token = link(next(mail for mail in aws.mails() if what in mail["subject"]))
    code = claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    answered: dict[str, Any] = aws.api("claim_secret", {"token": token, "code": code}).json
    return answered


def test_the_claim_answers_it_and_writes_it_nowhere(watched: Watched) -> None:
    watched.aws.seed(access=["console", "programmatic"])
    for step in STEPS[:-1]:
        watched.aws.step(step)
    assert claim(watched.aws, "account access")["password"] == PASSWORD
    watched.aws.enrol()
    watched.aws.step("complete_onboarding")
    assert claim(watched.aws, "access key")["secret_access_key"] == SECRET_KEY
    assert leaks(watched) == []


def test_a_claim_that_fails_half_way_writes_it_nowhere(watched: Watched) -> None:
    watched.aws.seed()
    for step in STEPS[:-1]:
        watched.aws.step(step)
    watched.aws.wire.lose_answer("GetSecretValue")
    assert "password" not in claim(watched.aws, "account access")
    watched.aws.wire.refuse("GetSecretValue", "InternalServiceError", message=f"could not decrypt {PASSWORD}")
    assert "password" not in claim(watched.aws, "account access")
    assert leaks(watched) == []


def test_neither_token_nor_code_is_written_anywhere_but_into_the_mail(watched: Watched) -> None:
    watched.aws.seed()
    for step in STEPS[:-1]:
        watched.aws.step(step, **({"task_token": TASK_TOKEN} if step == "await_mfa" else {}))
    claim(watched.aws, "account access")
    token, code = link(watched.aws.mails()[0]), claims.code(client("kms"), "key", ONBOARDING_ID, 1)
    logged = watched.logged()
    assert ONBOARDING_ID in logged
    assert [secret for secret in (token, code, TASK_TOKEN) if secret in logged] == []
