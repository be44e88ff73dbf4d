"""The tables of the stub endpoint: the DynamoDB operations that the product and the contenders use, in memory.

Conditions of writes, and filters and projections of queries, are passed over: who is measured meets no race. Write
units are counted as AWS counts them, those of a transaction twice.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

Key = tuple[str, str]
WRITE_UNITS = "write units"
_EQUAL = re.compile(r"([#\w]+)\s*=\s*(:\w+)")
_BEGINS = re.compile(r"begins_with\s*\([#\w]+\s*,\s*(:\w+)\)")
_ADDITION = re.compile(r"([#\w]+)\s+(:\w+)")


class Tables:
    """Items of any table with `pk` and `sk`. What is asked of them is noted in `counts`."""

    def __init__(self, counts: Counter[str]) -> None:
        self._items: dict[str, dict[Key, Any]] = {}
        self._counts = counts

    def answer(self, operation: str, request: Any) -> Any:
        """Do one operation."""
        return getattr(self, f"_{operation}")(request)

    def forget(self, table: str) -> None:
        """Empty a table."""
        self._items.pop(table, None)

    def _PutItem(self, request: Any) -> Any:  # noqa: N802 - AWS's spelling
        self._put(request["TableName"], request["Item"])
        return {}

    def _UpdateItem(self, request: Any) -> Any:  # noqa: N802
        key = request["Key"]
        item = {**self._of(request["TableName"]).get(_key(key), key), **_changed(request)}
        self._put(request["TableName"], item)
        return {"Attributes": item}

    def _DeleteItem(self, request: Any) -> Any:  # noqa: N802
        self._counts[WRITE_UNITS] += 1
        self._of(request["TableName"]).pop(_key(request["Key"]), None)
        return {}

    def _TransactWriteItems(self, request: Any) -> Any:  # noqa: N802
        before = self._counts[WRITE_UNITS]
        for part in request["TransactItems"]:
            ((kind, write),) = part.items()
            self.answer(f"{kind}Item", write)
        self._counts[WRITE_UNITS] += self._counts[WRITE_UNITS] - before
        return {}

    def _GetItem(self, request: Any) -> Any:  # noqa: N802
        item = self._of(request["TableName"]).get(_key(request["Key"]))
        return {} if item is None else {"Item": item}

    def _Query(self, request: Any) -> Any:  # noqa: N802
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        keys, prefix = {}, ""
        for name, value in _EQUAL.findall(request["KeyConditionExpression"]):
            keys[names.get(name, name)] = values[value]["S"]
        for value in _BEGINS.findall(request["KeyConditionExpression"]):
            prefix = values[value]["S"]
        found = sorted(self._of(request["TableName"]).items())
        items = [item for (p, s), item in found if p == keys["pk"] and s.startswith(prefix)][: request.get("Limit")]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _BatchGetItem(self, request: Any) -> Any:  # noqa: N802
        found = {}
        for table, wanted in request["RequestItems"].items():
            items = self._of(table)
            keys = [_key(key) for key in wanted["Keys"]]
            names = wanted["ProjectionExpression"].split(",")
            found[table] = [
                {name: items[key][name] for name in names if name in items[key]} for key in keys if key in items
            ]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _BatchWriteItem(self, request: Any) -> Any:  # noqa: N802
        for table, writes in request["RequestItems"].items():
            for write in writes:
                if "PutRequest" in write:
                    self._put(table, write["PutRequest"]["Item"])
                else:
                    self._DeleteItem({"TableName": table, "Key": write["DeleteRequest"]["Key"]})
        return {"UnprocessedItems": {}}

    def _put(self, table: str, item: Any) -> None:
        self._counts[WRITE_UNITS] += -(-sum(len(name.encode()) + _size(v) for name, v in item.items()) // 1024)
        if "pk" in item:
            self._of(table)[_key(item)] = item

    def _of(self, table: str) -> dict[Key, Any]:
        return self._items.setdefault(table, {})


def _key(item: Any) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _changed(request: Any) -> dict[str, Any]:
    """The attributes that an update sets. What it adds to is taken to be new."""
    return dict(_assignments(request))


def _assignments(request: Any) -> Iterator[tuple[str, Any]]:
    names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
    kind, _, parts = request["UpdateExpression"].partition(" ")
    for name, value in (_EQUAL if kind == "SET" else _ADDITION).findall(parts):
        yield names.get(name, name), values[value]


def _size(value: Any) -> int:
    """Bytes of a typed value by DynamoDB's rules, near enough to round up to kilobytes."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "M":
        return 3 + sum(len(name.encode()) + 1 + _size(part) for name, part in content.items())
    return 1
