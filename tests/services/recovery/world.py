"""A dataset whose resource may be backed up, its device, its publisher and its worker, any of whom may die between two
AWS calls; and beside it what may be true of each key.

Two fields tell records apart, and say the same: the unique key may change from one to the other, which changes all ids
and nothing else.

A `State` is one thing that may be true of a key: what is stored, since when, what the log holds of it, and whether a
recovery is under way. Each step makes of every state those that may follow; what is stored in the end must be in one.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event as Signal
from typing import Any
from weakref import WeakKeyDictionary

from chalicelib.domain.errors import (
    DatasetNotPublished,
    InvalidDatasetStatus,
    RecordIdsChange,
    RecoveryUnderWay,
    TemporarilyUnavailable,
)
from chalicelib.domain.payload import Payload
from chalicelib.services.datasets import stacks
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.recovery.recovery import start_recovery
from chalicelib.services.recovery.state import UNDER_WAY, load_recovery
from chalicelib.services.resources import resources
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import PatientDeadline, Tables, lose_rings, work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device

KEYS = range(3)
ABSENT = 0
BOOTSTRAP = {"key": 1, "twin": 1, "value": 1}
Range = tuple[float | None, float | None]  # seconds: from, and to (exclusive)
Event = tuple[float, int]  # when it was accepted, and the value, or ABSENT


@dataclass(frozen=True)
class State:
    stored: int = ABSENT
    since: float = 0.0
    log: tuple[Event, ...] = ()
    recovering: Range | None = None

    def written(self, event: Event) -> "State":
        """After an operation was applied; one that changes nothing leaves the time of the record."""
        return self if self.stored == event[1] else replace(self, stored=event[1], since=event[0])

    def logged(self, event: Event) -> "State":
        return replace(self, log=(*self.log, event))

    def recovered(self) -> "State":
        """After the recovery that is under way: the last event counts, when it is in the range."""
        assert self.recovering is not None
        start, end = self.recovering
        done = replace(self, recovering=None)
        if not self.log:
            return done
        when, value = self.log[-1]
        is_inside = (start is None or when >= start) and (end is None or when < end)
        if value == ABSENT or not is_inside or (self.stored != ABSENT and self.since > when):
            return done
        return done.written((when, value))


class World:
    """One dataset with a key and a value, and what may be true of its keys."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.device = _device(stores)
        self._lose_rings()
        self.states: dict[int, set[State]] = {key: {State()} for key in KEYS}
        self.is_on = True
        self.seconds = 0.0
        self._values = 0

    def push(self, keys: list[int]) -> None:
        """Push a new value for each key."""
        self._values += 1
        records = [{**_identity(key), "value": self._values} for key in keys]
        self._send(keys, self._values, lambda: self.device.push(records))

    def delete(self, keys: list[int]) -> None:
        """Delete some keys by their values."""
        self._send(keys, ABSENT, lambda: self.device.delete([_identity(key) for key in keys]))

    def delete_by_id(self, key: int) -> None:
        """Delete one record by the id that it has under the unique key of this moment."""
        intake = self.device.live().intake
        (record_id,) = intake.preparer(self.device.resource_uid).identify(Payload(objects=[_identity(key)])).ids
        self._send([key], ABSENT, lambda: self.device.delete_by_id(record_id))

    def switch(self, on: bool) -> None:
        """Set recovery on or off, whole."""
        body = {"type": "realtime", "params": {"bootstrap": BOOTSTRAP, "recovery": on}}
        resources.edit_resource(self.stores, self.device.dataset_uid, self.device.resource_uid, body, self.now())
        self.is_on = on

    def publish(self) -> None:
        """Publish, which changes nothing but that an unpublished dataset takes pushes again."""
        self.seconds += 331
        with suppress(InvalidDatasetStatus, TemporarilyUnavailable):
            publish(self.stores, self.device.dataset_uid, self.now(), Deadline(5))
        work(self.stores, self.now)
        self._pass()

    def rekey(self) -> None:
        """Publish the other unique key; the worker has to give the records their new ids."""
        self.seconds += 331
        uid = self.device.dataset_uid
        (entry,) = [found for found in stacks.fields.entries(uid) if found.get("annotation") == "id"]
        other = "twin" if entry["field"] == "key" else "key"
        stacks.fields.edit(uid, entry["uid"], {"type": "annotate", "annotation": "id", "field": other})
        with suppress(InvalidDatasetStatus, TemporarilyUnavailable):
            publish(self.stores, uid, self.now(), Deadline(5))
        self._pass()

    def in_flight(self, call: int, keys: list[int]) -> None:
        """Push, and before the AWS call of that number the unique key changes: the push goes on when the worker waits
        for it, or is done. A push to a dataset that is not published begins by being refused."""
        if not self.device.live().takes_pushes:
            return
        reached, released = Signal(), Signal()
        with ThreadPoolExecutor(1) as thread:
            worker: list[Future[int]] = []

            def change() -> None:
                self.rekey()
                worker.append(thread.submit(work, self.stores, self.now, deadline=lambda: _Waiting(reached, released)))
                worker[0].add_done_callback(lambda _: reached.set())
                assert reached.wait(60)

            try:
                with counted(self.stores, CallCounter(call, then=change)), suppress(TemporarilyUnavailable):
                    self.push(keys)
            finally:
                released.set()
            for one in worker:
                one.result()

    def unpublish(self) -> None:
        """Empty the dataset; a recovery that is under way comes to nothing, or goes on after it."""
        self.seconds += 331
        generation = self.device.live().generation
        try:
            with suppress(InvalidDatasetStatus):
                unpublish(self.stores, self.device.dataset_uid, self.now())
        finally:
            if self.device.live().generation != generation:
                self._become(
                    lambda s: {replace(s, stored=ABSENT, since=0.0, recovering=r) for r in (s.recovering, None)}
                )

    def empty(self) -> None:
        """Unpublish, then publish."""
        self.unpublish()
        self.publish()

    def recover(self, chosen: Range) -> None:
        """Ask for a recovery. Ranges are counted back from now, in seconds."""
        self.seconds += 1
        bounds = [None if ago is None else self.seconds - ago for ago in chosen]
        body: dict[str, Any] = {
            name: at(bound).isoformat() for name, bound in zip(("from", "to"), bounds, strict=True) if bound is not None
        }
        asked = (bounds[0], bounds[1])
        try:
            start_recovery(
                self.stores,
                self.device.dataset_uid,
                self.device.resource_uid,
                body,
                now=self.now(),
                deadline=Deadline(5),
            )
        except (RecoveryUnderWay, DatasetNotPublished, TemporarilyUnavailable):
            return
        except Crash:
            self._become(lambda s: {s, replace(s, recovering=asked)})
            raise
        self._become(lambda s: {replace(s, recovering=asked)})

    def visit(self) -> None:
        """Let the worker do what it was rung for."""
        self.seconds += 1
        try:
            work(self.stores, self.now)
        finally:
            self._pass()

    def tick(self) -> None:
        """Some minutes pass, and the tick rings for what waits."""
        self.seconds += 130
        ring_again(self.stores, self.now(), Deadline(5))

    def dying(self, call: int, act: Callable[[], None]) -> None:
        """Do something that dies before its AWS call of that number."""
        with suppress(Crash), counted(self.stores, CallCounter(call)):
            act()

    def look(self) -> None:
        """What is stored now tells which states are not true; what waits in the lane is not."""
        if self.stores.lane.first(self.device.target.dataset_id, Deadline(5)) is not None:
            return
        stored = {record["key"]: record["value"] for record in self.device.stored().values()}
        for key, states in self.states.items():
            fitting = {state for state in states if state.stored == stored.get(key, ABSENT)}
            assert fitting, f"key {key} is {stored.get(key)}, and may be {sorted(map(repr, states))}"
            self.states[key] = fitting

    def settle(self) -> None:
        """Let the worker finish; then nothing waits, and every key is what it may be."""
        self.visit()
        rounds = 0
        while self._waits() and rounds < 4:
            self.tick()
            self.visit()
            rounds += 1
        item = load_recovery(self.device.dataset_uid)
        if self.device.live().is_published:
            assert item is None or item.state not in UNDER_WAY, "a recovery ends"
            self._become(lambda s: {s} if s.recovering is None else set())
            assert not self._waits(), "nothing waits in the lane"
            self.look()

    def now(self) -> datetime:
        """The moment it is."""
        return at(self.seconds)

    def _send(self, keys: list[int], value: int, send: Callable[[], Any]) -> None:
        """Send an operation. When it is not acknowledged it may stand or not; but it was not written without having
        been backed up before."""
        self.seconds += 1
        self.device.now = self.now()
        event = (self.seconds, value)

        def acknowledged(s: State) -> set[State]:
            return {(s.logged(event) if self.is_on else s).written(event)}

        def perhaps(s: State) -> set[State]:
            return {s, *({s.logged(event)} if self.is_on else ()), *acknowledged(s)}

        try:
            send()
        except DatasetNotPublished:
            assert not self.device.live().takes_pushes
        except RecordIdsChange:
            assert self.device.live().coming_generation is not None
        except (Crash, TemporarilyUnavailable):
            self._become(perhaps, keys)
            self._pass()
            raise
        else:
            self._become(acknowledged, keys)
        self._pass()

    def _pass(self) -> None:
        """A recovery that is under way may have been applied by now."""
        self._become(lambda s: {s} if s.recovering is None else {s, s.recovered()})

    def _become(self, change: Callable[[State], Iterable[State]], keys: Iterable[int] = KEYS) -> None:
        for key in keys:
            self.states[key] = {after for state in self.states[key] for after in change(state)}

    def _waits(self) -> bool:
        """Whether anything is left to the worker, though its ring may be lost."""
        item = load_recovery(self.device.dataset_uid)
        is_under_way = item is not None and item.state in UNDER_WAY
        return is_under_way or self.stores.lane.first(self.device.target.dataset_id, Deadline(5)) is not None

    def _lose_rings(self) -> None:
        lose_rings(self.stores)
        bucket = self.stores.backups.bucket
        bucket.delete([key for key, _ in bucket.listed("")])


