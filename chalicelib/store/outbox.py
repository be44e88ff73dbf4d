"""The outbox: notices that somebody is to be told of, until everybody has been.

A notice is put in with what it tells of, in one transaction, and claimed before anything is sent: a claim that is
older than any tick lives belongs to a dead one. Of each recipient it is kept that they were told. Afterwards it stays
for some days, so that finding the same out again puts nothing in.
"""

from functools import partial
from typing import Any

import orjson
from botocore.exceptions import ClientError

from chalicelib.domain.notice import Notice
from chalicelib.store.due import due_attributes
from chalicelib.store.dynamodb import Deadline, Item, is_failed_condition, with_retries
from chalicelib.store.records import TableWrite

DUE_OUTBOX = "outbox"  # kind in the index `due`
CLAIM_SECONDS = 120  # twice as long as a tick lives
KEPT_SECONDS = 7 * 86_400


class OutboxStore:
    """Puts notices in, hands them out to one sender at a time, and keeps how far it got."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def write(self, notice: Notice, now: int, *, claimed: bool = False) -> TableWrite:
        """The notice's item, to ride in a transaction at `now` (epoch seconds). `claimed`: whoever writes it sends
        it."""
        claim = {"claimed_until": {"N": str(now + CLAIM_SECONDS)}} if claimed else {}
        item: Item = {
            **_key(notice.id),
            **due_attributes(DUE_OUTBOX, notice.id, now + CLAIM_SECONDS if claimed else now),
            **claim,
            "notice": {"S": orjson.dumps(notice.as_json()).decode()},
        }
        return TableWrite(self._table, item)

    def put(self, notice: Notice, now: int, deadline: Deadline) -> bool:
        """Put a notice in, unless it was put in before; whether it was new."""
        request = {
            "TableName": self._table,
            "Item": self.write(notice, now).item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return self._succeeds(partial(self._client.put_item, **request), deadline)

    def claim(self, pk: str, now: int, deadline: Deadline) -> Notice | None:
        """Claim the notice under this pk for a sender who began at `now`; None when another has it, or all is sent."""
        update = {
            "Key": {"pk": {"S": pk}, "sk": {"S": "notice"}},
            "UpdateExpression": "SET claimed_until = :until, due_at = :until",
            "ConditionExpression": "attribute_exists(due) AND "
            "(attribute_not_exists(claimed_until) OR claimed_until <= :now)",
            "ExpressionAttributeValues": {":until": {"N": str(now + CLAIM_SECONDS)}, ":now": {"N": str(now)}},
            "ReturnValues": "ALL_NEW",
        }
        try:
            item = self._update(update, deadline)["Attributes"]
        except ClientError as error:
            if is_failed_condition(error):
                return None
            raise
        return Notice.from_json(orjson.loads(item["notice"]["S"]), frozenset(item.get("told", {}).get("SS", ())))

    def note_told(self, notice: Notice, address: str, deadline: Deadline) -> None:
        """Keep that one recipient was told; others are still to be."""
        told = {":told": {"SS": [address]}}
        update = {"Key": _key(notice.id), "UpdateExpression": "ADD told :told", "ExpressionAttributeValues": told}
        self._update(update, deadline)

    def finish(self, notice: Notice, now: int, deadline: Deadline) -> None:
        """Nobody is left to tell."""
        update = {
            "Key": _key(notice.id),
            "UpdateExpression": "SET expires_at = :end REMOVE due, due_at, claimed_until",
            "ExpressionAttributeValues": {":end": {"N": str(now + KEPT_SECONDS)}},
        }
        if notice.told:
            update["UpdateExpression"] = f"{update['UpdateExpression']} ADD told :told"
            update["ExpressionAttributeValues"] = {
                ":end": {"N": str(now + KEPT_SECONDS)},
                ":told": {"SS": sorted(notice.told)},
            }
        self._update(update, deadline)

    def put_off(self, notice: Notice, until: int, deadline: Deadline) -> None:
        """Let go of a claim: the rest is sent at that moment or later (epoch seconds)."""
        update = {
            "Key": _key(notice.id),
            "UpdateExpression": "SET due_at = :until REMOVE claimed_until",
            "ExpressionAttributeValues": {":until": {"N": str(until)}},
        }
        self._update(update, deadline)

    def _update(self, update: dict[str, Any], deadline: Deadline) -> Any:
        return with_retries(partial(self._client.update_item, TableName=self._table, **update), deadline)

    def _succeeds(self, call: Any, deadline: Deadline) -> bool:
        try:
            with_retries(call, deadline)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def _key(notice_id: str) -> Item:
    return {"pk": {"S": f"outbox#{notice_id}"}, "sk": {"S": "notice"}}
