"""What a request must look like: checked against the schema, then made canonical."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from gatehouse.errors import InvalidRequest
from gatehouse.model import FieldProblem

LARGEST_BODY = 32 * 1024
"""Bytes a request body may have."""


def parse(body: bytes) -> dict[str, Any]:
    """The canonical request from a body. Raises InvalidRequest naming every wrong field."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except UnicodeDecodeError:
        raise InvalidRequest([FieldProblem("body", "must be UTF-8")]) from None
    except (ValueError, RecursionError):
        raise InvalidRequest([FieldProblem("body", "must be JSON, with each field once")]) from None
    return canonical(document)


def canonical(document: object) -> dict[str, Any]:
    """The request with every default filled in. Raises InvalidRequest naming every wrong field."""
    if not isinstance(document, Mapping):
        raise InvalidRequest([FieldProblem("body", schema()["description"])])
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest([FieldProblem("body", "must not hold half a character (a lone surrogate)")]) from None
    problems = [FieldProblem(name, "is not a field of a request") for name in document if name not in _fields()]
    problems += [FieldProblem(name, f"is required: it {_says(name)}") for name in _required() if name not in document]
    problems += [
        FieldProblem(name, _says(name)) for name in _fields() if name in document and not _fits(document, name)
    ]
    if problems:
        raise InvalidRequest(problems)
    return {name: document.get(name, rule.get("default")) for name, rule in _fields().items()}


@cache
def schema() -> dict[str, Any]:
    """The one description of a request."""
    text = Path(__file__).with_name("onboarding_request.schema.json").read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text)
    return described


def _fits(document: Mapping[str, Any], name: str) -> bool:
    try:
        _check(name)(document[name])
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


@cache
def _check(name: str) -> Any:
    return fastjsonschema.compile(_fields()[name], use_default=False)


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = schema()["properties"]
    return fields


def _required() -> list[str]:
    required: list[str] = schema()["required"]
    return required


def _says(name: str) -> str:
    return str(_fields()[name]["description"])


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name given twice would mean one thing to us and another to the next reader."""
    if len(pairs) != len(dict(pairs)):
        raise ValueError("a field is given twice")
    return dict(pairs)