class _Waiting(PatientDeadline):
    """That of a worker who, when it has to wait, says so and is kept waiting."""

    def __init__(self, reached: Signal, released: Signal) -> None:
        super().__init__(60)
        self._reached, self._released = reached, released

    def sleep(self, seconds: float) -> None:
        """Wait, when that is for direct writers."""
        if seconds > 10:
            self._reached.set()
            assert self._released.wait(60)


def _identity(key: int) -> dict[str, int]:
    return {"key": key, "twin": key}


def _device(stores: Stores) -> Device:
    """A new published dataset. It is made once for a deployment; after that the tables are put back as they were."""
    made = _made.get(stores.client._client)
    if made is None:
        device = a_device(
            stores,
            bootstrap=BOOTSTRAP,
            unique_key=["key"],
            types=dict.fromkeys(BOOTSTRAP, "int"),
            recovery=True,
        )
        device.is_followed = False
        made = _made[stores.client._client] = (device, Tables())
    device, tables = made
    tables.put_back()
    for name in ("live", "backups"):  # they remember configurations, which are gone now
        vars(stores).pop(name, None)
    return replace(device, stores=stores, clock=lambda: 0.0)  # its requests last as long as the world says


_made: WeakKeyDictionary[Any, tuple[Device, Tables]] = WeakKeyDictionary()
