"""A DynamoDB client that refuses what AWS refuses and moto lets pass, counts calls, and throttles on demand."""

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
from botocore.exceptions import ClientError

MAX_ITEM, MAX_BATCH_WRITE, MAX_BATCH_GET = 400 * 1024, 25, 100
MAX_CALL = 16 * 1024 * 1024  # bytes over the wire


class StrictDynamoDB:
    """Wraps a client. `calls` counts operations, `puts` records written by table.

    `throttle` (0..1) is the share of batch requests that come back unprocessed; `before` is called ahead of every
    call with the operation's name and may raise to inject a fault.
    """

    def __init__(self, client: Any, *, seed: int = 0) -> None:
        self._client = client
        self._random = random.Random(seed)
        self.calls: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.throttle = 0.0
        self.before: Callable[[str], None] = lambda _operation: None

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            self.calls[operation] += 1
            self.before(operation)
            return method(**request)

        return call

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 - AWS's spelling
        self.calls["batch_write_item"] += 1
        self.before("batch_write_item")
        requests = [(table, request) for table, batch in RequestItems.items() for request in batch]
        if not 1 <= len(requests) <= MAX_BATCH_WRITE:
            raise _invalid(f"BatchWriteItem with {len(requests)} requests")
        keys = [(table, *_key(request)) for table, request in requests]
        if len(set(keys)) != len(keys):
            raise _invalid("Provided list of item keys contains duplicates")
        if len(orjson.dumps(RequestItems)) > MAX_CALL:
            raise _invalid("BatchWriteItem of more than 16 MB")
        for _, request in requests:
            if "PutRequest" in request:
                _check_item(request["PutRequest"]["Item"])
        kept, refused = self._split(requests)
        if kept:
            self._client.batch_write_item(RequestItems=_grouped(kept))
            self.written.update(table for table, _ in kept)
        return {"UnprocessedItems": _grouped(refused)}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803 - AWS's spelling
        self.calls["batch_get_item"] += 1
        self.before("batch_get_item")
        ((table, request),) = RequestItems.items()
        keys = [(key["pk"]["S"], key["sk"]["S"]) for key in request["Keys"]]
        if not 1 <= len(keys) <= MAX_BATCH_GET or len(set(keys)) != len(keys):
            raise _invalid("BatchGetItem with too many keys or a key twice")
        kept, refused = self._split([(table, key) for key in request["Keys"]])
        answer: dict[str, Any] = {"Responses": {table: []}}
        if kept:
            asked = {**request, "Keys": [key for _, key in kept]}
            answer["Responses"] = self._client.batch_get_item(RequestItems={table: asked})["Responses"]
        unread = {table: {**request, "Keys": [key for _, key in refused]}} if refused else {}
        return {**answer, "UnprocessedKeys": unread}

    def _split(self, requests: list[Any]) -> tuple[list[Any], list[Any]]:
        refused = [request for request in requests if self._random.random() < self.throttle]
        return [request for request in requests if not any(request is r for r in refused)], refused


def _grouped(requests: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for table, request in requests:
        grouped.setdefault(table, []).append(request)
    return grouped


def _key(request: dict[str, Any]) -> tuple[str, str]:
    key = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return key["pk"]["S"], key["sk"]["S"]


def _check_item(item: dict[str, Any]) -> None:
    size = sum(len(name.encode()) + _size(value) for name, value in item.items())
    if size > MAX_ITEM:
        raise _invalid(f"Item size {size} has exceeded the maximum allowed size")


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        if len(Decimal(content).as_tuple().digits) > 38:
            raise _invalid("Attempting to store more than 38 significant digits in a Number")
        return len(content) // 2 + 1
    if kind == "M":
        return 3 + sum(len(name.encode()) + 1 + _size(part) for name, part in content.items())
    return 1


def _invalid(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "BatchWriteItem")
