"""GET /openapi.json: what both APIs take and answer, for programs."""

import json
from dataclasses import dataclass
from functools import cache

from gatehouse import api_description, settings


@dataclass(frozen=True)
class Settings:
    claim_url: str


def describe_api(_event: object, _context: object) -> dict[str, object]:
    """200 the OpenAPI document, the same for everybody who may ask."""
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": _document(settings.load(Settings).claim_url),
    }


@cache
def _document(claim_url: str) -> str:
    return json.dumps(api_description.document(claim_url), ensure_ascii=False)
