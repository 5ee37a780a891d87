"""The shipped code as a reader of imports sees it."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.wiring.template import ROOT

PACKAGE = ROOT / "functions" / "gatehouse"


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module of the package, by its dotted name within it: `records`, `steps.create_user`."""
    return {_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imported(module: ast.Module) -> set[str]:
    """The dotted names that a module imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(name: str) -> set[str]:
    """The modules of the package that one of them imports."""
    within = {module.removeprefix("gatehouse.") for module in imported(modules()[name]) if "gatehouse." in module}
    return {module for module in within if module in modules()}


def constructed(module: ast.Module) -> Iterator[str]:
    """The names that are called somewhere: `X()`, `errors.X()`, `(X if y else Z)()`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            for part in ast.walk(node.func):
                if isinstance(part, ast.Name):
                    yield part.id
                elif isinstance(part, ast.Attribute):
                    yield part.attr


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
