"""Frozen settings: each function declares the variables it needs as a dataclass."""

import os
from dataclasses import fields
from functools import cache
from typing import TypeVar

Declaration = TypeVar("Declaration")


class MissingSetting(Exception):
    """An environment variable that the function needs is not set; the message names it."""


@cache
def load(declaration: type[Declaration]) -> Declaration:
    """The settings of one function from its environment, read once.

    A field `table_name` is read from `TABLE_NAME`; a field of type int is converted.
    Raises MissingSetting naming the variable.
    """
    values: dict[str, str | int] = {}
    for declared in fields(declaration):  # type: ignore[arg-type]
        variable = declared.name.upper()
        if variable not in os.environ:
            raise MissingSetting(f"{variable} is not set")
        values[declared.name] = int(os.environ[variable]) if declared.type is int else os.environ[variable]
    return declaration(**values)
