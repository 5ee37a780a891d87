"""The custom resource that compares the account's password policy with the stack's parameters, or enforces them.

CloudFormation has no type for the policy. It waits for an answer at the event's ResponseURL, whatever happens here.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from gatehouse.clients import aws_errors, client
from gatehouse.compliance import password_policy
from gatehouse.compliance.password_policy import Wanted
from gatehouse.errors import AccessDenied
from gatehouse.handling import handler
from gatehouse.logs import logger

PHYSICAL_ID = "account-password-policy"
"""There is one in an account. An id that changed would make CloudFormation delete the old one."""


@handler
def account_password_policy(event: dict[str, Any]) -> None:
    """In: CloudFormation's event. Answers with `Shortcomings`, in words: what the policy lacks now, or `none`.

    In: `Mode` (report or enforce), `MinimumLength`, `RequiredCharacters`, `MaxAgeDays`, `ReusePrevention`.
    What was enforced is left alone when the resource is deleted: without the policy, passwords would be weaker.
    """
    try:
        lacks = [] if event["RequestType"] == "Delete" else _look_patiently(event["ResourceProperties"])
    except Exception as error:
        logger().error("password policy", error=type(error).__name__, cause=str(error))
        _answer(event, {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"})
        return
    _answer(event, {"Status": "SUCCESS", "Data": {"Shortcomings": "; ".join(lacks) or "none"}})


def _look_patiently(properties: Mapping[str, str]) -> list[str]:
    """The right to enforce a policy may have been given seconds ago, by the same update of the stack."""
    for pause in (2, 4, 8):
        try:
            with aws_errors():
                return _look(properties)
        except AccessDenied:
            time.sleep(pause)
    with aws_errors():
        return _look(properties)


def _look(properties: Mapping[str, str]) -> list[str]:
    """CloudFormation hands numbers over as text."""
    wanted = Wanted.of(
        int(properties["MinimumLength"]),
        properties["RequiredCharacters"],
        int(properties["MaxAgeDays"]),
        int(properties["ReusePrevention"]),
    )
    iam = client("iam")
    enforces = properties["Mode"] == "enforce"
    stands = password_policy.enforce(iam, wanted) if enforces else password_policy.standing(iam)
    return password_policy.shortcomings(stands, wanted)


def _answer(event: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    """PUT to the presigned URL, which is as good as a credential: it is not logged."""
    answer = {
        "PhysicalResourceId": PHYSICAL_ID,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        **outcome,
    }
    # S3 has signed the request for this Content-Type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
