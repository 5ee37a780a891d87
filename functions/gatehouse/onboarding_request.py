"""What a request must look like: checked against the schema, then made canonical."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from gatehouse import documents
from gatehouse.errors import InvalidRequest
from gatehouse.model import FieldProblem

LARGEST_BODY = 32 * 1024
"""Bytes a request body may have."""


def parse(body: bytes) -> dict[str, Any]:
    """The canonical request from a body. Raises InvalidRequest naming every wrong field."""
    return canonical(documents.parse(body, schema()["description"]))


def canonical(document: object) -> dict[str, Any]:
    """The request with every default filled in. Raises InvalidRequest naming every wrong field."""
    if not isinstance(document, Mapping):
        raise InvalidRequest([FieldProblem("body", schema()["description"])])
    problems = documents.unknown(document, _fields(), "a request")
    problems += [FieldProblem(name, f"is required: it {rule(name)}") for name in _required() if name not in document]
    problems += [
        FieldProblem(name, rule(name)) for name in _fields() if name in document and not fits(name, document[name])
    ]
    if not problems and len({tag.lower() for tag in document.get("tags", {})}) < len(document.get("tags", {})):
        # IAM keeps the case of a key and does not tell keys by it.
        problems = [FieldProblem("tags", "must not hold keys that differ only in case")]
    if problems:
        raise InvalidRequest(problems)
    return {name: document.get(name, described.get("default")) for name, described in _fields().items()}


@cache
def schema() -> dict[str, Any]:
    """The one description of a request."""
    text = Path(__file__).with_name("onboarding_request.schema.json").read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text)
    return described


def fits(name: str, value: object) -> bool:
    """Whether a field keeps its rule, which nothing nested too deeply does."""
    try:
        _check(name)(value)
    except (fastjsonschema.JsonSchemaValueException, RecursionError):
        return False
    return documents.is_whole(value)


@cache
def _check(name: str) -> Any:
    return fastjsonschema.compile(_fields()[name], use_default=False)


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = schema()["properties"]
    return fields


def _required() -> list[str]:
    required: list[str] = schema()["required"]
    return required


def rule(name: str) -> str:
    """What a field must be, in words."""
    return str(_fields()[name]["description"])
