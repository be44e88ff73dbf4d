"""Runs that wait or are under way, and the one lease of a dataset under which they refresh it.

Key: pk = `dataset#{dataset_uid}`; sk = `run#{run_id}`, and `refreshing`: the lease (`run_id`, `until`) with what is
known of the runs so far (`failures` in a row, `warned`, `held_back`, `paused_because`, `left_alone_until`). A run lies
in the index `due` (`run#{shard}`) until it is over. Then one transaction moves it to the activity table, so that it is
always in exactly one of the two: whoever delivers it again finds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
from botocore.exceptions import ClientError

from chalicelib.domain.run_state import RUNNING, Run
from chalicelib.store.activity import ActivityLog
from chalicelib.store.catalog.keys import REFRESHING, RUN, dataset_pk
from chalicelib.store.due import due_attributes
from chalicelib.store.dynamodb import Deadline, Item, with_retries
from chalicelib.store.records import TableWrite

KIND = "run"  # in the index of what is due
CALLED_AGAIN_AFTER = 60  # seconds
WORKER_DEAD_AFTER = 330  # seconds after it began; its function is stopped after 300
STARTED, TAKEN, BUSY = "started", "taken", "busy"
RESET = "SET failures = :zero REMOVE warned, held_back, paused_because, left_alone_until"
END_ROW = "SET failures = :zero REMOVE warned"
ADD = "ADD failures :one"


@dataclass(frozen=True, kw_only=True)
class Refreshing:
    """How the refreshing of a dataset goes: the run that holds it until a moment (epoch seconds), failed runs in a
    row, why its schedules are paused, and until when (epoch seconds) a server has asked to be left alone."""

    run_id: str | None = None
    until: int = 0
    failures: int = 0
    warned: bool = False
    paused_because: str | None = None
    left_alone_until: int = 0

    def holder(self, now: datetime) -> str | None:
        """The run under way."""
        return self.run_id if self.until >= now.timestamp() else None


class RunStore:
    """Keeps runs until they are over."""

    def __init__(self, client: Any, table: str, activity: ActivityLog) -> None:
        self._client, self._table, self._activity = client, table, activity

    def register(self, run: Run, now: datetime, deadline: Deadline) -> bool:
        """Keep a run that is to be made; False when it is known already, be it over or not."""
        item = {**self._key(run), **self._waiting(run, now)}
        table, key = self._activity.run_key(run.dataset_uid, run.run_id)
        absent = "attribute_not_exists(pk)"
        return not self._refused(
            [
                {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": absent}},
                {"ConditionCheck": {"TableName": table, "Key": key, "ConditionExpression": absent}},
            ],
            deadline,
        )

    def find(self, dataset_uid: str, run_id: str, deadline: Deadline) -> Run | None:
        """The run that waits or is under way under this id."""
        key = {"pk": {"S": dataset_pk(dataset_uid)}, "sk": {"S": RUN + run_id}}
        item = self._get(key, deadline)
        return _run_of(item) if item else None

    def unfinished(self, dataset_uid: str, deadline: Deadline) -> list[Run]:
        """The runs that wait or are under way, newest first."""
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :run)",
            "ExpressionAttributeValues": {":pk": {"S": dataset_pk(dataset_uid)}, ":run": {"S": RUN}},
            "ConsistentRead": True,
            "ScanIndexForward": False,
        }
        return [_run_of(item) for item in with_retries(lambda: self._client.query(**request), deadline)["Items"]]

    def refreshing(self, dataset_uid: str, deadline: Deadline) -> Refreshing:
        """How the refreshing of the dataset goes."""
        item = self._get(self._lease_key(dataset_uid), deadline)
        if item is None:
            return Refreshing()
        return Refreshing(
            run_id=item["run_id"]["S"] if "run_id" in item else None,
            until=int(item["until"]["N"]) if "until" in item else 0,
            failures=int(item["failures"]["N"]) if "failures" in item else 0,
            warned="warned" in item,
            paused_because=item["paused_because"]["S"] if "paused_because" in item else None,
            left_alone_until=int(item["left_alone_until"]["N"]) if "left_alone_until" in item else 0,
        )

    def begin(self, run: Run, now: datetime, deadline: Deadline) -> tuple[str, Run]:
        """Begin an attempt and take the dataset's lease, both or none. STARTED, with the run as it is now; TAKEN when
        somebody else has begun it since it was read; BUSY when another run holds the dataset."""
        until = int(now.timestamp()) + WORKER_DEAD_AFTER
        begun = replace(run, state=RUNNING, attempts=run.attempts + 1, started_at=now, until=until)
        lease = self._update(
            self._lease_key(run.dataset_uid),
            "SET run_id = :run, #until = :until",
            "attribute_not_exists(run_id) OR run_id = :run OR #until < :now",
            {":run": {"S": run.run_id}, ":until": _number(until), ":now": _number(int(now.timestamp()))},
            names={"#until": "until"},
        )
        refused = self._refused([self._change(run, begun, due_at=until), lease], deadline)
        return (TAKEN if 0 in refused else BUSY if refused else STARTED), begun

    def put_back(self, run: Run, begun: Run, due_at: int, deadline: Deadline) -> bool:
        """Let an attempt that has begun be followed by another; False when it is no longer the present one, or is to
        be aborted."""
        change = self._change(begun, run, due_at=due_at)
        change["Put"]["ConditionExpression"] += " AND is_aborting = :aborting"
        change["Put"]["ExpressionAttributeValues"][":aborting"] = {"BOOL": False}
        return not self._refused([change, self._release(begun, "")], deadline)

    def close(
        self, run: Run, before: Run, now: datetime, deadline: Deadline, *, effect: str = "", holds: bool = True
    ) -> bool:
        """Move a run that is over, and was `before`, to the activity table; False when it has changed since. `effect`
        (RESET, END_ROW, ADD) is on the failures in a row, `holds` tells whether it holds the dataset. One that has lost
        the dataset meanwhile has no effect on it."""
        write = self._activity.run_write(run.dataset_uid, run.run_id, run.as_json(), now)
        delete = {"TableName": self._table, "Key": self._key(run), **self._unchanged(before)}
        calls: list[dict[str, Any]] = [{"Delete": delete}, {"Put": {"TableName": write.table, "Item": write.item}}]
        if holds:
            calls.append(self._release(before, effect))
        elif effect:
            calls.append(self._update(self._lease_key(run.dataset_uid), effect, None, _values(effect)))
        refused = self._refused(calls, deadline)
        if holds and refused == {len(calls) - 1}:
            return self.close(run, before, now, deadline, holds=False)
        return not refused

    def note(self, dataset_uid: str, name: str, value: str, told: Sequence[TableWrite], deadline: Deadline) -> bool:
        """Set an attribute (`warned`, `held_back`, `paused_because`) that is not set, and put what tells of it: once
        for all who try."""
        update = self._update(
            self._lease_key(dataset_uid),
            "SET #name = :value",
            "attribute_not_exists(#name)",
            {":value": {"S": value}},
            names={"#name": name},
        )
        puts = [{"Put": {"TableName": write.table, "Item": write.item}} for write in told]
        return not self._refused([update, *puts], deadline)

    def leave_alone(self, dataset_uid: str, until: datetime, deadline: Deadline) -> None:
        """Keep until when a server of the dataset has asked to be left alone; the last word of a server counts."""
        values = {":until": _number(int(until.timestamp()))}
        update = self._update(self._lease_key(dataset_uid), "SET left_alone_until = :until", None, values)["Update"]
        with_retries(lambda: self._client.update_item(**update), deadline)

    def forget_failures(self, dataset_uid: str, deadline: Deadline) -> None:
        """Let the schedules of a dataset go on as if nothing had failed."""
        update = self._update(self._lease_key(dataset_uid), RESET, None, _values(RESET))["Update"]
        with_retries(lambda: self._client.update_item(**update), deadline)

    def forget_dataset(self, dataset_uid: str, deadline: Deadline) -> None:
        """Drop what is known of the runs of a dataset that is gone."""
        delete = {"TableName": self._table, "Key": self._lease_key(dataset_uid)}
        with_retries(lambda: self._client.delete_item(**delete), deadline)

    def ask_to_abort(self, run: Run, deadline: Deadline) -> bool:
        """Ask the worker of a run to stop; False when it has moved on since it was read."""
        aborting = replace(run, is_aborting=True)
        return not self._refused([self._change(run, aborting, due_at=run.until or 0)], deadline)

    def _change(self, before: Run, after: Run, due_at: int) -> dict[str, Any]:
        item = {**self._key(after), **self._due(after, due_at), **_contents(after)}
        return {"Put": {"TableName": self._table, "Item": item, **self._unchanged(before)}}

    def _waiting(self, run: Run, now: datetime) -> Item:
        return {**self._due(run, int(now.timestamp()) + CALLED_AGAIN_AFTER), **_contents(run)}

    def _due(self, run: Run, due_at: int) -> Item:
        return due_attributes(KIND, run.dataset_uid, due_at)

    def _unchanged(self, run: Run) -> dict[str, Any]:
        """The condition that nobody has begun, ended or put back the run since: each of that changes one of the two."""
        return {
            "ConditionExpression": "#state = :state AND attempts = :attempts",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": {"S": run.state}, ":attempts": _number(run.attempts)},
        }

    def _release(self, run: Run, effect: str) -> dict[str, Any]:
        """Let go of the dataset, with an effect on the failures in a row."""
        sets, _, removes = effect.partition(" REMOVE ")
        removed = ", ".join(filter(None, ("run_id", "#until", removes)))
        values = {":run": {"S": run.run_id}, **_values(effect)}
        expression = f"{sets} REMOVE {removed}".strip()
        key, names = self._lease_key(run.dataset_uid), {"#until": "until"}
        return self._update(key, expression, "run_id = :run", values, names=names)

    def _update(
        self, key: Item, expression: str, condition: str | None, values: Item, *, names: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }
        if condition:
            update["ConditionExpression"] = condition
        if names:
            update["ExpressionAttributeNames"] = dict(names)
        return {"Update": update}

    def _refused(self, calls: Sequence[Mapping[str, Any]], deadline: Deadline) -> set[int]:
        """Do all of it, or nothing and answer whose conditions failed. Repeated after a time-out it is done once."""
        call = partial(self._client.transact_write_items, TransactItems=list(calls), ClientRequestToken=uuid4().hex)
        try:
            with_retries(call, deadline)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons") or []
            failed = {place for place, reason in enumerate(reasons) if reason["Code"] == "ConditionalCheckFailed"}
            if not failed:
                raise
            return failed
        return set()

    def _get(self, key: Item, deadline: Deadline) -> Item | None:
        get = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        item: Item | None = with_retries(lambda: self._client.get_item(**get), deadline).get("Item")
        return item

    def _key(self, run: Run) -> Item:
        return {"pk": {"S": dataset_pk(run.dataset_uid)}, "sk": {"S": RUN + run.run_id}}

    def _lease_key(self, dataset_uid: str) -> Item:
        return {"pk": {"S": dataset_pk(dataset_uid)}, "sk": {"S": REFRESHING}}


def _contents(run: Run) -> Item:
    return {
        "state": {"S": run.state},
        "attempts": _number(run.attempts),
        "is_aborting": {"BOOL": run.is_aborting},
        "entry": {"S": orjson.dumps(run.as_json()).decode()},
    }


def _run_of(item: Item) -> Run:
    return Run.from_json(orjson.loads(item["entry"]["S"]))


def _values(effect: str) -> Item:
    return {name: _number(number) for name, number in ((":zero", 0), (":one", 1)) if name in effect}


def _number(value: int) -> Item:
    return {"N": str(value)}
