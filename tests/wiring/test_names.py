"""One noun names a thing everywhere: file, function, state, logical ID, event and test."""

import ast
import re

import pytest

from tests.wiring import code
from tests.wiring.definition import every_task, states
from tests.wiring.template import ROOT, Function, functions, template

FUNCTIONS = pytest.mark.parametrize("function", functions().values(), ids=functions())


def camel(stem: str) -> str:
    return "".join(word.capitalize() for word in stem.split("_"))


def files(package: str) -> set[str]:
    """The handlers' files of a package; `api` is what the API's functions share."""
    return {path.stem for path in (code.PACKAGE / package).glob("*.py")} - {"__init__", "api"}


@FUNCTIONS
def test_a_handler_is_the_function_that_its_file_is_named_after(function: Function) -> None:
    assert function.handler == f"gatehouse.{function.package}.{function.stem}.{function.stem}"
    module = code.modules()[f"{function.package}.{function.stem}"]
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert function.stem in defined | assigned


@FUNCTIONS
def test_logical_id_and_name_follow_the_stem(function: Function) -> None:
    assert function.logical_id == f"{camel(function.stem)}Function"
    properties = template()["Resources"][function.logical_id]["Properties"]
    assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{camel(function.stem)}"}


@FUNCTIONS
def test_every_function_has_a_test_of_its_name(function: Function) -> None:
    assert (ROOT / "tests" / "unit" / f"test_{function.stem}.py").exists()


@FUNCTIONS
def test_every_function_has_a_sample_event(function: Function) -> None:
    assert (ROOT / "events" / f"{function.stem}.json").exists()


def test_every_event_belongs_to_a_function() -> None:
    names = {path.name for path in (ROOT / "events").iterdir()}
    assert {name for name in names if not re.fullmatch(r"\w+(\.\w+)?\.json", name)} == set()
    assert {name.split(".")[0] for name in names} == set(functions())


@pytest.mark.parametrize("package", ["steps", "edges"])
def test_every_file_has_a_function(package: str) -> None:
    assert files(package) == {stem for stem, function in functions().items() if function.package == package}


def test_every_step_is_a_task_state_and_every_task_state_a_step() -> None:
    assert {camel(stem) for stem in files("steps")} == {name for _, name in every_task()}


@pytest.mark.parametrize(("machine", "name"), every_task())
def test_a_state_calls_the_function_of_its_name(machine: str, name: str) -> None:
    assert states(machine)[name]["Arguments"]["FunctionName"] == f"${{{name}FunctionArn}}"


def test_what_is_named_in_the_template_in_words_is_a_function() -> None:
    """Names that avoid a cycle are written out: `${AWS::StackName}-IssuePassword`."""
    spelled = set(re.findall(r"\$\{AWS::StackName\}-([A-Z]\w+)", (ROOT / "template.yaml").read_text()))
    assert spelled == {camel(stem) for stem in functions()}
