"""What the API's functions share: reading a request, answering it, and a problem document for every failure."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any

from gatehouse import people, problems
from gatehouse.clients import aws_errors
from gatehouse.errors import InvalidRequest, TransientFault
from gatehouse.logs import logger
from gatehouse.model import Caller, FieldProblem
from gatehouse.onboarding_request import LARGEST_BODY
from gatehouse.problems import Problem


@dataclass(frozen=True)
class Request:
    """A request as API Gateway hands it over (proxy integration of a REST API)."""

    event: Mapping[str, Any]

    @property
    def onboarding_id(self) -> str | None:
        """The id in the path, where the route has one."""
        parameters = self.event.get("pathParameters") or {}
        return parameters.get("id")

    def parameter(self, name: str) -> str:
        """A part of the path, by the name that the route gives it."""
        return str(self.event["pathParameters"][name])

    @property
    def user_name(self) -> str | None:
        """The IAM user's name in the path, where the route has one."""
        parameters = self.event.get("pathParameters") or {}
        return parameters.get("name")

    @property
    def caller(self) -> Caller:
        """Who signed the request, as API Gateway verified it."""
        context = self.event["requestContext"]
        return people.caller(str(context["identity"]["userArn"]), str(context["accountId"]))

    @property
    def source_ip(self) -> str | None:
        """The address that API Gateway saw the request come from."""
        address: str | None = self.event["requestContext"]["identity"].get("sourceIp")
        return address

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; of one that is given more than once, the last."""
        return self.event.get("queryStringParameters") or {}

    @property
    def repeated(self) -> list[str]:
        """The names of the parameters that are given more than once."""
        given = self.event.get("multiValueQueryStringParameters") or {}
        return [name for name, values in given.items() if len(values) > 1]

    def header(self, name: str) -> str | None:
        headers: Mapping[str, str] = self.event.get("headers") or {}
        return next((value for given, value in headers.items() if given.lower() == name.lower()), None)

    @property
    def accept(self) -> str | None:
        """What the caller accepts; several such headers are as good as one."""
        several: Mapping[str, list[str]] = self.event.get("multiValueHeaders") or {}
        given = [value for name, values in several.items() if name.lower() == "accept" for value in values]
        return ",".join(given) if given else self.header("Accept")

    def body(self) -> bytes:
        """Raises Problem 413 above 32 KB, InvalidRequest where it is not UTF-8."""
        text = self.event.get("body") or ""
        encoded = self.event.get("isBase64Encoded")
        content = base64.b64decode(text) if encoded else text.encode(errors="surrogatepass")
        if len(content) > LARGEST_BODY:
            detail = f"The body has {len(content)} bytes; at most {LARGEST_BODY} are read."
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload-too-large", detail)
        if "\ufffd" in text:
            # API Gateway puts this character where a body was not UTF-8.
            raise InvalidRequest([FieldProblem("body", "must be UTF-8")])
        return content


@dataclass(frozen=True)
class Answer:
    """What goes back: a document as JSON, text as it is."""

    status: HTTPStatus
    document: Mapping[str, Any] | str
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def handler(function: Callable[[Request], Answer]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The Lambda handler of a route. The event itself is never logged: it may carry a token or a code.

    API Gateway has found the route; Powertools' router would take a third of a cold start to find it once more.
    """

    @wraps(function)
    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request = Request(event)
        log = logger()
        log.clear_state()
        log.append_keys(request_id=context.aws_request_id, route=f"{event['httpMethod']} {event['resource']}")
        if request.onboarding_id:
            log.append_keys(onboarding_id=request.onboarding_id)
        answer = _answer(function, request)
        log.info("answered", status=int(answer.status))
        return {
            "statusCode": int(answer.status),
            "headers": {"Content-Type": answer.content_type, "Cache-Control": "no-store", **answer.headers},
            "body": answer.document if isinstance(answer.document, str) else json.dumps(answer.document),
        }

    return handle


def _answer(function: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        with aws_errors():
            return function(request)
    except Problem as problem:
        return _refused(problem)
    except InvalidRequest as error:
        return _refused(problems.invalid_request(error))
    except TransientFault as error:
        return _busy(error)
    except Exception as error:
        return _failed(error)


def _refused(problem: Problem) -> Answer:
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        problem.headers["Retry-After"] = "2"
    return Answer(problem.status, problem.document(), problems.CONTENT_TYPE, problem.headers)


def _busy(error: Exception) -> Answer:
    logger().warning("busy", cause=str(error))
    return _refused(Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "AWS did not answer in time: try again."))


def _failed(error: Exception) -> Answer:
    logger().error("failed", error=type(error).__name__, cause=str(error))
    return _refused(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "Something failed on our side."))
