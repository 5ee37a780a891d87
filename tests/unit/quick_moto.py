"""moto without what takes most of its time and nobody here asks for."""

import pickle
from functools import cache
from typing import Any

import pytest
from botocore.useragent import UserAgentString
from moto.core import models, responses
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

_METHOD_NAMES = cache(responses.method_names_from_class)
_PARSED = cache(UpdateExpressionParser.make)


def apply(patch: pytest.MonkeyPatch) -> None:
    """Until the patch is undone."""
    patch.setattr(responses, "method_names_from_class", _METHOD_NAMES)
    # Only boto3 calls AWS: no library that moto would have to catch as well, with 1,300 patterns in each test.
    patch.setattr(models, "RESPONSES_METHODS", ())
    patch.setattr(UserAgentString, "to_string", lambda self: "tests")
    patch.setattr(BaseJSONSerializer, "_serialize_type_structure", _with_items_as_they_are())
    _quicken_dynamodb(patch)


def _with_items_as_they_are() -> Any:
    """moto's DynamoDB looks for forty spellings of every attribute of an item: nine tenths of a test's time."""
    original = BaseJSONSerializer._serialize_type_structure

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            self._default_serialize(serialized, value, shape, key)
        else:
            original(self, serialized, value, shape, key)

    return serialize


def _quicken_dynamodb(patch: pytest.MonkeyPatch) -> None:
    """It copies every item six times an update, weighs it at every attribute, and parses every expression twice."""
    patch.setattr(DynamoType, "__deepcopy__", lambda self, memo: _copy(self))
    patch.setattr(Item, "__deepcopy__", lambda self, memo: _copy_of_item(self))
    patch.setattr(DynamoType, "to_regular_json", _plain)
    # No item here comes near to 400 KB.
    patch.setattr(LimitedSizeDict, "__setitem__", dict.__setitem__)
    # What is parsed is copied before anybody changes it, node by node; in one piece it is ten times as fast.
    patch.setattr(UpdateExpressionParser, "make", _PARSED)
    patch.setattr(validators, "deepcopy", lambda parsed: pickle.loads(pickle.dumps(parsed)))


def _copy(value: Any) -> Any:
    if isinstance(value, DynamoType):
        copied = DynamoType.__new__(DynamoType)
        copied.type, copied.value = value.type, _copy(value.value)
        return copied
    if isinstance(value, dict):
        return {name: _copy(one) for name, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def _copy_of_item(item: Item) -> Item:
    copied = Item(_copy(item.hash_key), _copy(item.range_key), {})
    copied.attrs.update({name: _copy(one) for name, one in item.attrs.items()})
    return copied


def _plain(value: Any) -> Any:
    """As moto's own, of a value without bytes: nested values in plain dicts."""
    if isinstance(value, DynamoType):
        return {value.type: _plain(value.value)}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
