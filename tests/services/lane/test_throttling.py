"""A DynamoDB that refuses a third of what it is asked for, for a while: nothing acknowledged is lost, and every answer
comes in time. The time is a number that calls and pauses add to."""

import random
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.receipt import Receipt
from chalicelib.services.lane.worker import apply_jobs
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.services.devices import Device, a_device
from tests.services.lane.world import HEAVY

SHARE, SECONDS = 0.3, 20.0
LATENCY = 0.2  # seconds that a call takes
ANSWER, VISIT = 20.0, 270.0  # seconds that a request and a worker have
KEYS = 5


class Busy:
    """Throttles a client by its own time, until `SECONDS` have passed."""

    def __init__(self, stores: Stores) -> None:
        self.time, self.throttled = 0.0, 0
        self._chance, self._client = random.Random(3), stores.client
        stores.client.before = self._before

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, clock=lambda: self.time, sleep=self.pause)

    def _before(self, operation: str) -> None:
        self.time += LATENCY
        share = SHARE if self.time < SECONDS else 0.0
        self._client.throttle = share  # of the items of a batch
        if self._chance.random() < share:
            self.throttled += 1
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)


class Sender:
    """Pushes and deletes, and keeps what may be there in the end: per key, what was acknowledged last, and what was
    sent later without an acknowledgement (None: no record)."""

    def __init__(self, device: Device, busy: Busy) -> None:
        self.device, self.busy = device, busy
        self.may_be: dict[int, set[int | None]] = {key: {None} for key in range(KEYS)}
        self.receipts: list[Receipt] = []

    def push(self, keys: list[int], value: int, *, large: bool) -> None:
        records: list[dict[str, Any]] = [{"key": key, "value": value} for key in keys]
        if large:
            records += [{"key": 900 + n, "value": value, "text": HEAVY} for n in range(3)]
        self._send(dict.fromkeys(keys, value), records, delete=False)

    def delete(self, key: int) -> None:
        self._send({key: None}, [{"key": key}], delete=True)

    def _send(self, effects: dict[int, int | None], body: Any, *, delete: bool) -> None:
        started = self.busy.time
        send = self.device.delete if delete else self.device.push
        for key, effect in effects.items():
            self.may_be[key].add(effect)
        try:
            self.receipts.append(send(body, deadline=self.busy.deadline(ANSWER)))
        except TemporarilyUnavailable:
            pass
        else:
            self.may_be |= {key: {effect} for key, effect in effects.items()}
        assert self.busy.time - started <= ANSWER + LATENCY, "the answer came in time"

    def visit(self) -> None:
        """Let the worker come, who is sent again when he had no time."""
        now = NOW + timedelta(seconds=self.busy.time)
        apply_jobs(self.device.stores, self.device.target.dataset_id, lambda: now, self.busy.deadline(VISIT))


@pytest.mark.parametrize("seed", range(2))
def test_a_third_of_everything_throttled_for_a_while_loses_nothing(stores: Stores, seed: int) -> None:
    device = a_device(
        stores, bootstrap={"key": 1, "value": 1, "text": ""}, unique_key=["key"], types={"key": "int", "value": "int"}
    )
    device.is_followed = False
    sender, chance = Sender(device, Busy(stores)), random.Random(seed)
    value = 0
    while sender.busy.time < SECONDS * 1.2:
        value += 1
        if chance.random() < 0.2:
            sender.delete(chance.randrange(KEYS))
        else:
            sender.push(chance.sample(range(KEYS), 2), value, large=chance.random() < 0.3)
        if chance.random() < 0.4:
            sender.visit()
    sender.visit()
    assert sender.busy.throttled > 3
    stored = {record["key"]: record["value"] for record in device.stored().values()}
    for key, may_be in sender.may_be.items():
        assert stored.get(key) in may_be, f"key {key} is {stored.get(key)}, and may be {may_be}"
    for receipt in sender.receipts:
        kept = stores.activity.batch(device.dataset_uid, receipt.batch_id, Deadline(5))
        assert kept is not None
        assert kept["state"] == "applied"
