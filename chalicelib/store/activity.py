"""The activity table: what happened to a dataset. Batches (receipts), refusals, runs and notices expire by TTL.

Key: pk = dataset uid; sk = `batch#{batch_id}`, `refusal#{batch_id}`, `run#{run_id}`, `notice#{notice_id}`,
`alert#{milliseconds}#{resource_uid}` (what recipients were told, and whom mails no longer reach), or `modified` (the
last real change of data). All ids sort by time.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from chalicelib.domain.details import kept
from chalicelib.domain.identifiers import batch_moment, new_batch_id
from chalicelib.store.dynamodb import Deadline, Item, with_retries
from chalicelib.store.records import TableWrite

RETENTION_DAYS = 30
_DAY = 86_400
_SENT_BY_DEVICES = ("push", "delete")


class ActivityLog:
    """Receipts, refusals and the time of the last change."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def batch_write(self, dataset_uid: str, batch_id: str, receipt: Mapping[str, Any], now: datetime) -> TableWrite:
        """The receipt of a batch, to ride with the last records of its write."""
        return TableWrite(self._table, self._entry(dataset_uid, f"batch#{batch_id}", receipt, now))

    def put_receipt(
        self, dataset_uid: str, batch_id: str, receipt: Mapping[str, Any], now: datetime, deadline: Deadline
    ) -> None:
        """Store the receipt of a batch by itself."""
        item = self.batch_write(dataset_uid, batch_id, receipt, now).item
        with_retries(lambda: self._client.put_item(TableName=self._table, Item=item), deadline)

    def forget_receipt(self, dataset_uid: str, batch_id: str, deadline: Deadline) -> None:
        """Take a receipt back that went out with records which did not all come through."""
        key = {"pk": {"S": dataset_uid}, "sk": {"S": f"batch#{batch_id}"}}
        with_retries(lambda: self._client.delete_item(TableName=self._table, Key=key), deadline)

    def modified_write(self, dataset_uid: str, now: datetime) -> TableWrite:
        """The mark that data really changed, to ride in the same batch. It never expires."""
        item = {"pk": {"S": dataset_uid}, "sk": {"S": "modified"}, "at": {"S": now.isoformat(timespec="milliseconds")}}
        return TableWrite(self._table, item)

    def note_refusal(
        self, dataset_uid: str, batch_id: str, refusal: Mapping[str, Any], now: datetime, deadline: Deadline
    ) -> None:
        """Record that a request with a valid key was refused, and why."""
        item = self._entry(dataset_uid, f"refusal#{batch_id}", refusal, now)
        with_retries(lambda: self._client.put_item(TableName=self._table, Item=item), deadline)

    def batch(self, dataset_uid: str, batch_id: str, deadline: Deadline) -> dict[str, Any] | None:
        """The receipt, or the refusal, under this batch id."""
        keys = [{"pk": {"S": dataset_uid}, "sk": {"S": f"{kind}#{batch_id}"}} for kind in ("batch", "refusal")]
        for key in keys:
            call = partial(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
            answer = with_retries(call, deadline)
            if "Item" in answer:
                entry: dict[str, Any] = orjson.loads(answer["Item"]["entry"]["S"])
                return entry
        return None

    def run_write(self, dataset_uid: str, run_id: str, entry: Mapping[str, Any], now: datetime) -> TableWrite:
        """What is kept of a run that is over."""
        return TableWrite(self._table, self._entry(dataset_uid, f"run#{run_id}", entry, now))

    def notice_write(self, dataset_uid: str, notice: Mapping[str, Any], now: datetime) -> TableWrite:
        """Something that the people who manage the dataset should know."""
        return TableWrite(self._table, self._entry(dataset_uid, f"notice#{new_batch_id(now)}", notice, now))

    def run_key(self, dataset_uid: str, run_id: str) -> tuple[str, Item]:
        """The table and the key under which a run is kept once it is over."""
        return self._table, {"pk": {"S": dataset_uid}, "sk": {"S": f"run#{run_id}"}}

    def run(self, dataset_uid: str, run_id: str, deadline: Deadline) -> dict[str, Any] | None:
        """What is kept of a run that is over."""
        table, key = self.run_key(dataset_uid, run_id)
        call = partial(self._client.get_item, TableName=table, Key=key, ConsistentRead=True)
        answer = with_retries(call, deadline)
        return orjson.loads(answer["Item"]["entry"]["S"]) if "Item" in answer else None

    def newest(self, dataset_uid: str, kind: str, most: int, deadline: Deadline) -> list[dict[str, Any]]:
        """The newest entries of a kind (`run`, `notice`), newest first."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :kind)",
            "ExpressionAttributeValues": {":pk": {"S": dataset_uid}, ":kind": {"S": f"{kind}#"}},
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": most,
        }
        found: list[dict[str, Any]] = []
        while True:
            page = with_retries(partial(self._client.query, **request), deadline)
            found += [orjson.loads(item["entry"]["S"]) for item in page["Items"]]
            if len(found) >= most or "LastEvaluatedKey" not in page:
                return found[:most]
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def batches_of(
        self, dataset_uid: str, resource_uid: str, after: int, deadline: Deadline
    ) -> Iterator[tuple[list[int], int | None]]:
        """Page by page, when what a resource pushed since `after` (epoch milliseconds, not included) came in, oldest
        first, and up to when the page tells; None with the last one. Read strongly."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :after AND :end",
            # A page holds 1 MB of receipts of the whole dataset. Keys of the entry cannot come from a client: in what
            # does, quotes are escaped.
            "FilterExpression": "contains(entry, :resource)",
            "ExpressionAttributeValues": {
                ":pk": {"S": dataset_uid},
                ":after": {"S": f"batch#{after + 1:012x}"},
                ":end": {"S": "batch#g"},
                ":resource": {"S": f'"resource_uid":"{resource_uid}"'},
            },
            "ConsistentRead": True,
        }
        while True:
            page = with_retries(partial(self._client.query, **request), deadline)
            moments = [_moment_of(item) for item in page["Items"] if _is_pushed(item)]
            end = page.get("LastEvaluatedKey")
            yield moments, None if end is None else _moment_of(end)
            if end is None:
                return
            request["ExclusiveStartKey"] = end

    def note(self, dataset_uid: str, sort_key: str, entry: Mapping[str, Any], now: datetime) -> TableWrite:
        """An entry of another kind, to ride in a transaction or to be put."""
        return TableWrite(self._table, self._entry(dataset_uid, sort_key, entry, now))

    def put(self, write: TableWrite, deadline: Deadline) -> None:
        """Put such an entry."""
        with_retries(partial(self._client.put_item, TableName=write.table, Item=write.item), deadline)

    def entries(self, pk: str, begin: str, end: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """The entries under a pk from one sort key to another (the latter not included), in their order."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :begin AND :end",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":begin": {"S": begin}, ":end": {"S": end}},
        }
        while True:
            page = with_retries(partial(self._client.query, **request), deadline)
            yield from (orjson.loads(item["entry"]["S"]) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _entry(self, dataset_uid: str, sort_key: str, entry: Mapping[str, Any], now: datetime) -> Item:
        # Whatever its kind, and whoever made it: why records were refused must not outgrow the item.
        stored = {**entry, "details": kept(entry["details"])} if entry.get("details") else entry
        return {
            "pk": {"S": dataset_uid},
            "sk": {"S": sort_key},
            "entry": {"S": orjson.dumps(stored).decode()},
            "expires_at": {"N": str(int(now.timestamp()) + RETENTION_DAYS * _DAY)},
        }


def _moment_of(item: Item) -> int:
    """When a batch came in: its id begins with that."""
    return batch_moment(item["sk"]["S"].removeprefix("batch#"))


def _is_pushed(item: Item) -> bool:
    """Whether a device sent it: what is recovered, or fetched, is no sign of life."""
    return orjson.loads(item["entry"]["S"])["operation"] in _SENT_BY_DEVICES
