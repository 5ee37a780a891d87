"""What one onboarding costs, by list prices; free tiers, logs and traces left out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

PRICES = {
    "Step Functions": (0.025 / 1e3, "state transitions", "step-functions/pricing"),
    "Lambda duration": (0.0000133334, "GB-seconds (arm64)", "lambda/pricing"),
    "Lambda requests": (0.20 / 1e6, "requests", "lambda/pricing"),
    "SES": (0.10 / 1e3, "mails, one per recipient", "ses/pricing"),
    "DynamoDB writes": (0.625 / 1e6, "write request units", "dynamodb/pricing/on-demand"),
    "DynamoDB reads": (0.125 / 1e6, "read request units", "dynamodb/pricing/on-demand"),
    "Secrets Manager": (0.05 / 1e4, "calls", "secrets-manager/pricing"),
    "KMS": (0.03 / 1e4, "requests", "kms/pricing"),
    "API Gateway": (3.50 / 1e6, "requests (REST)", "api-gateway/pricing"),
}
"""Dollars per unit, the unit, and the page below aws.amazon.com that lists it (us-east-1).

EventBridge takes nothing for AWS's own events.
"""

SECRET_MONTH = 0.40
"""Dollars for keeping one secret for a month, charged by the hour."""

MEMORY_MB = 512
FULL_CORE_MB = 1769
"""Memory at which a function has one whole processor (Lambda's documentation); less has that share of one."""

CALL_SECONDS = 0.03
"""What waiting for one AWS call takes, as an assumption."""

INDEX_WRITES = 12
"""A record enters four indexes, and each of its four changes of status moves it in one (a deletion and a write)."""


@dataclass(frozen=True)
class Usage:
    """What one onboarding used. `cpu` in seconds on a whole processor, `record` the bytes of its item at the end."""

    transitions: int
    invocations: int
    cpu: float
    calls: int
    recipients: int
    requests: int
    writes: int
    transacted: int
    reads: int
    secret_calls: int
    key_uses: int
    record: int


def cost(usage: Usage) -> Mapping[str, tuple[float, float]]:
    """Units and dollars by the names of PRICES. Where sizes matter every write is taken for one of the whole record."""
    write, read = math.ceil(usage.record / 1024), math.ceil(usage.record / 4096)
    seconds = usage.cpu * FULL_CORE_MB / MEMORY_MB + usage.calls * CALL_SECONDS
    units = {
        "Step Functions": usage.transitions,
        "Lambda duration": seconds * MEMORY_MB / 1024,
        "Lambda requests": usage.invocations,
        "SES": usage.recipients,
        # A transaction writes twice: it prepares, then it commits.
        "DynamoDB writes": (usage.writes + usage.transacted) * write + INDEX_WRITES,
        "DynamoDB reads": usage.reads * read,
        "Secrets Manager": usage.secret_calls,
        "KMS": usage.key_uses,
        "API Gateway": usage.requests,
    }
    return {name: (float(number), number * PRICES[name][0]) for name, number in units.items()}
