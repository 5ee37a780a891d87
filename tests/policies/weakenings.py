"""Weaker versions of a guard: each has one statement less, or one action or resource less in a statement."""

from dataclasses import dataclass

from tests.policies.documents import Document

# Proven by the truth table of what is open without MFA.
PROVEN_ELSEWHERE = ("BeforeMfaOnlyEnrolling", "BeforeMfaOnlyThePassword", "BeforeMfaOnlyOneself")


@dataclass(frozen=True)
class Weaker:
    name: str
    statement: str
    document: Document


def weakenings(document: Document) -> list[Weaker]:
    weaker = []
    for index, statement in enumerate(document["Statement"]):
        sid = statement["Sid"]
        if statement["Effect"] == "Allow" or sid in PROVEN_ELSEWHERE:
            continue
        weaker.append(Weaker(f"without {sid}", sid, _with(document, index, [])))
        for shorter, line in _shorter(statement):
            weaker.append(Weaker(f"{sid} without {line}", sid, _with(document, index, [shorter])))
    return weaker


def _shorter(statement: Document) -> list[tuple[Document, str]]:
    return [
        ({**statement, element: [other for other in statement[element] if other != line]}, line)
        for element in ("Action", "Resource")
        if isinstance(statement.get(element), list)
        for line in statement[element]
    ]


def _with(document: Document, index: int, replacement: list[Document]) -> Document:
    kept = document["Statement"]
    return {**document, "Statement": [*kept[:index], *replacement, *kept[index + 1 :]]}
