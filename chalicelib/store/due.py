"""The index `due` of the catalog table: what somebody must look at by a certain time.

An item is in it while it has `due` (`{kind}#{shard}`) and `due_at` (epoch seconds). The tick reads what is due, whose
number is small, however many items there are.
"""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from chalicelib.store.dynamodb import Deadline, Item, with_retries

SHARDS = 8  # a partition of the index takes 1,000 writes a second, like any other
_SPREAD = frozenset({"lane", "alert", "silent", "run"})  # kinds that pushes write, or schedules of one minute


def shards_of(kind: str) -> int:
    """Over how many shards a kind is spread: each is a query of every tick, so that rare kinds have one."""
    return SHARDS if kind in _SPREAD else 1


def due_shard(kind: str, name: str) -> str:
    """The value of `due` for an item of a kind; `name` spreads them over the shards."""
    return f"{kind}#{zlib.crc32(name.encode()) % shards_of(kind)}"


def due_attributes(kind: str, name: str, due_at: int) -> Item:
    """What puts an item into the index."""
    return {"due": {"S": due_shard(kind, name)}, "due_at": {"N": str(due_at)}}


class DueIndex:
    """Reads what is due. The index may lag behind by moments."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def keys(self, kind: str, now: int, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """The (pk, sk) of the items of a kind that are due at `now` (epoch seconds), those of each shard by time."""
        return ((pk, sk) for pk, sk, _ in self.entries(kind, now, deadline))

    def entries(self, kind: str, now: int, deadline: Deadline) -> Iterator[tuple[str, str, int]]:
        """The same, with the moment (epoch seconds) since which each is due."""
        for shard in range(shards_of(kind)):
            request: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": "due",
                "KeyConditionExpression": "due = :due AND due_at <= :now",
                "ExpressionAttributeValues": {":due": {"S": f"{kind}#{shard}"}, ":now": {"N": str(now)}},
            }
            while True:
                page = with_retries(partial(self._client.query, **request), deadline)
                yield from ((item["pk"]["S"], item["sk"]["S"], int(item["due_at"]["N"])) for item in page["Items"])
                if "LastEvaluatedKey" not in page:
                    break
                request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
