"""The backup log of a dataset: its counter in the catalog table, its entries in the bucket `backups`.

| what               | where                                                                                  |
|--------------------|----------------------------------------------------------------------------------------|
| counter            | catalog: pk `backup#{dataset_uid}`, sk `log`; not beside the live item, which pushes read |
| entries            | `{dataset_uid}/{resource_uid}/{inverted first}.{inverted last}.{count}.{first_at}.{last_at}.gz` |
| pushed large files | `uploads/{dataset_uid}/{resource_uid}/{number}.{accepted_at}`                          |
| configurations     | `configurations/{dataset_uid}/{kept_as}.json`: each that an entry was prepared with     |

The name of an object tells which entries it holds, and when the first and the last of them were accepted (epoch
milliseconds), which is not the order of their numbers: a slow push has an early time and a late number. It begins with
the first number taken from the greatest there can be: S3 lists the newest first, which is the order that recovery
reads in, and an object that was merged of others comes after all of those. So whoever is reading while they are merged
meets an entry twice, and misses none, as long as the older ones are removed first. Of two objects with the same first
entry the longer one comes first.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.backup import Entry, line_of, packed
from chalicelib.domain.live import Configuration
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline, Item, is_failed_condition, with_retries
from chalicelib.store.objects import ObjectStore

GREATEST = 10**12 - 1
SCRATCH_LASTS = 90  # seconds at the most, by whatever clock: a request is stopped after 28
SWEEP = "backup"  # the kind under which the index `due` has the counters of logs that are to be swept


@dataclass(frozen=True, kw_only=True)
class BackupObject:
    """An object of the log: the numbers of its first and last entry, how many it holds, when the earliest and the
    latest of them were accepted (epoch milliseconds), and its size in bytes."""

    key: str
    first: int
    last: int
    count: int
    first_at: int
    last_at: int
    size: int = 0


def backup_pk(dataset_uid: str) -> str:
    """The pk of the counter of a dataset's log."""
    return f"backup#{dataset_uid}"


class Numbered(Protocol):
    """What the name of an object tells of an entry."""

    @property
    def number(self) -> int:
        """Its place in the order."""

    @property
    def accepted_at(self) -> int:
        """When it was accepted, in epoch milliseconds."""


def entries_key(dataset_uid: str, resource_uid: str, entries: Sequence[Numbered]) -> str:
    """The key of the object that holds these entries, which are in the order of their numbers."""
    numbers = f"{GREATEST - entries[0].number:012d}.{GREATEST - entries[-1].number:012d}"
    times = [entry.accepted_at for entry in entries]
    return f"{dataset_uid}/{resource_uid}/{numbers}.{len(entries)}.{min(times)}.{max(times)}.gz"


