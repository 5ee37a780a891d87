"""moto without what takes most of its time and nobody here asks for."""

from functools import cache
from typing import Any

import pytest
from botocore.useragent import UserAgentString
from moto.core import models, responses
from moto.core.serialize import BaseJSONSerializer


def apply(patch: pytest.MonkeyPatch) -> None:
    """Until the patch is undone."""
    patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))
    # Only boto3 calls AWS: no library that moto would have to catch as well, with 1,300 patterns in each test.
    patch.setattr(models, "RESPONSES_METHODS", ())
    patch.setattr(UserAgentString, "to_string", lambda self: "tests")
    patch.setattr(BaseJSONSerializer, "_serialize_type_structure", _with_items_as_they_are())


def _with_items_as_they_are() -> Any:
    """moto's DynamoDB looks for forty spellings of every attribute of an item: nine tenths of a test's time."""
    original = BaseJSONSerializer._serialize_type_structure

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            self._default_serialize(serialized, value, shape, key)
        else:
            original(self, serialized, value, shape, key)

    return serialize
