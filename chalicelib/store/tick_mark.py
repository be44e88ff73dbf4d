"""When the tick ran last, and the day whose report it has sent. One item: pk = `tick`, sk = `last`."""

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.store.dynamodb import Deadline, Item, is_failed_condition, with_retries

_KEY: Item = {"pk": {"S": "tick"}, "sk": {"S": "last"}}


class TickMark:
    """The mark that each tick leaves."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def note(self, now: datetime, deadline: Deadline) -> date | None:
        """Leave the mark; the day that was reported last."""
        update = {
            "TableName": self._table,
            "Key": _KEY,
            "UpdateExpression": "SET ran_at = :now",
            "ExpressionAttributeValues": {":now": {"N": str(int(now.timestamp() * 1000))}},
            "ReturnValues": "ALL_NEW",
        }
        item = with_retries(partial(self._client.update_item, **update), deadline)["Attributes"]
        return date.fromisoformat(item["reported"]["S"]) if "reported" in item else None

    def last(self, deadline: Deadline) -> datetime | None:
        """When a tick last began."""
        get = partial(self._client.get_item, TableName=self._table, Key=_KEY)
        item = with_retries(get, deadline).get("Item", {})
        return datetime.fromtimestamp(int(item["ran_at"]["N"]) / 1000, UTC) if "ran_at" in item else None

    def note_report(self, day: date, deadline: Deadline) -> None:
        """Keep that the report of a day is in the outbox; days only go forward."""
        update = {
            "TableName": self._table,
            "Key": _KEY,
            "UpdateExpression": "SET reported = :day",
            "ConditionExpression": "attribute_not_exists(reported) OR reported < :day",
            "ExpressionAttributeValues": {":day": {"S": day.isoformat()}},
        }
        try:
            with_retries(partial(self._client.update_item, **update), deadline)
        except ClientError as error:
            if not is_failed_condition(error):
                raise
