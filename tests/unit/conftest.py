"""An account in moto, and nothing that one test leaves to another."""

import hmac
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

import pytest
from hypothesis import settings as hypothesis_settings
from moto import mock_aws

from gatehouse import clients, logs, settings, times
from gatehouse.edges.claim_secret import MAIL_SECONDS
from tests.unit import account as accounts
from tests.unit import aws_rules, quick_moto
from tests.unit.wire import Wire

# The same examples in every run: what was found once is found again, and a red build is never luck.
hypothesis_settings.register_profile("gatehouse", derandomize=True, deadline=None, database=None)
# Others in every run, and twenty times as many.
hypothesis_settings.register_profile("thorough", deadline=None, database=None, max_examples=2_000, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gatehouse"))

SERVICES = (
    "cloudtrail", "dynamodb", "iam", "kms", "lambda", "organizations", "s3", "secretsmanager", "securityhub", "sesv2",
    "ssm", "stepfunctions", "sts",
)  # fmt: skip
WITHOUT_RETRIES = ("iam", "sesv2")


@pytest.fixture(autouse=True)
def _nothing_is_left_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda keeps settings and loggers for the life of a process; a test is one process."""
    for name, value in accounts.LAMBDA.items():
        monkeypatch.setenv(name, value)
    for cached in (settings.load, logs.logger, logs.metrics):
        cached.cache_clear()


@cache
def the_wire() -> Wire:
    """The one wire of all clients. They are made once, which takes longer than most tests, and keep nothing."""
    wire = Wire()
    for service in SERVICES:
        wire.attach(clients.client(service))
    for service in WITHOUT_RETRIES:
        wire.attach(clients.client(service, retries=False))
    wire.attach(clients.client("sesv2", retries=False, seconds=MAIL_SECONDS))
    return wire


@pytest.fixture(scope="session", autouse=True)
def _calls_do_no_more_than_they_must() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_moto.apply(patch)
        yield


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[accounts.Account]:
    with _an_account(monkeypatch) as account:
        yield account


@pytest.fixture
def another_account() -> Callable[[pytest.MonkeyPatch], AbstractContextManager[accounts.Account]]:
    """An account whenever a test wants a fresh one; one at a time."""
    return _an_account


@contextmanager
def _an_account(patch: pytest.MonkeyPatch) -> Iterator[accounts.Account]:
    """The account, at a fixed time; nobody really sleeps, mails and wake-ups are noted and go nowhere.

    moto makes an RSA key for every KMS key, whatever it is for: the codes' MAC is made here.
    """
    # The session keeps AWS's endpoints and service models, which take longer to read than a test to run.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        aws_rules.apply(patch)
        account = accounts.Account(the_wire(), accounts.Clock())
        account.wire.clear()
        patch.setattr(times, "now", account.clock.now)
        patch.setattr(time, "sleep", account.slept.append)
        accounts.set_up(account)
        for operation in ("SendEmail", "SendTaskSuccess", "SendTaskFailure", "StartExecution", "Invoke"):
            account.wire.answer(operation, {})
        account.wire.answer("GenerateMac", lambda asked: {"Mac": hmac.digest(b"key", asked["Message"], "sha256")})
        yield account


@pytest.fixture
def log(aws: accounts.Account) -> Iterator[io.StringIO]:
    """What the functions log, as CloudWatch would get it."""
    with aws.environment("follow_up"):
        handler = logs.logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    if before:
        handler.setStream(before)
