"""RequestCredentialReport: have IAM make the report that the sweep judges by, unless it has a new one."""

from typing import Any

from gatehouse.clients import client
from gatehouse.compliance import inventory
from gatehouse.handling import handler


@handler
def request_credential_report(_: dict[str, Any]) -> dict[str, bool]:
    """Out: whether the report is there. IAM makes one at most every four hours."""
    return {"ready": inventory.request_report(client("iam"))}
