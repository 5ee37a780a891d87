"""JSON objects as callers send them: UTF-8, every name once."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from gatehouse.errors import InvalidRequest
from gatehouse.model import FieldProblem


def parse(body: bytes, description: str) -> Mapping[str, Any]:
    """The object in a body; `description` says what it must be. Raises InvalidRequest naming what is wrong.

    Where a name is given twice within the object, its value is a frozenset, which is of no JSON type.
    """
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise _wrong("body", "must be UTF-8") from None
    except (ValueError, RecursionError):
        raise _wrong("body", "must be JSON") from None
    if isinstance(document, frozenset):
        raise InvalidRequest([FieldProblem(_shown(name), "is given more than once") for name in document])
    if not isinstance(document, Mapping):
        raise _wrong("body", description)
    return document


def unknown(document: Mapping[str, Any], known: Collection[str], what: str) -> list[FieldProblem]:
    """One problem for each name that `what` does not have."""
    return [FieldProblem(_shown(name), f"is not a field of {what}") for name in document if name not in known]


def is_whole(value: object) -> bool:
    """Whether text holds whole characters only: half of one (a lone surrogate) can be neither stored nor sent."""
    try:
        json.dumps(value, ensure_ascii=False, default=repr).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _shown(name: str) -> str:
    """A name that anybody may have chosen, as an answer can show it."""
    return name[:100].encode(errors="replace").decode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | frozenset[str]:
    """A name given twice would mean one thing to us and another to the next reader."""
    twice = frozenset(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return twice or dict(pairs)


def _wrong(field: str, message: str) -> InvalidRequest:
    return InvalidRequest([FieldProblem(field, message)])
