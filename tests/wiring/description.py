"""The OpenAPI description as it is served, and whether an answer is one that it tells of."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from gatehouse import api_description

CLAIM_URL = "https://claims.example.com/claim"
METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = "urn:gatehouse:problem:"

Operation = dict[str, Any]


@cache
def document() -> dict[str, Any]:
    return api_description.document(CLAIM_URL)


def operations() -> dict[tuple[str, str], Operation]:
    """Every operation by method and path."""
    return {
        (method.upper(), path): item[method]
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    }


def responses(method: str, path: str) -> dict[str, dict[str, Any]]:
    """What an operation may answer, by status, each written out."""
    return {status: resolved(response) for status, response in operations()[method, path]["responses"].items()}


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference alone stands for; anything else as it is."""
    if set(value) != {"$ref"}:
        return value
    found: Any = document()
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(found)


def slugs(value: Any) -> Iterator[str]:
    """Every type of a problem that a part of the document names."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from slugs(item)
    elif isinstance(value, str) and value.startswith(PROBLEM):
        yield value.removeprefix(PROBLEM)


def require(method: str, path: str, status: int, headers: Mapping[str, str], read: Any) -> None:
    """Raises AssertionError for an answer that the document does not tell of; `read` is its body, JSON as values."""
    told = responses(method, path)
    assert str(status) in told, f"{method} {path} is not told to answer {status}"
    media_type = headers["Content-Type"].partition(";")[0]
    content = told[str(status)]["content"]
    assert media_type in content, f"{method} {path} is not told to answer {status} as {media_type}"
    assert headers["Cache-Control"] == "no-store"
    beside = set(headers) - {"Content-Type", "Cache-Control"} - set(told[str(status)].get("headers", ()))
    assert not beside or media_type == "text/html", f"{method} {path} is not told to answer {status} with {beside}"
    wrong = wrong_in(content[media_type]["schema"], read)
    assert wrong == [], f"{method} {path} {status}: {wrong}"


def wrong_in(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Where a value is not as a schema of the document says, one sentence each."""
    checker = Draft202012Validator(_absolute(schema), registry=_registry())
    return [f"{error.json_path} {error.message}" for error in checker.iter_errors(value)]


def _absolute(value: Any) -> Any:
    """A part of the document whose references still say where they lead once it stands alone."""
    if isinstance(value, dict):
        return {name: f"urn:document{item}" if name == "$ref" else _absolute(item) for name, item in value.items()}
    return [_absolute(item) for item in value] if isinstance(value, list) else value


@cache
def _registry() -> Any:
    return Registry().with_resource("urn:document", Resource(contents=document(), specification=DRAFT202012))
