"""AWS's failures under the names that a state machine knows, without a value of any parameter."""

import logging
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from moto.core.botocore_stubber import MockRawResponse

from gatehouse import clients, errors
from tests.unit.account import Account

CANARY = "Canary-Pa55word"


def failure(code: str, status: int = 400, message: str = CANARY) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "CreateLoginProfile")  # type: ignore[arg-type]


def named(error: Exception) -> Exception:
    with pytest.raises(Exception) as caught, clients.aws_errors():
        raise error
    return caught.value


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "TooManyRequestsException", "SomethingNew"])
@pytest.mark.parametrize("status", [400, 429, 503])
def test_who_is_told_to_slow_down_is_throttled(code: str, status: int) -> None:
    told = code != "SomethingNew" or status == 429
    assert (type(named(failure(code, status))) is errors.Throttled) is told


@pytest.mark.parametrize("code", ["ServiceFailure", "InternalFailure"])
@pytest.mark.parametrize("status", [400, 503])
def test_what_passes_by_itself_is_a_transient_fault(code: str, status: int) -> None:
    assert type(named(failure(code, status))) is errors.TransientFault


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_unknown_code_with_such_a_status_is_a_transient_fault(status: int) -> None:
    assert type(named(failure("SomethingNew", status))) is errors.TransientFault


@pytest.mark.parametrize("error", [ReadTimeoutError, ConnectTimeoutError, EndpointConnectionError])
def test_a_broken_connection_is_a_transient_fault(error: type[Exception]) -> None:
    assert type(named(error(endpoint_url="https://iam.example"))) is errors.TransientFault  # type: ignore[call-arg]


def test_a_fresh_user_that_iam_does_not_show_yet_is_waited_for() -> None:
    assert type(named(failure("NoSuchEntity", 404))) is errors.NotYetConsistent


def test_a_fresh_user_that_iam_does_not_let_change_yet_is_waited_for() -> None:
    assert type(named(failure("EntityTemporarilyUnmodifiable", 409))) is errors.TemporarilyUnmodifiable


@pytest.mark.parametrize("code", ["LimitExceeded", "PasswordPolicyViolation", "InvalidInput"])
def test_a_refusal_for_good_names_operation_and_code_only(code: str) -> None:
    error = named(failure(code))
    assert (type(error), str(error)) == (errors.AwsCallFailed, f"CreateLoginProfile: {code}")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_a_denial_is_told_in_aws_s_own_sentence(code: str) -> None:
    error = named(failure(code, 403, "User: x is not authorized to perform: iam:CreateLoginProfile"))
    assert type(error) is errors.AccessDenied
    assert str(error) == f"CreateLoginProfile: {code} (User: x is not authorized to perform: iam:CreateLoginProfile)"


def test_an_answer_without_a_code_is_a_failure_for_good() -> None:
    assert str(named(ClientError({}, "GetUser"))) == "GetUser: Unknown"


@pytest.mark.parametrize("error", [ParamValidationError(report=f"Invalid value: {CANARY}"), NoCredentialsError()])
def test_what_could_not_be_sent_is_told_by_its_kind_only(error: Exception) -> None:
    named_error = named(error)
    assert (type(named_error), str(named_error)) == (errors.AwsCallFailed, f"not sent: {type(error).__name__}")


@pytest.mark.parametrize("error", [failure("InvalidInput"), ParamValidationError(report=f"Invalid value: {CANARY}")])
def test_the_sdk_s_own_exception_is_not_shown_with_it(error: Exception) -> None:
    assert named(error).__suppress_context__
    assert named(error).__cause__ is None


def test_our_own_errors_pass_as_they_are() -> None:
    own = errors.Cancelled("by olga")
    assert named(own) is own


def test_a_client_is_made_once() -> None:
    assert clients.client("iam") is clients.client("iam")


def test_a_client_for_calls_that_are_not_idempotent_never_repeats_one_by_itself() -> None:
    patient, careful = clients.client("iam"), clients.client("iam", retries=False)
    assert patient.meta.config.retries["total_max_attempts"] == 4
    assert careful.meta.config.retries["total_max_attempts"] == 1


def answers_of_ses(*answers: tuple[int, str]) -> tuple[Any, list[Any]]:
    """A client for mails whose requests are answered so, by status and code, one after the other; and the requests."""
    ses, waiting, sent = clients.client.__wrapped__("sesv2", retries=False), list(answers), []

    def answer(request: Any) -> AWSResponse:
        sent.append(request)
        status, code = waiting.pop(0)
        headers = {"x-amzn-errortype": code} if code else {}
        return AWSResponse(request.url, status, headers, MockRawResponse(b"{}"))  # type: ignore[arg-type]

    ses._endpoint.http_session.send = answer
    return ses, sent


def send(ses: Any) -> None:
    ses.send_email(FromEmailAddress="a@example.com", Destination={"ToAddresses": ["b@example.com"]}, Content={})


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", seconds.append)
    return seconds


def test_a_throttled_mail_had_no_effect_and_is_sent_again(pauses: list[float]) -> None:
    ses, sent = answers_of_ses((429, "TooManyRequestsException"), (429, "TooManyRequestsException"), (200, ""))
    send(ses)
    assert len(sent) == 3
    assert [0 <= pause <= most for pause, most in zip(pauses, (0.5, 1), strict=True)] == [True, True]


def test_what_is_throttled_for_seconds_is_for_the_state_machine_to_try_again(pauses: list[float]) -> None:
    ses, sent = answers_of_ses(*([(429, "TooManyRequestsException")] * 9))
    with pytest.raises(errors.Throttled), clients.aws_errors():
        send(ses)
    assert len(sent) == 5
    assert sum(pauses) <= 7.5


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (400, "MessageRejected"), (503, "")])
def test_a_mail_that_may_be_out_is_not_sent_again_by_the_sdk(status: int, code: str, pauses: list[float]) -> None:
    ses, sent = answers_of_ses((status, code))
    with pytest.raises(ClientError):
        send(ses)
    assert (len(sent), pauses) == (1, [])


def test_no_connection_is_waited_for_longer_than_a_function_has() -> None:
    config = clients.client("dynamodb").meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 10)


def test_with_debug_on_the_sdk_still_writes_no_value(aws: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    iam = clients.client("iam")
    iam.create_user(UserName="alice")
    iam.create_login_profile(UserName="alice", Password=CANARY + "-25!")
    assert CANARY not in caplog.text