class BackupStore:
    """Numbers, keeps, lists and removes the entries of logs."""

    def __init__(self, client: Any, table: str, bucket: ObjectStore) -> None:
        self._client, self._table = client, table
        self.bucket = bucket
        self._kept: set[str] = set()

    def next_number(self, dataset_uid: str, sweep_at: int, deadline: Deadline) -> int:
        """The next number of the log. The first one has the log swept at `sweep_at` (epoch seconds)."""
        request = {
            "TableName": self._table,
            "Key": _counter_key(dataset_uid),
            "UpdateExpression": "SET due = if_not_exists(due, :due), due_at = if_not_exists(due_at, :at) "
            "ADD entries :one",
            "ExpressionAttributeValues": {
                ":due": {"S": due_shard(SWEEP, dataset_uid)},
                ":at": {"N": str(sweep_at)},
                ":one": {"N": "1"},
            },
            "ReturnValues": "UPDATED_NEW",
        }
        # Sent again after a fault it may count twice: a gap in the numbers is fine.
        answer = with_retries(lambda: self._client.update_item(**request), deadline)
        return int(answer["Attributes"]["entries"]["N"])

    def last_number(self, dataset_uid: str, deadline: Deadline) -> int:
        """The number that was given last, 0 when there is no log."""
        item = self._counter(dataset_uid, deadline)
        return int(item["entries"]["N"]) if "entries" in item else 0

    def _counter(self, dataset_uid: str, deadline: Deadline) -> Item:
        get = {"TableName": self._table, "Key": _counter_key(dataset_uid), "ConsistentRead": True}
        item: Item = with_retries(lambda: self._client.get_item(**get), deadline).get("Item", {})
        return item

    def keep(self, dataset_uid: str, entry: Entry, deadline: Deadline) -> str:
        """Keep an entry, which has its number; the key of its object."""
        key = entries_key(dataset_uid, entry.resource_uid, [entry])
        content = packed([line_of(entry)])
        with_retries(lambda: self.bucket.put(key, content, "application/gzip"), deadline)
        return key

    def keep_configuration(self, dataset_uid: str, configuration: Configuration, deadline: Deadline) -> None:
        """Keep a configuration that entries are about to name; once in the life of a container."""
        key = f"{configurations_prefix(dataset_uid)}{configuration.kept_as}.json"
        if key not in self._kept:
            content = orjson.dumps(configuration.as_json())
            with_retries(lambda: self.bucket.put(key, content, "application/json"), deadline)
            self._kept.add(key)

    def configuration(self, dataset_uid: str, kept_as: str) -> Configuration | None:
        """The configuration that an entry names, or None when there is none of that name."""
        content = self.bucket.get(f"{configurations_prefix(dataset_uid)}{kept_as}.json")
        return None if content is None else Configuration.from_json(orjson.loads(content))

    def withdraw(self, keys: Sequence[str]) -> None:
        """Take back what was kept for an operation that was then not accepted. What cannot be removed counts as an
        operation that nobody was told of: it may stand."""
        with suppress(ClientError, BotoCoreError):
            self.bucket.delete(keys)

    def objects(
        self, dataset_uid: str, resource_uid: str, *, below: int = GREATEST, at_once: int = 1000
    ) -> Iterator[BackupObject]:
        """The objects of a resource that hold entries of numbers under `below`, newest first; of two that hold the
        same entry, the merged one is later."""
        prefix = f"{dataset_uid}/{resource_uid}/"
        # A key goes on with a dot: the tilde, which is greater, leaves out the objects that begin with `below`.
        after = f"{prefix}{GREATEST - below:012d}~"
        for key, size in self.bucket.listed(prefix, after=after, at_once=at_once):
            inverted, *numbers = key.removeprefix(prefix).removesuffix(".gz").split(".")
            inverted_last, count, first_at, last_at = map(int, numbers)
            yield BackupObject(
                key=key,
                first=GREATEST - int(inverted),
                last=GREATEST - inverted_last,
                count=count,
                first_at=first_at,
                last_at=last_at,
                size=size,
            )

    def oldest(self, dataset_uid: str, resource_uid: str) -> BackupObject | None:
        """The object of a resource that has the first entry, or None. S3 lists it last: it is looked for by halves."""
        found, nothing_below = self._first_below(dataset_uid, resource_uid, GREATEST), 0
        while found is not None and nothing_below < found.first:
            middle = (nothing_below + found.first + 1) // 2
            if (older := self._first_below(dataset_uid, resource_uid, middle)) is None:
                nothing_below = middle
            else:
                found = older
        return found

    def _first_below(self, dataset_uid: str, resource_uid: str, below: int) -> BackupObject | None:
        return next(self.objects(dataset_uid, resource_uid, below=below, at_once=1), None)

    def resources(self, dataset_uid: str) -> list[str]:
        """The uids of the resources that have entries, those of deleted resources too."""
        return self.bucket.folders(f"{dataset_uid}/")

    def put_off(self, dataset_uid: str, sweep_at: int, deadline: Deadline, *, swept_until: int = 0) -> None:
        """Have the log swept at another time (epoch seconds). `swept_until` is when the worker that begins to sweep it
        now is dead at the latest, and 0 once a sweep has ended."""
        update = {
            "TableName": self._table,
            "Key": _counter_key(dataset_uid),
            "UpdateExpression": "SET due_at = :at, swept_until = :until",
            "ExpressionAttributeValues": {":at": {"N": str(sweep_at)}, ":until": {"N": str(swept_until)}},
        }
        with_retries(lambda: self._client.update_item(**update), deadline)

    def is_being_swept(self, dataset_uid: str, deadline: Deadline) -> bool:
        """Whether a sweep is at the log, or died and none has ended since: what it has left may hide entries."""
        item = self._counter(dataset_uid, deadline)
        return "swept_until" in item and int(item["swept_until"]["N"]) > 0

    def begin_scratch(self, dataset_uid: str, now: datetime, deadline: Deadline) -> bool:
        """Note that a request is about to delete entries, so that no sweep begins; False when one may be at the log."""
        moment = int(now.timestamp())
        update = {
            "TableName": self._table,
            "Key": _counter_key(dataset_uid),
            "UpdateExpression": "SET scratched_until = :until",
            "ConditionExpression": "attribute_exists(pk) AND "
            "(attribute_not_exists(swept_until) OR swept_until <= :now)",
            "ExpressionAttributeValues": {
                ":until": {"N": str(moment + SCRATCH_LASTS)},
                ":now": {"N": str(moment)},
            },
        }
        try:
            with_retries(lambda: self._client.update_item(**update), deadline)
        except ClientError as error:
            if not is_failed_condition(error):
                raise
            return not self._counter(dataset_uid, deadline)  # where nothing was ever numbered, nothing is swept
        return True

    def is_being_scratched(self, dataset_uid: str, now: datetime, deadline: Deadline) -> bool:
        """Whether a request may be deleting entries."""
        item = self._counter(dataset_uid, deadline)
        return "scratched_until" in item and int(item["scratched_until"]["N"]) > now.timestamp()

    def forget(self, dataset_uid: str, deadline: Deadline) -> None:
        """Remove the counter of a dataset that is gone."""
        delete = {"TableName": self._table, "Key": _counter_key(dataset_uid)}
        with_retries(lambda: self._client.delete_item(**delete), deadline)


def configurations_prefix(dataset_uid: str) -> str:
    """What the keys of the configurations of a dataset begin with."""
    return f"configurations/{dataset_uid}/"


def upload_copies(dataset_uid: str, resource_uid: str) -> str:
    """What the keys of the large files that a resource was pushed begin with."""
    return f"uploads/{dataset_uid}/{resource_uid}/"


def upload_copy_key(dataset_uid: str, entry: Entry) -> str:
    """The key of the copy of a large file."""
    return f"{upload_copies(dataset_uid, entry.resource_uid)}{entry.number:012d}.{entry.accepted_at}"


def _counter_key(dataset_uid: str) -> Item:
    return {"pk": {"S": backup_pk(dataset_uid)}, "sk": {"S": "log"}}
