"""The one DynamoDB table, in plain Python values."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from gatehouse.clients import from_dynamodb, to_dynamodb
from gatehouse.errors import TransientFault

_NAME = re.compile(r"#(\w+)")
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Expression(str):
    """A DynamoDB expression where a plain value is expected otherwise."""


class Table:
    """Reads are consistent; a write that names a condition raises ConditionFailed when it does not hold."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self.ConditionFailed: type[Exception] = dynamodb.exceptions.ConditionalCheckFailedException
        self.TransactionCancelled: type[Exception] = dynamodb.exceptions.TransactionCanceledException

    def get(self, key: str) -> dict[str, Any] | None:
        """The item as it stands now (a consistent read), or None."""
        found = self._dynamodb.get_item(TableName=self._name, Key=_item({"pk": key}), ConsistentRead=True)
        return _plain(found["Item"]) if "Item" in found else None

    def get_many(self, keys: list[str]) -> dict[str, dict[str, Any]]:
        """Items by key, a hundred a call; a missing one is left out."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(keys), 100):
            asked = [_item({"pk": key}) for key in keys[start : start + 100]]
            wanted = {self._name: {"Keys": asked, "ConsistentRead": True}}
            while wanted:
                answer = self._dynamodb.batch_get_item(RequestItems=wanted)
                found |= {item["pk"]: item for item in map(_plain, answer["Responses"].get(self._name, []))}
                wanted = answer.get("UnprocessedKeys", {})
        return found

    def update(self, key: str, **change: Any) -> dict[str, Any]:
        """Change an item (see `_update`) and return it whole; raises ConditionFailed."""
        answer = self._dynamodb.update_item(
            **self._update(key, **change),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return _plain(answer["Attributes"])

    def transact(self, *actions: dict[str, Any]) -> None:
        """All or nothing; raises TransactionCancelled where a condition does not hold.

        Who only met another write at the same moment may try again: raises TransientFault.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        """
        try:
            self._dynamodb.transact_write_items(TransactItems=list(actions))
        except self.TransactionCancelled as failure:
            reasons = failure.response.get("CancellationReasons", ())  # type: ignore[attr-defined]
            codes = {reason["Code"] for reason in reasons} - {"None"}
            if codes and codes <= _PASSING:
                raise TransientFault(f"TransactWriteItems: {', '.join(sorted(codes))}") from None
            raise

    def putting(self, item: dict[str, Any], **condition: Any) -> dict[str, Any]:
        return {"Put": self._put(item, **condition)}

    def updating(self, key: str, **change: Any) -> dict[str, Any]:
        return {"Update": self._update(key, **change)}

    def deleting(self, key: str, only_if: str | None = None, **values: Any) -> dict[str, Any]:
        condition = {"ConditionExpression": only_if, "ExpressionAttributeValues": _values(values)} if only_if else {}
        return {"Delete": {"TableName": self._name, "Key": _item({"pk": key})} | condition}

    def query(self, index: str, hash_key: tuple[str, str], **options: Any) -> tuple[list[dict[str, Any]], Any]:
        """One page of an index, and the key to go on from (None at the end)."""
        answer = self._dynamodb.query(
            TableName=self._name,
            IndexName=index,
            KeyConditionExpression="#hash = :hash",
            ExpressionAttributeNames={"#hash": hash_key[0]},
            ExpressionAttributeValues=_values({"hash": hash_key[1]}),
            **{name: _item(value) if name == "ExclusiveStartKey" else value for name, value in options.items()},
        )
        following = answer.get("LastEvaluatedKey")
        return [_plain(item) for item in answer["Items"]], _plain(following) if following else None

    def each(self, index: str, hash_key: tuple[str, str]) -> Iterator[dict[str, Any]]:
        """All of an index, page by page."""
        start: Any = None
        while True:
            found, start = self.query(index, hash_key, **({"ExclusiveStartKey": start} if start else {}))
            yield from found
            if start is None:
                return

    def stood_before(self, failure: Exception) -> dict[str, Any] | None:
        """The item that made a conditional update fail, None if there was none."""
        item = failure.response.get("Item")  # type: ignore[attr-defined]
        return _plain(item) if item else None

    def _put(self, item: dict[str, Any], only_if: str | None = None, **values: Any) -> dict[str, Any]:
        condition: dict[str, Any] = {}
        if only_if:
            condition["ConditionExpression"] = only_if
        if values:
            condition["ExpressionAttributeValues"] = _values(values)
        return {"TableName": self._name, "Item": _item(item), **condition}

    def _update(
        self,
        key: str,
        *,
        sets: dict[str, Any],
        removes: tuple[str, ...] = (),
        only_if: str | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        """`sets` maps an attribute (or path) to its value, or to an `Expression` over `values`.

        Attribute names in `only_if` and in expressions are written `#name`, values `:name`.
        """
        assignments, named = [], dict(values)
        for number, (attribute, value) in enumerate(sets.items()):
            if isinstance(value, Expression):
                assignments.append(f"{_path(attribute)} = {value}")
            else:
                assignments.append(f"{_path(attribute)} = :set{number}")
                named[f"set{number}"] = value
        expression = "SET " + ", ".join(assignments) if assignments else ""
        if removes:
            expression += " REMOVE " + ", ".join(map(_path, removes))
        names = set(_NAME.findall(f"{expression} {only_if}"))
        return {
            "TableName": self._name,
            "Key": _item({"pk": key}),
            "UpdateExpression": expression.strip(),
            **({"ConditionExpression": only_if} if only_if else {}),
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            **({"ExpressionAttributeValues": _values(named)} if named else {}),
        }


def _item(values: dict[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in values.items()}


def _values(values: dict[str, Any]) -> dict[str, Any]:
    return {f":{name}": to_dynamodb(value) for name, value in values.items()}


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _whole(from_dynamodb(value)) for name, value in item.items()}


def _whole(value: Any) -> Any:
    """DynamoDB's Decimals as ints: Gatehouse stores no fractions."""
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, Decimal) else value


def _path(attribute: str) -> str:
    return ".".join(f"#{part}" for part in attribute.split("."))
