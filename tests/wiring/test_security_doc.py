"""What docs/security.md names is there: a proof that was renamed or removed is none any more."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.wiring.template import PATH, ROOT

DOC = ROOT / "docs" / "security.md"

PROOF = re.compile(r"^([A-Z]\d+) (tests/\S+\.py)::(test_\w+)$", re.MULTILINE)
THREAT = re.compile(r"^\| ([A-Z]\d+) \|", re.MULTILINE)


def test_every_test_that_is_named_exists() -> None:
    missing = {f"{file}::{name}" for _, file, name in proofs() if name not in named_in(ROOT / file)}
    assert missing == set()


def test_whatever_looks_like_a_test_is_named_in_full() -> None:
    """Or a misprint would be no proof, and nobody would look for it."""
    assert set(re.findall(r"\btest_\w+", text())) == {name for proof in proofs() for name in in_proof(proof)}


def test_every_threat_has_a_proof_and_every_proof_a_threat() -> None:
    threats = THREAT.findall(text())
    assert len(threats) == len(set(threats)) > 30
    assert set(threats) == {threat for threat, _, _ in proofs()}


def test_every_file_and_section_that_is_linked_exists() -> None:
    missing = {link for link in re.findall(r"\]\(([^)]+)\)", text()) if not is_there(link)}
    assert missing == set()


def test_every_name_in_camel_case_is_one_of_the_project() -> None:
    """Statements, roles, functions, parameters: what is renamed there is renamed here."""
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)`", text()))
    assert "BeforeMfaOnlyEnrolling" in named
    assert {name for name in named if not re.search(rf"\b{name}\b", project())} == set()


def test_readers_of_the_other_documents_find_it() -> None:
    assert "(docs/security.md)" in (ROOT / "README.md").read_text()
    assert "(security.md)" in (ROOT / "docs" / "operations.md").read_text()


@cache
def text() -> str:
    return DOC.read_text()


def proofs() -> list[tuple[str, str, str]]:
    """Threat, file and test."""
    return PROOF.findall(text())


def in_proof(proof: tuple[str, str, str]) -> Iterator[str]:
    _, file, name = proof
    yield from (Path(file).stem, name)


def named_in(file: Path) -> set[str]:
    """The names of the tests that pytest finds in a file; none where there is no file."""
    if not file.exists():
        return set()
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def is_there(link: str) -> bool:
    path, _, section = link.partition("#")
    file = (DOC.parent / path).resolve() if path else DOC
    return file.exists() and (not section or section in sections(file))


def sections(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def project() -> str:
    package = ROOT / "functions" / "gatehouse"
    files = [PATH, *package.glob("*.json"), *package.rglob("*.py")]
    return "\n".join(file.read_text() for file in files)
