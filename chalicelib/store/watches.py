"""Watches, as pushes and the tick write them: by conditional writes on what was read.

A sign of life only ever moves forward and leaves `revision` alone; whoever gives a notice writes on condition that
neither has changed, so that of a push and a check at the same moment one wins, and so of two checks.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from botocore.exceptions import ClientError

from chalicelib.domain.inactivity import SILENT, WATCHING, Watch, due_at, heard, life_noted_every
from chalicelib.store.catalog.keys import WATCH, dataset_pk
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline, Item, is_failed_condition, with_retries
from chalicelib.store.records import TableWrite

DUE_ALERT, DUE_SILENT = "alert", "silent"  # kinds in the index `due`: the daily report reads the second one alone
_READ_AT_ONCE = 100  # what BatchGetItem takes
_REMEMBERED = 10_000  # resources whose last sign of life a container knows
_TRIES = 3
_MOMENTS = (
    "received",
    "outage_since",
    "silent_at",
    "looked_at",
    "heard_at",
    "reminded_at",
    "snoozed_until",
    "searched_to",
)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A watch with what its mails are to say. `owner` needs no confirmation."""

    dataset_uid: str
    dataset_id: str
    resource_uid: str
    title: str
    owner: str | None
    recipients: tuple[str, ...]
    base_url: str
    watch: Watch


