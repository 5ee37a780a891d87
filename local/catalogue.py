"""Checks the catalogue of what may be granted: its shape, and what a shape cannot say.

The code that ships believes the catalogue; what is wrong with it is found here, before it ships.
"""

import json
import sys
from collections import Counter
from collections.abc import Collection
from typing import Any

import jsonschema
import yaml

from local.catalogue_rules import RULES, Problems, Shelf
from local.process import ROOT

CATALOGUE = ROOT / "functions" / "gatehouse" / "access_profiles.json"
SCHEMA = ROOT / "local" / "access_profiles.schema.json"
TEMPLATE = ROOT / "template.yaml"


def problems(text: str, labels: Collection[str]) -> list[str]:
    """What is wrong with a catalogue, one sentence each; `labels` are those that approvers can have.

    The rules rely on the shape: with a wrong shape nothing else is looked at.
    """
    twice: list[str] = []
    shelf = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, twice))
    wrong = [(name, "is given more than once") for name in twice] or list(_misshapen(shelf))
    if not wrong:
        wrong = [problem for rule in RULES for problem in rule(shelf)] + list(_labels(shelf, labels))
    return [f"{where} {what}" for where, what in wrong]


def approver_labels() -> set[str]:
    """The labels that the template's parameter Approvers has by default."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda *_: None)  # type: ignore[attr-defined]
    template = yaml.load(TEMPLATE.read_text(), loader)  # noqa: S506 (a safe loader that passes over CloudFormation's tags)
    return set(json.loads(template["Parameters"]["Approvers"]["Default"]))


def _once(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    twice += [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    return dict(pairs)


def _misshapen(shelf: Any) -> Problems:
    checker = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    for error in sorted(checker.iter_errors(shelf), key=lambda error: list(map(str, error.absolute_path))):
        where = ".".join(map(str, error.absolute_path)) or "the catalogue"
        told = error.validator not in ("required", "additionalProperties") and error.schema.get("description")
        # The name of a property has no path of its own.
        named = f" {error.instance}" if "propertyNames" in error.absolute_schema_path else ""
        yield f"{where}{named}", told or error.message


def _labels(shelf: Shelf, labels: Collection[str]) -> Problems:
    for name, profile in shelf["profiles"].items():
        for label in profile["approvers"]:
            if label not in labels:
                known = ", ".join(sorted(labels))
                yield f"profiles.{name}.approvers", f"must be labels of the parameter Approvers ({known}), not {label}"


def main() -> None:
    found = [f"{CATALOGUE.name}: {problem}" for problem in problems(CATALOGUE.read_text(), approver_labels())]
    print("\n".join(found) or "the catalogue is sound")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
