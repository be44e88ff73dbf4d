"""What tests look at in the buckets that the lane fills."""

import random
from collections.abc import Sequence
from typing import Any

from chalicelib.domain.changes import Changes
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import WRITE, Job
from chalicelib.domain.prepared_record import RECORD_ID_LENGTH
from chalicelib.domain.receipt import QUEUED, Counts, Receipt
from chalicelib.services.bells import ring_lane
from chalicelib.services.push.push import read_batch
from chalicelib.services.writing.staging import Stager
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import ObjectStore, job_key
from tests.builders import NOW
from tests.services.devices import Device

NOISE = "".join(random.Random(1).choices("0123456789abcdef", k=280_000))  # does not pack: it takes an object


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def close_gate(device: Device) -> Receipt:
    """Queue a job that changes nothing, so that what follows is queued behind it."""
    return accept_parts(device, [Changes(deletes=["0" * RECORD_ID_LENGTH])])


def accept_parts(device: Device, parts: Sequence[Changes]) -> Receipt:
    """Accept one batch whose changes lie in several objects."""
    stores, live, batch_id = device.stores, device.live(), new_batch_id(NOW)
    keys: list[str] = []
    for number, changes in enumerate(parts):
        stager = Stager(stores, lambda _, number=number: job_key(live.partition, batch_id, number))  # type: ignore[misc]
        stager.add(changes)
        keys += stager.finish()
    receipt = Receipt(
        batch_id=batch_id,
        resource_uid=device.resource_uid,
        received_at=NOW,
        operation="push",
        state=QUEUED,
        counts=Counts(records=sum(len(changes) for changes in parts)),
    )
    job = Job(
        kind=WRITE,
        batch_id=batch_id,
        dataset_id=live.dataset_id,
        dataset_uid=live.dataset_uid,
        generation=live.generation,
        version=live.version,
        resource_uid=device.resource_uid,
        accepted_at=int(NOW.timestamp() * 1000),
        receipt=receipt.as_stored(),
        parts=keys,
    )
    rider = stores.activity.batch_write(live.dataset_uid, batch_id, receipt.as_stored(), NOW)
    ring_lane(stores, live, stores.lane.commit(live, job, [rider], Deadline(5)), Deadline(5))
    return receipt


def push_heavy(device: Device, name: str) -> Receipt:
    """Queue a push of four records that are too large for a job's item."""
    return device.push([{"isbn": f"{name}-{number}", "title": NOISE} for number in range(4)])


def receipt_of(device: Device, receipt: Receipt) -> dict[str, Any]:
    """The receipt as clients read it later."""
    return read_batch(device.stores, device.target, receipt.batch_id, NOW, Deadline(5))


def outcomes(device: Device, receipts: Sequence[Receipt]) -> list[tuple[Any, ...]]:
    """State and counts (created, updated, unchanged, deleted) of each."""
    names = ("state", "created", "updated", "unchanged", "deleted")
    return [tuple(read[name] for name in names) for read in (receipt_of(device, receipt) for receipt in receipts)]


def keys_in(bucket: ObjectStore, dataset_uid: str) -> list[str]:
    """The keys of a bucket's objects that belong to a dataset."""
    listed = bucket._client.list_objects_v2(Bucket=bucket._bucket).get("Contents", [])
    return [entry["Key"] for entry in listed if dataset_uid in entry["Key"]]
