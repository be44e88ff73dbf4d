"""Reading records for those who browse them: one by id, all in the order of their ids, and how many."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from chalicelib.store.dynamodb import THREADS, Deadline, Item, with_retries
from chalicelib.store.records import file_keys, shard_key, shard_keys


class StoredRecord(NamedTuple):
    """A record as it lies in the table: `text` is its JSON, `accepted_at` epoch milliseconds, `files` object keys."""

    id: str
    text: str
    accepted_at: int
    resource_uid: str
    files: dict[str, str]


class RecordReader:
    """Reads of one partition (`{dataset_uid}.{generation}`), eventually consistent unless said."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def get(self, partition: str, record_id: str, deadline: Deadline) -> StoredRecord | None:
        """One record, read strongly, so that a device can read what it has just pushed."""
        key = {"pk": {"S": shard_key(partition, record_id)}, "sk": {"S": record_id}}
        answer = with_retries(
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True), deadline
        )
        return _record(answer["Item"]) if "Item" in answer else None

    def scan(self, partition: str, deadline: Deadline) -> Iterator[StoredRecord]:
        """All records in the order of their ids, a page at a time, so that the caller may stop early."""
        for pk in shard_keys(partition):
            for page in self._pages(pk, deadline, {}):
                yield from map(_record, page["Items"])

    def ids_of_others(self, partition: str, resource_uids: set[str], deadline: Deadline) -> Iterator[str]:
        """The ids of the records that belong to none of the given resources."""
        options = {"ProjectionExpression": "sk,r"}
        for pk in shard_keys(partition):
            for page in self._pages(pk, deadline, options):
                yield from (item["sk"]["S"] for item in page["Items"] if item["r"]["S"] not in resource_uids)

    def count(self, partition: str, deadline: Deadline) -> int:
        """How many records there are; the shards are counted at the same time."""

        def count_shard(pk: str) -> int:
            return sum(page["Count"] for page in self._pages(pk, deadline, {"Select": "COUNT"}))

        with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="count") as pool:
            return sum(pool.map(count_shard, shard_keys(partition)))

    def _pages(self, pk: str, deadline: Deadline, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            **options,
        }
        while True:
            page = with_retries(lambda: self._client.query(**request), deadline)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _record(item: Item) -> StoredRecord:
    return StoredRecord(item["sk"]["S"], item["d"]["S"], int(item["t"]["N"]), item["r"]["S"], file_keys(item))
