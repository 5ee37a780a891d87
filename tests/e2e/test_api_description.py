"""The API keeps to its OpenAPI description, whatever it is asked: schemathesis makes up requests, right and wrong."""

from typing import Any

import pytest
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gatehouse import api_description
from local.client import Person, principal
from tests.e2e import asking
from tests.wiring import description


def drawn_from(described: Any) -> Any:
    """The description without its examples, which would be worked off, and without its scheme of signing.

    What is not signed is refused in test_api_rights.py.
    """
    if isinstance(described, dict):
        left_out = {"example", "examples", "security"}
        return {name: drawn_from(value) for name, value in described.items() if name not in left_out}
    return [drawn_from(value) for value in described] if isinstance(described, list) else described


API = schemathesis.openapi.from_dict(drawn_from(description.document()))
BOUNDED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def wrong_fields_are_named(_: CheckContext, response: Response, __: Case) -> None:
    if response.status_code == 400:
        assert response.json()["errors"], response.text


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    wrong_fields_are_named,
]


class Signed(AuthBase):
    """Signs a request as its sender: only what goes over the wire can be signed."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        # Not the headers of the HTTP client itself, which a proxy may change.
        kept = {name: value for name, value in request.headers.items() if name in ("Idempotency-Key", "Content-Type")}
        call = AWSRequest(request.method, request.url, data=request.body, headers=kept)
        keys = Credentials(self._person.access_key_id, self._person.secret_access_key)
        SigV4Auth(keys, "execute-api", self._person.stack["region"]).add_auth(call)
        request.headers.update(dict(call.headers))
        return request


@pytest.fixture(scope="module")
def waiting(stack: dict[str, Any]) -> asking.Onboarding:
    """Something to read, decide on, send again and cancel, in the order of the description."""
    return asking.needing_approval(principal(stack, "requester"))


@pytest.mark.parametrize(("method", "path"), description.operations())
def test_an_answer_is_one_of_those_that_the_description_tells_of(
    stack: dict[str, Any], waiting: asking.Onboarding, method: str, path: str
) -> None:
    operation = API[path][method]
    (first, *_) = operation.definition.raw["tags"]
    address, signed = stack["api_url"], Signed(principal(stack, first)) if first != "user" else None
    if signed is None:
        address = stack["claim_url"].removesuffix("/claim")

    @BOUNDED
    @given(case=some.one_of([operation.as_strategy(mode) for mode in MODES]))
    def ask(case: Case) -> None:
        if case.path_parameters and case.meta and case.meta.generation.mode.is_positive:
            case.path_parameters["id"] = waiting.id
        response = case.call(base_url=address, auth=signed)
        case.validate_response(response, checks=CHECKS)

    ask()


@pytest.mark.parametrize("reader", ["requester", "approver", "operator"])
def test_everybody_who_may_call_the_api_may_read_its_description(stack: dict[str, Any], reader: str) -> None:
    answer = principal(stack, reader).get("/openapi.json")
    assert (answer.status, answer.json) == (200, api_description.document(stack["claim_url"]))
