"""DescribeApi: the description that callers get is the file with the request's own schema in it."""

import copy

from gatehouse import onboarding_request
from tests.unit.account import Account


def test_it_describes_the_request_as_it_is_checked_and_names_where_claims_are_made(aws: Account) -> None:
    answer = aws.api("describe_api")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    described = answer.json
    assert described["openapi"].startswith("3.1.")
    shown = described["components"]["schemas"]["OnboardingRequest"]
    checked = copy.deepcopy(onboarding_request.schema())
    # Where OpenAPI is read, \\w is ASCII only: tags of any script are described in words alone.
    del checked["$schema"], checked["properties"]["tags"]["propertyNames"]["pattern"]
    del checked["properties"]["tags"]["additionalProperties"]["pattern"]
    assert shown == checked
    assert "\\w" not in answer.body
    (server,) = described["paths"]["/claim"]["servers"]
    assert server["url"] == "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/v1"


def test_it_calls_nothing(aws: Account) -> None:
    aws.api("describe_api")
    assert aws.wire.calls == []
