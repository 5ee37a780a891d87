"""What must stay secret, noted as the stories come by it, and what the stack said meanwhile: for the canary test."""

import threading
from collections import defaultdict

from local.client import Answer

_lock = threading.Lock()
_secrets: dict[str, set[str]] = defaultdict(set)
_answers: list[str] = []


def secret(kind: str, value: str | None) -> None:
    """Note a secret; no value is no secret."""
    if value:
        with _lock:
            _secrets[kind].add(value)


def answer(said: Answer) -> None:
    """Note an answer of the API other than one that reveals; only the one who asked for it may read a code in it."""
    if said.status >= 300:
        with _lock:
            _answers.append(said.body.decode(errors="replace"))


def secrets() -> dict[str, frozenset[str]]:
    """All that was noted, by kind."""
    with _lock:
        return {kind: frozenset(values) for kind, values in _secrets.items()}


def refusals() -> list[str]:
    with _lock:
        return list(_answers)
