"""Reading records for those who browse them: one by id, all in the order of their ids, and how many."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import THREADS, Deadline, Item, with_retries
from chalicelib.store.records import SHARDS, file_keys, shard_key, shard_keys

_SHOWN = "sk,d,t,f"  # what of an item a reader needs: parsing the rest of a page takes as long again


class StoredRecord(NamedTuple):
    """A record as it lies in the table: `text` is its JSON, `accepted_at` epoch milliseconds, `files` object keys."""

    id: str
    text: str
    accepted_at: int
    files: dict[str, str]


class OwnedRecord(NamedTuple):
    """A record with the uid of the resource that it belongs to."""

    record: StoredRecord
    resource_uid: str


class RecordReader:
    """Reads of one partition (`{dataset_uid}.{generation}`), eventually consistent unless said.

    Every read of many pages raises TemporarilyUnavailable when it is not through at the deadline.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def get(self, partition: str, record_id: str, deadline: Deadline) -> StoredRecord | None:
        """One record, read strongly, so that a device can read what it has just pushed."""
        key = {"pk": {"S": shard_key(partition, record_id)}, "sk": {"S": record_id}}
        answer = with_retries(
            lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True), deadline
        )
        return _record(answer["Item"]) if "Item" in answer else None

    def scan(
        self, partition: str, deadline: Deadline, *, most: int | None = None, consistent: bool = False
    ) -> Iterator[StoredRecord]:
        """The records in the order of their ids, a page at a time, so that the caller may stop early; of more than
        `most` the first, and no more of them are read."""
        left = most
        for pk in shard_keys(partition):
            options: dict[str, Any] = {"ProjectionExpression": _SHOWN, "ConsistentRead": consistent}
            if left is not None:
                options["Limit"] = left
            for page in self._pages(pk, deadline, options):
                yield from map(_record, page["Items"])
                if left is not None:
                    left -= len(page["Items"])
                    if left <= 0:
                        return
                    options["Limit"] = left

    def stream(
        self, partition: str, deadline: Deadline, *, consistent: bool = False
    ) -> Generator[StoredRecord, None, None]:
        """All records in the order of their ids, for those who need most of them: the first page of every shard is
        fetched at once, then one page ahead of the reader. Holds at most a page for each shard (1 MB each)."""
        options = {"ProjectionExpression": _SHOWN, "ConsistentRead": consistent}
        with ThreadPoolExecutor(max_workers=min(THREADS, SHARDS), thread_name_prefix="read") as pool:
            shards = [self._pages(pk, deadline, options) for pk in shard_keys(partition)]
            first = [pool.submit(next, pages, None) for pages in shards]
            for pages, ahead in zip(shards, first, strict=True):
                page = ahead.result()
                while page is not None:
                    following = pool.submit(next, pages, None)
                    yield from map(_record, page["Items"])
                    page = following.result()

    def owners(self, shard: str, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """The ids of the records of one shard (its pk), each with the uid of the resource that it belongs to, read
        strongly: what is deleted is decided by them."""
        options = {"ProjectionExpression": "sk,r", "ConsistentRead": True}
        for page in self._pages(shard, deadline, options):
            yield from ((item["sk"]["S"], item["r"]["S"]) for item in page["Items"])

    def walk(self, partition: str, after: str, deadline: Deadline) -> Iterator[OwnedRecord]:
        """All there is to know of the records whose ids come after that one ("": of all), in the order of their ids,
        read strongly: they are to be stored elsewhere."""
        options = {"ProjectionExpression": f"{_SHOWN},r", "ConsistentRead": True}
        for pk in shard_keys(partition):
            if after and pk < shard_key(partition, after):
                continue
            yield from (
                OwnedRecord(_record(item), item["r"]["S"])
                for page in self._pages(pk, deadline, options, after=after)
                for item in page["Items"]
            )

    def count(self, partition: str, deadline: Deadline, *, consistent: bool = False) -> int:
        """How many records there are; the shards are counted at the same time."""
        options = {"Select": "COUNT", "ConsistentRead": consistent}

        def count_shard(pk: str) -> int:
            return sum(page["Count"] for page in self._pages(pk, deadline, options))

        with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="count") as pool:
            return sum(pool.map(count_shard, shard_keys(partition)))

    def _pages(
        self, pk: str, deadline: Deadline, options: dict[str, Any], *, after: str = ""
    ) -> Iterator[dict[str, Any]]:
        """The pages of one shard, from the first id after that one. `options` are read anew for every page."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk > :after" if after else "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}, **({":after": {"S": after}} if after else {})},
        }
        while True:
            page = with_retries(lambda: self._client.query(**request, **options), deadline)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            if deadline.remaining() <= 0:
                raise TemporarilyUnavailable
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _record(item: Item) -> StoredRecord:
    return StoredRecord(item["sk"]["S"], item["d"]["S"], int(item["t"]["N"]), file_keys(item))
