"""A dataset, those who push to it, and its worker, any of whom may die between two AWS calls, or be overtaken there.

`World` does to the product what a history says, and keeps beside it what may be true afterwards: for each key the
effects that may stand. Of operations that follow one another the last acknowledged one stands; of two that overlap
either; one that was never acknowledged may stand too, whenever it was sent.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from chalicelib.domain.errors import DatasetNotPublished, EditConflict, InvalidDatasetStatus, TemporarilyUnavailable
from chalicelib.domain.receipt import QUEUED
from chalicelib.services.datasets import stacks
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import Tables, lose_rings, work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device

HEAVY = "x" * 340_000  # four records of this are more than a request writes itself
NOISE = "".join(random.Random(1).choices("0123456789abcdef", k=280_000))  # too much for a job's item, even packed
PADDING = 100  # keys from here on only weigh

# What may have become of a key: the positive number that was pushed, or absence, which has a number of its own for
# each cause (0 in the beginning, negative ones later), so that two of them are told apart.
Effect = int


class World:
    """One dataset with a key and a value, both int, and what may be true of it."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.device = _device(stores)
        self._forget_rings_and_payloads()
        self.possible: dict[int, set[Effect]] = {}
        self.unacknowledged: dict[int, set[Effect]] = {}
        self.queued: list[str] = []
        self.is_published = True
        self.is_deleting = False
        self.somebody_died = False
        self._seconds = 0.0
        self._numbers = count(1)

    def push(self, keys: list[int], large: bool) -> None:
        """Push a new value for each key."""
        value = next(self._numbers)
        records: list[dict[str, Any]] = [{"key": key, "value": value} for key in keys]
        if large:
            records += [{"key": PADDING + n, "value": value, "text": HEAVY} for n in range(3)]
            records += [{"key": PADDING + 3, "value": value, "text": NOISE}]
        self._send(dict.fromkeys(keys, value), lambda: self.device.push(records))

    def delete(self, keys: list[int]) -> None:
        """Delete some keys by their values."""
        self.is_deleting = True
        try:
            absent = -next(self._numbers)
            self._send(dict.fromkeys(keys, absent), lambda: self.device.delete([{"key": key} for key in keys]))
        finally:
            self.is_deleting = False

    def throttle(self, share: float) -> None:
        """From now on, so many of the items come back unprocessed."""
        self.stores.client.throttle = share

    def visit(self) -> None:
        """Let the worker do what it was rung for."""
        work(self.stores, self._now)

    def tick(self) -> None:
        """A minute passes, and the tick rings for what waits."""
        self._seconds += 61
        ring_again(self.stores, self._now(), Deadline(5))

    def lose_rings(self) -> None:
        """The queue forgets what it was told."""
        lose_rings(self.stores)

    def ring_twice(self) -> None:
        """The bell rings without need."""
        self.stores.bell.ring("lane", self.device.target.dataset_id, group="again", token=str(next(self._numbers)))

    def publish(self) -> None:
        """Publish a changed configuration, or the one of a publisher who came in between."""
        self._seconds += 331  # a claim of a publisher who died is over
        with suppress(EditConflict):
            stacks.fields.add(self.device.dataset_uid, {"type": "description", "field": "value", "description": "V"})
        with self._synchronized(), suppress(EditConflict, InvalidDatasetStatus, TemporarilyUnavailable):
            publish(self.stores, self.device.dataset_uid, self._now(), Deadline(5))

    def unpublish(self) -> None:
        """Empty the dataset."""
        self._seconds += 331
        with self._synchronized(), suppress(EditConflict, InvalidDatasetStatus):
            unpublish(self.stores, self.device.dataset_uid, self._now())

    def dying(self, call: int, act: Callable[[], None]) -> None:
        """Do something that dies before its AWS call of that number."""
        try:
            with counted(self.stores, CallCounter(call)):
                act()
        except Crash:
            self.somebody_died = True

    def overtaken(self, call: int, act: Callable[[], None], other: Callable[[], None]) -> None:
        """Do something, and another thing as a whole before its AWS call of that number."""
        with counted(self.stores, CallCounter(call, then=other)):
            act()

    def settle(self) -> None:
        """Let the worker finish; then the records are what they may be, and nothing waits."""
        self.throttle(0.0)
        for _ in range(3):
            self.tick()
            self.visit()
        health = self.stores.lane.health(self.device.target.dataset_id, self._now(), Deadline(5))
        assert (health.jobs, health.attempts) == (0, 0), "the lane is empty in the end"
        assert self.somebody_died or self._payloads() == [], "nothing is left of the jobs"
        for batch_id in self.queued:
            receipt = self.stores.activity.batch(self.device.dataset_uid, batch_id, Deadline(5))
            assert receipt is not None
            assert receipt["state"] != QUEUED, "every acknowledged batch says in the end what became of it"
        stored = {r["key"]: r["value"] for r in self.device.stored().values()}
        for key, possible in self.possible.items():
            may_be = possible | self.unacknowledged.get(key, set())
            fits = stored[key] in may_be if key in stored else any(effect <= 0 for effect in may_be)
            assert fits, f"key {key} is {stored.get(key)}, and may be {may_be}"

    def _send(self, effects: dict[int, Effect], send: Callable[[], Any]) -> None:
        """Send an operation. While it is under way it may stand or not; acknowledged, it replaces what was before,
        but for what overlapped with it."""
        before = {key: set(self.possible.get(key, {0})) for key in effects}
        for key, effect in effects.items():
            self.unacknowledged.setdefault(key, set()).add(effect)
        self.device.now = self._now()
        try:
            receipt = send()
        except DatasetNotPublished:
            assert not (self.is_published and self.device.live().takes_pushes)
            self._forget(effects)
        except TemporarilyUnavailable:
            pass
        else:
            if receipt.state == QUEUED:
                self.queued.append(receipt.batch_id)
            self._forget(effects)
            for key, effect in effects.items():
                self.possible[key] = {effect} | (self.possible.get(key, {0}) - before[key])

    def _forget(self, effects: dict[int, Effect]) -> None:
        for key, effect in effects.items():
            self.unacknowledged.get(key, set()).discard(effect)

    @contextmanager
    def _synchronized(self) -> Iterator[None]:
        """After a publication or the end of one, acknowledged or not, look what came of it: another generation has
        no records of before."""
        generation = self.device.live().generation
        try:
            yield
        finally:
            live = self.device.live()
            self.is_published = live.takes_pushes
            if live.generation != generation:
                absent = -next(self._numbers)
                self.possible = {key: {absent} for key in {*self.possible, *self.unacknowledged}}
                self.unacknowledged = {}

    def _now(self) -> datetime:
        return at(self._seconds)

    def _forget_rings_and_payloads(self) -> None:
        self.lose_rings()
        if keys := self._payloads():
            self.stores.jobs.delete(keys)

    def _payloads(self) -> list[str]:
        listed = self.stores.jobs._client.list_objects_v2(Bucket=self.stores.names.lane_bucket)
        return [entry["Key"] for entry in listed.get("Contents", ())]


def _device(stores: Stores) -> Device:
    """A new published dataset. It is made once for a deployment; after that the tables are put back as they were."""
    made = _made.get(stores.client._client)
    if made is None:
        device = a_device(
            stores,
            bootstrap={"key": 1, "value": 1, "text": "t"},
            unique_key=["key"],
            types={"key": "int", "value": "int"},
        )
        device.is_followed = False
        made = _made[stores.client._client] = (device, Tables())
    device, tables = made
    tables.put_back()
    return replace(device, stores=stores)


_made: WeakKeyDictionary[Any, tuple[Device, Tables]] = WeakKeyDictionary()
