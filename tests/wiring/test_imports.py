"""Imports point one way: steps and edges, then modules with a subject, then model and errors."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.wiring import code
from tests.wiring.template import ROOT, functions

MODULES = pytest.mark.parametrize("name", sorted(code.modules()))
ENTRIES = {f"{function.package}.{function.stem}" for function in functions().values()}
SHIPPED = {"aws_lambda_powertools", "fastjsonschema", "jinja2"}


def reaches(name: str) -> set[str]:
    """Every module of the package that one of them imports, directly or not."""
    reached: set[str] = set()
    waiting = {name}
    while waiting:
        waiting = {module for one in waiting for module in code.own_imports(one)} - reached
        reached |= waiting
    return reached


@MODULES
def test_no_module_imports_itself_in_the_end(name: str) -> None:
    assert name not in reaches(name)


def test_the_model_imports_nothing_and_the_errors_only_the_model() -> None:
    assert code.own_imports("model") == set()
    assert code.own_imports("errors") == {"model"}


@MODULES
def test_nobody_imports_a_step_or_an_edge(name: str) -> None:
    assert not code.own_imports(name) & ENTRIES


@pytest.mark.parametrize(
    "name", sorted(set(code.modules()) - ENTRIES - {"edges.api", "handling", "steps", "edges", ""})
)
def test_a_module_is_handed_its_client(name: str) -> None:
    """Only entry points ask for clients; of the rest the table uses their value types, two the names of errors."""
    assert "clients" not in code.own_imports(name) or name in ("table", "admission", "compliance.publishing")


@MODULES
def test_only_clients_knows_the_sdk(name: str) -> None:
    tops = {module.split(".")[0] for module in code.imported(code.modules()[name])}
    assert not tops & {"boto3", "botocore"} or name == "clients"


def test_only_what_ships_is_imported() -> None:
    tops = {module.split(".")[0] for one in code.modules().values() for module in code.imported(one)}
    foreign = tops - set(sys.stdlib_module_names) - {"gatehouse", "boto3", "botocore"}
    assert foreign == SHIPPED
    declared = (ROOT / "functions" / "requirements.in").read_text().split()
    assert {name.replace("-", "_") for name in declared} == SHIPPED


@MODULES
def test_nothing_is_read_from_the_environment_while_a_module_is_imported(name: str) -> None:
    assert not [
        line for line in at_import(code.modules()[name]) if re.search(r"\bos\.(environ|getenv)|settings\.load", line)
    ]


@MODULES
def test_no_client_is_made_while_a_module_is_imported(name: str) -> None:
    assert [line for line in at_import(code.modules()[name]) if re.search(r"\bclient\(", line)] == []


def at_import(module: ast.Module) -> Iterator[str]:
    """The statements that run when a module is imported, as text."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield from map(ast.unparse, [*node.decorator_list, *node.args.defaults])
        elif isinstance(node, ast.ClassDef):
            yield from at_import(ast.Module(node.body, []))
        else:
            yield ast.unparse(node)


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    names = [f"gatehouse.{name}" if name else "gatehouse" for name in code.modules()]
    program = f"""
import sys, importlib
sys.path.insert(0, {str(ROOT / "functions")!r})
import boto3
def refuse(*_, **__): raise AssertionError("a client at import")
boto3.client = boto3.resource = boto3.session.Session.client = refuse
for name in {names!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_ships_knows_nothing_of_how_it_is_tested() -> None:
    shipped = [*(ROOT / "functions").rglob("*"), *(ROOT / "statemachine").iterdir(), ROOT / "template.yaml"]
    texts = {
        path: path.read_text() for path in shipped if path.suffix in {".py", ".json", ".j2", ".html", ".yaml", ".in"}
    }
    assert len(texts) > 50
    told = re.compile(r"\b(moto|pytest|ministack|localstack|emulator|mock_aws)\b|127\.0\.0\.1|localhost", re.IGNORECASE)
    assert {str(path): told.findall(text) for path, text in texts.items() if told.search(text)} == {}