class WatchStore:
    """Reads watches and writes what happens to them. Remembers, for the life of the container, when it noted a sign of
    life."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table
        self._noted: OrderedDict[str, int] = OrderedDict()

    def note_life(self, dataset_uid: str, resource_uid: str, threshold: int, now: int, deadline: Deadline) -> None:
        """Note that something was received, unless this container did so a moment ago. Moments in milliseconds."""
        last = self._noted.get(resource_uid)
        if last is not None and now - last < life_noted_every(threshold):
            return
        key = {"pk": {"S": dataset_pk(dataset_uid)}, "sk": {"S": WATCH + resource_uid}}
        if not self._move_forward(key, threshold, now, deadline):
            self._catch_up(key, now, deadline)
        self._noted[resource_uid] = max(now, last or 0)
        self._noted.move_to_end(resource_uid)
        if len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)

    def items(self, keys: Sequence[tuple[str, str]], deadline: Deadline) -> Iterator[Item]:
        """The items of the watches under these keys (pk, sk), read strongly; those that are gone are left out."""
        for start in range(0, len(keys), _READ_AT_ONCE):
            wanted: list[Item] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys[start : start + _READ_AT_ONCE]]
            attempt = 0
            while wanted:
                asked = {self._table: {"Keys": wanted, "ConsistentRead": True}}
                answer = with_retries(partial(self._client.batch_get_item, RequestItems=asked), deadline)
                yield from answer["Responses"].get(self._table, ())
                wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if wanted:
                    deadline.pause(attempt)
                    attempt += 1

    def find(self, dataset_uid: str, resource_uid: str, deadline: Deadline) -> Watched | None:
        """One watch, read strongly."""
        found = self.items([(dataset_pk(dataset_uid), WATCH + resource_uid)], deadline)
        return next((watched_of(item) for item in found), None)

    def put_off(self, item: Item, until: int, deadline: Deadline) -> None:
        """Look at what lies in an item not before that moment (epoch seconds): looking at it has failed."""
        self._succeeds(
            deadline,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET due_at = :until",
            ConditionExpression="due_at = :known",
            ExpressionAttributeValues={":until": _number(until), ":known": item["due_at"]},
        )

    def write(self, watched: Watched, after: Watch, riders: Sequence[TableWrite], deadline: Deadline) -> bool:
        """Bring the watch to `after`, on condition that it is as it was read; with `riders`, all in one transaction and
        as a new revision. False when somebody else was there first."""
        before = watched.watch
        if riders:
            after = replace(after, revision=before.revision + 1)
        update = self._update(watched, before, after)
        puts: list[Any] = [
            {"Put": {"TableName": p.table, "Item": p.item, "ConditionExpression": "attribute_not_exists(pk)"}}
            for p in riders
        ]
        try:
            if riders:
                items = [{"Update": update}, *puts]
                with_retries(partial(self._client.transact_write_items, TransactItems=items), deadline)
            else:
                with_retries(partial(self._client.update_item, **update), deadline)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True

    def _move_forward(self, key: Item, threshold: int, now: int, deadline: Deadline) -> bool:
        """The usual sign of life, in one write: of a resource that is not silent, whose threshold is the one that the
        push knows."""
        due = due_at(Watch(threshold=threshold, since=now, received=now))
        return self._succeeds(
            deadline,
            Key=key,
            UpdateExpression="SET received = :now, due_at = :due",
            ConditionExpression="#state = :watching AND is_paused = :no AND threshold = :threshold "
            "AND (attribute_not_exists(received) OR received < :now)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":now": _number(now),
                ":due": _number(due),
                ":threshold": _number(threshold),
                ":watching": {"S": WATCHING},
                ":no": {"BOOL": False},
            },
        )

    def _catch_up(self, key: Item, now: int, deadline: Deadline) -> None:
        """A sign of life of a resource that is silent (it is due at once then) or was edited since."""
        for _ in range(_TRIES):
            get = partial(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
            item = with_retries(get, deadline).get("Item")
            if item is None:
                return
            watched = watched_of(item)
            after = heard(watched.watch, now)
            if watched.watch.is_paused or after == watched.watch or self.write(watched, after, [], deadline):
                return

    def _update(self, watched: Watched, before: Watch, after: Watch) -> dict[str, Any]:
        values = watch_values(watched.resource_uid, after)
        present = {name: value for name, value in values.items() if value is not None}
        names = {f"#{name}": name for name in (*values, "revision", "received")}
        sets = ", ".join(f"#{name} = :{name}" for name in present)
        removed = ", ".join(f"#{name}" for name in values if name not in present)
        unheard = "attribute_not_exists(#received)" if before.received is None else "#received = :heard"
        known = {} if before.received is None else {":heard": _number(before.received)}
        return {
            "TableName": self._table,
            "Key": {"pk": {"S": dataset_pk(watched.dataset_uid)}, "sk": {"S": WATCH + watched.resource_uid}},
            "UpdateExpression": f"SET {sets}" + (f" REMOVE {removed}" if removed else ""),
            "ConditionExpression": f"#revision = :known AND {unheard}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {
                **{f":{name}": _typed(value) for name, value in present.items()},
                ":known": _number(before.revision),
                **known,
            },
        }

    def _succeeds(self, deadline: Deadline, **update: Any) -> bool:
        try:
            with_retries(partial(self._client.update_item, TableName=self._table, **update), deadline)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def watch_values(resource_uid: str, watch: Watch) -> dict[str, Any]:
    """The attributes of a watch's item that tell what it is and when it is due; None for those that are not there."""
    due = due_at(watch)
    kind = DUE_SILENT if watch.state == SILENT else DUE_ALERT
    return {
        "threshold": watch.threshold,
        "since": watch.since,
        "state": watch.state,
        "reminder": watch.reminder,
        "is_paused": watch.is_paused,
        "revision": watch.revision,
        **{name: getattr(watch, name) for name in _MOMENTS},
        "due": None if due is None else due_shard(kind, resource_uid),
        "due_at": due,
    }


def watched_of(item: Item) -> Watched:
    """The watch that lies in an item."""
    moments = {name: int(item[name]["N"]) for name in _MOMENTS if "N" in item.get(name, {})}
    return Watched(
        dataset_uid=item["dataset_uid"]["S"],
        dataset_id=item["dataset_id"]["S"],
        resource_uid=item["resource_uid"]["S"],
        title=item["title"]["S"],
        owner=item["owner"]["S"] if "owner" in item else None,
        recipients=tuple(orjson.loads(item["recipients"]["S"])),
        base_url=item["base_url"]["S"],
        watch=Watch(
            threshold=int(item["threshold"]["N"]),
            since=int(item["since"]["N"]),
            state=item["state"]["S"],
            reminder=item["reminder"]["S"],
            is_paused=item["is_paused"]["BOOL"],
            revision=int(item["revision"]["N"]),
            **moments,
        ),
    )


def _typed(value: Any) -> Item:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else _number(value)


def _number(value: int | None) -> Item:
    return {"N": str(value)}
