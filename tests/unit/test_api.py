"""What every function of the APIs does with a request, whatever it is about."""

import base64
import io
import json
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from gatehouse.edges import api
from gatehouse.errors import InvalidRequest, NotYetConsistent
from gatehouse.model import FieldProblem
from gatehouse.onboarding_request import LARGEST_BODY
from gatehouse.problems import Problem
from tests.unit.account import ACCOUNT, ONBOARDING_ID, REQUESTER, arn_of, context, event

POST = event("submit_onboarding")


def request(**changes: Any) -> api.Request:
    return api.Request(POST | changes)


def answer(raising: Exception | None = None, **headers: str) -> dict[str, Any]:
    """What a function answers that raises something, or nothing."""

    def function(_: api.Request) -> api.Answer:
        if raising:
            raise raising
        return api.Answer(HTTPStatus.OK, {"fine": True}, headers=headers)

    return api.handler(function)(event("read_onboardings"), context())


def test_an_answer_is_json_that_nobody_keeps(log: io.StringIO) -> None:
    assert answer() == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": '{"fine": true}',
    }


def test_an_answer_may_have_headers_of_its_own(log: io.StringIO) -> None:
    assert answer(Location="/onboardings/1")["headers"]["Location"] == "/onboardings/1"


@pytest.mark.parametrize(
    ("raised", "status", "slug"),
    [
        (Problem(HTTPStatus.CONFLICT, "already-final", "It is COMPLETE."), 409, "already-final"),
        (InvalidRequest([FieldProblem("email", "must be …")]), 400, "invalid-request"),
        (ParamValidationError(report="Password: hunter2"), 500, "failed"),
        (NotYetConsistent("GetUser: NoSuchEntity"), 500, "failed"),
        (KeyError("hunter2"), 500, "failed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_is_a_problem_document(log: io.StringIO, raised: Exception, status: int, slug: str) -> None:
    refused = answer(raised)
    problem = json.loads(refused["body"])
    assert refused["headers"]["Content-Type"] == "application/problem+json"
    assert refused["headers"]["Cache-Control"] == "no-store"
    assert (refused["statusCode"], problem["status"], problem["type"]) == (
        status,
        status,
        f"urn:gatehouse:problem:{slug}",
    )


def test_what_failed_on_our_side_is_told_to_nobody_but_the_log(log: io.StringIO) -> None:
    assert "hunter2" not in answer(KeyError("hunter2"))["body"]
    (failed, answered) = map(json.loads, log.getvalue().splitlines())
    assert (failed["level"], failed["error"]) == ("ERROR", "KeyError")
    assert (answered["message"], answered["status"]) == ("answered", 500)


def test_a_log_line_carries_route_request_and_onboarding(log: io.StringIO) -> None:
    answer()
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["route"] == "GET /onboardings/{id}"
    assert line["onboarding_id"] == ONBOARDING_ID
    assert line["request_id"] == context().aws_request_id


def test_a_log_line_carries_nothing_of_an_earlier_request(log: io.StringIO) -> None:
    answer()
    api.handler(lambda _: api.Answer(HTTPStatus.OK, {}))(POST, context())
    *_, last = map(json.loads, log.getvalue().splitlines())
    assert "onboarding_id" not in last


def test_who_calls_is_who_signed() -> None:
    assert request().caller.person == REQUESTER
    assert request().caller.arn == arn_of(REQUESTER)


def test_who_comes_from_another_account_is_nobody_here() -> None:
    identity = POST["requestContext"]["identity"] | {"userArn": f"arn:aws:iam::{int(ACCOUNT) + 1}:user/{REQUESTER}"}
    assert request(requestContext=POST["requestContext"] | {"identity": identity}).caller.person is None


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_name_of_a_header_has_no_case(name: str) -> None:
    assert request(headers={name: "x"}).header("Idempotency-Key") == "x"
    assert request(headers={"Idempotency-Key": "x"}).header(name) == "x"


@pytest.mark.parametrize("headers", [None, {}, {"Idempotency-Keys": "x"}])
def test_a_header_that_is_not_there_is_none(headers: dict[str, str] | None) -> None:
    assert request(headers=headers).header("Idempotency-Key") is None


def test_a_parameter_given_twice_is_told() -> None:
    given = request(
        queryStringParameters={"limit": "2", "status": "FAILED"},
        multiValueQueryStringParameters={"limit": ["1", "2"], "status": ["FAILED"]},
    )
    assert given.repeated == ["limit"]
    assert given.query == {"limit": "2", "status": "FAILED"}


def test_a_request_without_parameters_has_none() -> None:
    bare = request(queryStringParameters=None, multiValueQueryStringParameters=None, pathParameters=None)
    assert (bare.query, bare.repeated, bare.onboarding_id) == ({}, [], None)


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_one(body: str | None) -> None:
    assert request(body=body).body() == b""


def test_a_body_in_base64_is_read() -> None:
    encoded = base64.b64encode(b'{"x": "\xff"}').decode()
    assert request(body=encoded, isBase64Encoded=True).body() == b'{"x": "\xff"}'


@pytest.mark.parametrize("body", ['{"x": "\ufffd"}', "\ufffd"])
def test_what_the_gateway_could_not_read_as_utf_8_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest, match="body must be UTF-8"):
        request(body=body).body()


def test_half_a_character_is_handed_on_to_be_refused_as_no_utf_8() -> None:
    assert request(body="\ud800").body() == b"\xed\xa0\x80"


@pytest.mark.parametrize(("text", "encoded"), [("x", False), ("é" * 2, False), ("x", True)])
def test_the_largest_body_is_counted_in_bytes(text: str, encoded: bool) -> None:
    assert LARGEST_BODY == 32_768
    size = len(text.encode())
    largest = text * (LARGEST_BODY // size)
    assert len(request(**packed(largest, encoded)).body()) == LARGEST_BODY
    with pytest.raises(Problem) as refusal:
        request(**packed(largest + text, encoded)).body()
    assert (refusal.value.status, refusal.value.slug) == (413, "payload-too-large")


def packed(text: str, encoded: bool) -> dict[str, Any]:
    return {"body": base64.b64encode(text.encode()).decode() if encoded else text, "isBase64Encoded": encoded}
