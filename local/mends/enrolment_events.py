"""The event that tells of a new MFA device."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, iam

from local.mends.iam_users import Answer, Params


def mfa_enrolled() -> None:
    """After EnableMFADevice the event that CloudTrail sends to EventBridge where a trail logs management events.

    The emulator records the call as `POST.iam` and sends nothing.
    """
    original = iam._IAM_HANDLERS["EnableMFADevice"]

    def enable(params: Params) -> Answer:
        answer: Answer = original(params)
        if answer[0] == 200:
            _publish("EnableMFADevice", {name: iam._p(params, name) for name in ("UserName", "SerialNumber")})
        return answer

    iam._IAM_HANDLERS["EnableMFADevice"] = enable


def _publish(name: str, parameters: dict[str, str]) -> None:
    detail = {
        "eventVersion": "1.11",
        "userIdentity": _identity(iam_evaluator.caller_arn()),
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "sourceIPAddress": iam_evaluator._request_origin.get()[0],
        "userAgent": "local",
        "requestParameters": {key[0].lower() + key[1:]: value for key, value in parameters.items()},
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    entry = {"Source": "aws.iam", "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _identity(arn: str) -> dict[str, Any]:
    account = {"arn": arn, "accountId": get_account_id()}
    if user := re.search(r":user/(?:.*/)?([^/]+)$", arn):
        record = iam._users.get(user[1]) or {}
        return {"type": "IAMUser", **account, "userName": user[1], "principalId": record.get("UserId", "")}
    if role := re.search(r":assumed-role/([^/]+)/", arn):
        issuer = {"type": "Role", "userName": role[1], "arn": (iam._roles.get(role[1]) or {}).get("Arn", "")}
        return {"type": "AssumedRole", **account, "sessionContext": {"sessionIssuer": issuer}}
    return {"type": "Root", **account, "principalId": get_account_id()}


MENDS = [mfa_enrolled]
