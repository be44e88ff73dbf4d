"""The records table: how a record lies in it, and the one writer.

Key: pk = `{dataset_uid}.{generation}#{shard}` (8 shards by the leading hex digit of the id), sk = record id.
Attributes: `d` the record as JSON text, `h` its content hash, `t` accepted-at in epoch milliseconds, `r` the
resource uid, `f` (only with file contents) field name → object key.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import orjson
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from chalicelib.domain.changes import Put
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import THREADS, Deadline, Item, is_retriable, with_retries
from chalicelib.store.parallel import run_all

SHARDS = 8
READ_BATCH = 100  # keys in one BatchGetItem
WRITE_BATCH = 25  # requests in one BatchWriteItem
WRITE_BYTES = 12_000_000  # of its records as they go over the wire, which carries 16 MB, receipts among them
_WIDEST = 4  # bytes of a character there; control characters, which take more, are escaped in the text of a record


class StoredMark(NamedTuple):
    """What a writer needs to know of a stored record: content hash, resource uid, object keys of its files, and when
    it was accepted (epoch milliseconds)."""

    hash: str
    resource_uid: str
    files: Mapping[str, str]
    accepted_at: int


class Origin(NamedTuple):
    """Where a record came from: when its batch was accepted (epoch milliseconds), and from which resource."""

    accepted_at: int
    resource_uid: str


Write = tuple[Put, Origin] | str  # a record to put, or the id of one to delete
Part = TypeVar("Part")


class TableWrite(NamedTuple):
    """A put into another table that rides in the last batch."""

    table: str
    item: Item


def shard_key(partition: str, record_id: str) -> str:
    """The pk of a record."""
    return f"{partition}#{int(record_id[0], 16) * SHARDS // 16}"


def shard_keys(partition: str) -> list[str]:
    """The pks of all shards, in the order of the record ids."""
    return [f"{partition}#{shard}" for shard in range(SHARDS)]


def file_keys(item: Item) -> dict[str, str]:
    """The object keys of an item's file contents, by field."""
    return {name: value["S"] for name, value in item["f"]["M"].items()} if "f" in item else {}


class RecordStore:
    """Strong reads of marks, and the one writer of records.

    Neither leaves a call running after it returns or raises: API callers may be frozen right after their answer.
    Requests are built chunk by chunk as they go out: a large write would otherwise hold a dozen objects per record,
    and the collector of garbage would visit them again and again.
    """

    def __init__(self, client: Any, table: str, threads: int = THREADS) -> None:
        self._client, self._table, self._threads = client, table, threads

    def marks(self, partition: str, ids: Iterable[str], deadline: Deadline) -> dict[str, StoredMark]:
        """The marks of those records that are stored, read strongly."""
        distinct = list(dict.fromkeys(ids))
        found: dict[str, StoredMark] = {}

        def read(chunk: Sequence[str]) -> None:
            keys = [{"pk": {"S": shard_key(partition, i)}, "sk": {"S": i}} for i in chunk]
            for item in self._read(keys, deadline):
                found[item["sk"]["S"]] = StoredMark(
                    item["h"]["S"], item["r"]["S"], file_keys(item), int(item["t"]["N"])
                )

        run_all(read, [distinct[i : i + READ_BATCH] for i in range(0, len(distinct), READ_BATCH)], self._threads)
        return found

    def write(
        self,
        partition: str,
        puts: Sequence[tuple[Put, Origin]],
        deletes: Sequence[str],
        *,
        trailing: Callable[[], Sequence[TableWrite]],
        deadline: Deadline,
    ) -> None:
        """Put and delete records (all ids distinct), then the trailing items (always as many): they are made and go
        out last, when all else is written, in the batch of the last records if that has room. Raises
        TemporarilyUnavailable at the deadline; what was written by then stays, and repeating the same write is
        safe."""

        def requests(chunk: Sequence[Write]) -> list[tuple[str, Item]]:
            return [(self._table, _request(partition, write)) for write in chunk]

        batches = _batches([*puts, *deletes])
        has_room = batches and len(batches[-1]) + len(trailing()) <= WRITE_BATCH
        rest = batches.pop() if has_room else ()
        run_all(lambda chunk: self._write(requests(chunk), deadline), batches, self._threads)
        last = requests(rest) + [(write.table, {"PutRequest": {"Item": write.item}}) for write in trailing()]
        run_all(lambda chunk: self._write(chunk, deadline), _chunks(last), self._threads)

    def _read(self, keys: list[Item], deadline: Deadline) -> list[Item]:
        items: list[Item] = []
        attempt = 0
        while True:
            request = {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "sk,h,r,f,t"}
            call = partial(self._client.batch_get_item, RequestItems={self._table: request})
            answer = with_retries(call, deadline)
            items += answer["Responses"].get(self._table, ())
            unread = answer.get("UnprocessedKeys") or {}
            if not unread:
                return items
            keys = unread[self._table]["Keys"]
            deadline.pause(attempt)
            attempt += 1

    def _write(self, requests: Sequence[tuple[str, Item]], deadline: Deadline) -> None:
        pending: dict[str, list[Item]] = {}
        for table, request in requests:
            pending.setdefault(table, []).append(request)
        attempt = 0
        while pending:
            if deadline.remaining() <= 0:
                raise TemporarilyUnavailable
            try:
                pending = self._client.batch_write_item(RequestItems=pending).get("UnprocessedItems") or {}
            except (ClientError, ConnectionError, HTTPClientError) as error:
                if not is_retriable(error):
                    raise
            if pending:
                deadline.pause(attempt)
                attempt += 1


def _chunks(parts: Sequence[Part]) -> list[Sequence[Part]]:
    return [parts[i : i + WRITE_BATCH] for i in range(0, len(parts), WRITE_BATCH)]


def _batches(writes: Sequence[Write]) -> list[Sequence[Write]]:
    """The writes, as many at once as one call carries. JSON within JSON doubles quotes and backslashes; only what is
    long enough to matter is measured."""
    batches: list[Sequence[Write]] = []
    for chunk in _chunks(writes):
        is_light = sum(map(_characters, chunk)) * _WIDEST <= WRITE_BYTES
        batches += [chunk] if is_light else _cut(chunk)
    return batches


def _characters(write: Write) -> int:
    return 0 if isinstance(write, str) else len(write[0].text)


def _cut(writes: Sequence[Write]) -> list[Sequence[Write]]:
    parts: list[list[Write]] = [[]]
    size = 0
    for write in writes:
        size += (own := len(orjson.dumps(_request("", write))))
        if parts[-1] and size > WRITE_BYTES:
            parts.append([])
            size = own
        parts[-1].append(write)
    return [*parts]


def _request(partition: str, write: Write) -> Item:
    """A request of BatchWriteItem: to put a record, or to delete the one with an id."""
    if isinstance(write, str):
        return {"DeleteRequest": {"Key": {"pk": {"S": shard_key(partition, write)}, "sk": {"S": write}}}}
    put, origin = write
    item: Item = {
        "pk": {"S": shard_key(partition, put.id)},
        "sk": {"S": put.id},
        "d": {"S": put.text},
        "h": {"S": put.hash},
        "t": {"N": str(origin.accepted_at)},
        "r": {"S": origin.resource_uid},
    }
    if put.files:
        item["f"] = {"M": {name: {"S": key} for name, key in put.files.items()}}
    return {"PutRequest": {"Item": item}}
