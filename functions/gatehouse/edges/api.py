"""What the API's functions share: routing, problem documents, who calls."""

import base64
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from gatehouse import people, problems
from gatehouse.clients import aws_errors
from gatehouse.errors import InvalidRequest, TransientFault
from gatehouse.logs import logger
from gatehouse.model import Caller, FieldProblem
from gatehouse.onboarding_request import LARGEST_BODY
from gatehouse.problems import Problem

_NO_STORE = {"Cache-Control": "no-store"}


def resolver() -> APIGatewayRestResolver:
    """A router that answers every failure with a problem document."""
    app = APIGatewayRestResolver()
    app.use(middlewares=[_naming_aws_errors])
    app.exception_handler(Problem)(_refused)
    app.exception_handler(InvalidRequest)(lambda error: _refused(problems.invalid_request(error)))
    app.exception_handler(TransientFault)(_busy)
    app.exception_handler(Exception)(_failed)
    app.not_found(lambda _: _refused(Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no such resource.")))
    return app


def handler(app: APIGatewayRestResolver) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The Lambda handler of a router. The event itself is never logged: it may carry a token or a code."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log = logger()
        log.clear_state()
        log.append_keys(request_id=context.aws_request_id, route=f"{event['httpMethod']} {event['resource']}")
        if onboarding_id := (event.get("pathParameters") or {}).get("id"):
            log.append_keys(onboarding_id=onboarding_id)
        answer = app.resolve(event, context)
        log.info("answered", status=answer["statusCode"])
        return answer

    return handle


def answer(status: HTTPStatus, body: dict[str, Any], **headers: str) -> Response[str]:
    return Response(status, "application/json", json.dumps(body), _NO_STORE | headers)


def caller(app: APIGatewayRestResolver) -> Caller:
    """Who signed the request, as API Gateway verified it."""
    context = app.current_event.request_context
    return people.caller(str(context.identity.user_arn), str(context.account_id))


def body(app: APIGatewayRestResolver) -> bytes:
    """The request's body. Raises Problem 413 above 32 KB, InvalidRequest where it is not UTF-8."""
    event = app.current_event.raw_event
    text = event.get("body") or ""
    content = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    if len(content) > LARGEST_BODY:
        detail = f"The body has {len(content)} bytes; at most {LARGEST_BODY} are read."
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload-too-large", detail)
    if "\ufffd" in text:
        # API Gateway puts this character where a body was not UTF-8.
        raise InvalidRequest([FieldProblem("body", "must be UTF-8")])
    return content


def _naming_aws_errors(app: APIGatewayRestResolver, following: Callable[[Any], Response[Any]]) -> Response[Any]:
    with aws_errors():
        return following(app)


def _refused(problem: Problem) -> Response[str]:
    headers: dict[str, Any] = {**_NO_STORE, **problem.headers}
    return Response(problem.status, problems.CONTENT_TYPE, json.dumps(problem.document()), headers)


def _busy(error: Exception) -> Response[str]:
    logger().warning("busy", cause=str(error))
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "AWS did not answer in time: try again.")
    problem.headers["Retry-After"] = "2"
    return _refused(problem)


def _failed(error: Exception) -> Response[str]:
    logger().error("failed", error=type(error).__name__, cause=str(error))
    return _refused(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "Something failed on our side."))
