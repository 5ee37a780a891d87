"""What SES tells EventBridge of a mail that did not arrive as it should."""

import json
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, ses_v2
from ministack.services.ses import _SIMULATOR_DOMAIN, _SIMULATOR_OUTCOMES, _notification_detail

_TOLD = {"Bounce": ("BOUNCE", "Email Bounced"), "Complaint": ("COMPLAINT", "Email Complaint Received")}


def mail_troubles() -> None:
    """A mail to SES's mailbox simulator that bounces, or is complained of, is told to EventBridge.

    As on AWS the configuration set's event destination says whether. The emulator records destinations and sends
    nothing, whatever becomes of a mail.
    """
    original = ses_v2.handle_request

    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = await original(method, path, headers, body, query_params)
        if method == "POST" and path.rstrip("/").endswith("/outbound-emails") and answer[0] == 200:
            _tell(json.loads(body), json.loads(answer[2])["MessageId"])
        return answer

    ses_v2.handle_request = handle


def _tell(asked: dict[str, Any], message_id: str) -> None:
    wanted = _matching(asked.get("ConfigurationSetName", ""))
    for address in (parseaddr(one)[1] for one in asked["Destination"].get("ToAddresses", [])):
        local, _, domain = address.lower().partition("@")
        outcomes = _SIMULATOR_OUTCOMES.get(local.split("+")[0], ()) if domain == _SIMULATOR_DOMAIN else ()
        for kind, subtype in outcomes:
            matching_type, detail_type = _TOLD.get(kind, ("", ""))
            if matching_type in wanted:
                _publish(detail_type, kind, asked, message_id, address, subtype)


def _matching(configuration_set: str) -> set[str]:
    """The event types that the configuration set sends to EventBridge."""
    destinations = (ses_v2._config_sets.get(configuration_set) or {}).get("EventDestinations") or {}
    return {
        event_type
        for destination in destinations.values()
        if destination["Enabled"] and "EventBridgeDestination" in destination
        for event_type in destination["MatchingEventTypes"]
    }


def _publish(
    detail_type: str, kind: str, asked: dict[str, Any], message_id: str, address: str, subtype: str | None
) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    name, region, account = asked["ConfigurationSetName"], get_region(), get_account_id()
    tags = {tag["Name"]: [tag["Value"]] for tag in asked.get("EmailTags", [])}
    mail = {
        "timestamp": now,
        "source": asked["FromEmailAddress"],
        "sourceArn": f"arn:aws:ses:{region}:{account}:identity/{parseaddr(asked['FromEmailAddress'])[1]}",
        "sendingAccountId": account,
        "messageId": message_id,
        "destination": asked["Destination"]["ToAddresses"],
        "headersTruncated": False,
        "tags": tags | {"ses:configuration-set": [name], "ses:operation": ["SendEmail"]},
    }
    detail = {"eventType": kind, "mail": mail, **_notification_detail(kind, address, now, subtype)}
    entry = {
        "Source": "aws.ses",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": [f"arn:aws:ses:{region}:{account}:configuration-set/{name}"],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


MENDS = [mail_troubles]
