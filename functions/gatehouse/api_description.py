"""The OpenAPI description of both APIs: one file, with what stands elsewhere put in."""

import json
from pathlib import Path
from typing import Any

from gatehouse import onboarding_request


def document(claim_url: str) -> dict[str, Any]:
    """OpenAPI 3.1. The request is the schema that checks requests; `claim_url` is the address of the claim page."""
    text = Path(__file__).with_name("openapi.json").read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text)
    described["components"]["schemas"]["OnboardingRequest"] = _portable(onboarding_request.schema())
    described["paths"]["/claim"]["servers"][0]["url"] = claim_url.removesuffix("/claim")
    return described


def _portable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the name of its dialect, which OpenAPI 3.1 knows, and without patterns of another meaning.

    Here `\\w` is a letter or digit of any script; where OpenAPI is read, of ASCII only.
    """
    return {
        name: _portable(value) if isinstance(value, dict) else value
        for name, value in schema.items()
        if name != "$schema" and not (name == "pattern" and "\\w" in value)
    }
