"""template.yaml as plain data: short forms as `Fn::` forms, anchors written out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PATH = ROOT / "template.yaml"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """A function of the stack; `environment` are its own variables and those of Globals, not yet resolved."""

    logical_id: str
    handler: str
    own_environment: Mapping[str, Any]
    environment: Mapping[str, Any]
    statements: tuple[Mapping[str, Any], ...]

    @property
    def module(self) -> str:
        return self.handler.rpartition(".")[0]

    @property
    def package(self) -> str:
        """`steps` or `edges`."""
        return self.module.split(".")[1]

    @property
    def stem(self) -> str:
        return self.module.rpartition(".")[2]


@cache
def template() -> dict[str, Any]:
    """The template; a reference is a dict such as {"Ref": "Table"}."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", _long_form)  # type: ignore[attr-defined]
    loaded: dict[str, Any] = yaml.load(PATH.read_text(), loader)
    return loaded


def of_type(*types: str) -> dict[str, dict[str, Any]]:
    """The resources of these types by logical ID; `AWS::IAM::*` stands for a whole service."""
    patterns = [re.escape(kind).replace(r"\*", ".*") for kind in types]
    return {
        name: resource
        for name, resource in template()["Resources"].items()
        if any(re.fullmatch(pattern, resource["Type"]) for pattern in patterns)
    }


@cache
def functions() -> dict[str, Function]:
    """The functions by stem."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    found = [_function(name, resource, shared) for name, resource in of_type("AWS::Serverless::Function").items()]
    return {function.stem: function for function in found}


def parameters(overrides: Values) -> dict[str, Any]:
    """The template's parameters with their defaults, and what has no default from `overrides`."""
    declared = template()["Parameters"]
    return {name: overrides[name] if name in overrides else rule["Default"] for name, rule in declared.items()}


def resolve(value: Any, values: Values) -> Any:
    """A value of the template with its references replaced by `values` (`Table`, `Table.Arn`, `AWS::Region` …)."""
    if isinstance(value, list):
        return [resolve(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    (function, argument), *more = value.items()
    if more or function not in _FUNCTIONS:
        return {name: resolve(item, values) for name, item in value.items()}
    return _FUNCTIONS[function](argument, values)


def _function(logical_id: str, resource: Mapping[str, Any], shared: Mapping[str, Any]) -> Function:
    properties = resource["Properties"]
    own = properties.get("Environment", {}).get("Variables", {})
    statements = [_at_most(one) for policy in properties.get("Policies", ()) for one in policy["Statement"]]
    return Function(logical_id, properties["Handler"], own, {**shared, **own}, tuple(statements))


def _at_most(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a role may do where every condition of the template holds."""
    branches: list[Mapping[str, Any]] = statement.get("Fn::If", [None, statement])
    return branches[1]


def _long_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        argument: Any = node.value.split(".", 1) if suffix == "GetAtt" else node.value
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": argument}


def _sub(text: str, values: Values) -> str:
    plain = re.sub(r"\$\{([^!}][^}]*)\}", lambda match: str(values[match[1]]), text)
    return plain.replace("${!", "${")


def _if(argument: list[Any], values: Values) -> Any:
    condition, then, otherwise = argument
    return resolve(then if values[f"condition {condition}"] else otherwise, values)


_FUNCTIONS = {
    "Ref": lambda argument, values: values[argument],
    "Fn::GetAtt": lambda argument, values: values[".".join(argument)],
    "Fn::Sub": _sub,
    "Fn::Join": lambda argument, values: argument[0].join(resolve(argument[1], values)),
    "Fn::If": _if,
}
