"""Counts of records that were taken a moment ago, so that not every reader counts anew.

They lie in the activity table beside the mark of the last change (`modified`): pk = dataset uid, sk = `count`,
`n` records, `p` the partition, `m` the mark when counting began, `t` that moment in epoch milliseconds.
"""

from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from chalicelib.store.dynamodb import Deadline, Item, with_retries

_KEPT_SECONDS = 86_400


class StoredCount(NamedTuple):
    """How many records a partition had when counting began at `counted_at` (epoch milliseconds); `mark` is the time
    of the last change as it stood then."""

    records: int
    partition: str
    mark: str | None
    counted_at: int


class LastSeen(NamedTuple):
    """What is known of a dataset's records without reading them: the last count, and the mark of the last change."""

    stored: StoredCount | None
    mark: str | None


class CountStore:
    """Reads and writes of counts."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def last_seen(self, dataset_uid: str, deadline: Deadline) -> LastSeen:
        """The stored count and the mark, read strongly in one call."""
        keys = [{"pk": {"S": dataset_uid}, "sk": {"S": name}} for name in ("count", "modified")]
        items: dict[str, Item] = {}
        attempt = 0
        while keys:
            request = {self._table: {"Keys": keys, "ConsistentRead": True}}
            answer = with_retries(partial(self._client.batch_get_item, RequestItems=request), deadline)
            items |= {item["sk"]["S"]: item for item in answer["Responses"].get(self._table, ())}
            keys = (answer.get("UnprocessedKeys") or {}).get(self._table, {}).get("Keys", [])
            if keys:
                deadline.pause(attempt)
                attempt += 1
        mark = items["modified"]["at"]["S"] if "modified" in items else None
        return LastSeen(_count(items["count"]) if "count" in items else None, mark)

    def keep(self, dataset_uid: str, count: StoredCount, deadline: Deadline) -> None:
        """Store a count, unless one that began later is there already."""
        item: Item = {
            "pk": {"S": dataset_uid},
            "sk": {"S": "count"},
            "n": {"N": str(count.records)},
            "p": {"S": count.partition},
            "t": {"N": str(count.counted_at)},
            "expires_at": {"N": str(count.counted_at // 1000 + _KEPT_SECONDS)},
        }
        if count.mark is not None:
            item["m"] = {"S": count.mark}
        try:
            with_retries(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk) OR #t < :t",
                    ExpressionAttributeNames={"#t": "t"},
                    ExpressionAttributeValues={":t": item["t"]},
                ),
                deadline,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def _count(item: Item) -> StoredCount:
    mark = item["m"]["S"] if "m" in item else None
    return StoredCount(int(item["n"]["N"]), item["p"]["S"], mark, int(item["t"]["N"]))
