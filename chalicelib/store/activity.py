"""The activity table: what happened to a dataset. Batches (receipts) and refusals expire by TTL.

Key: pk = dataset uid; sk = `batch#{batch_id}`, `refusal#{batch_id}`, or `modified` (the last real change of data).
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from chalicelib.store.dynamodb import Deadline, Item, with_retries
from chalicelib.store.records import TableWrite

RETENTION_DAYS = 30
_DAY = 86_400


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

    def _entry(self, dataset_uid: str, sort_key: str, entry: Mapping[str, Any], now: datetime) -> Item:
        return {
            "pk": {"S": dataset_uid},
            "sk": {"S": sort_key},
            "entry": {"S": orjson.dumps(entry).decode()},
            "expires_at": {"N": str(int(now.timestamp()) + RETENTION_DAYS * _DAY)},
        }
