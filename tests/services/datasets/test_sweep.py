"""What is out of reach is removed some time after, in bounded steps, and nothing else with it."""

from contextlib import suppress

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.services.datasets import datasets, sweep
from chalicelib.services.datasets.sweep import SWEPT_AFTER
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.tick import ring_again
from chalicelib.store.catalog.keys import SWEEPS
from chalicelib.store.catalog.published import SweepItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import work
from tests.faults import EVERY, STARTS, CallCounter, Crash, counted
from tests.services.devices import Device, a_device
from tests.services.lane.queues import keys_in

LATER = SWEPT_AFTER.total_seconds() + 1
PHOTO = {"content": "R0lGODlhAQABAAAAACw=", "content-type": "image/gif"}


def a_gallery(stores: Stores, records: int = 60) -> Device:
    device = a_device(stores, bootstrap={"name": "x"}, unique_key=["name"], types={"photo": "file"})
    device.push([{"name": str(number)} for number in range(records - 1)])
    device.push({"name": "with a photo", "photo": PHOTO})
    return device


def left_of(device: Device, partition: str) -> tuple[int, int, int]:
    """Records, file contents and objects of jobs under a generation."""
    stores = device.stores
    files = [key for page in stores.files.keys(f"{partition}/") for key in page]
    jobs = [key for key in keys_in(stores.jobs, device.dataset_uid) if partition in key]
    return stores.reader.count(partition, Deadline(60)), len(files), len(jobs)


def tick(stores: Stores, seconds: float) -> None:
    ring_again(stores, at(seconds), Deadline(60))
    work(stores, lambda: at(seconds))


def test_an_unpublished_generation_is_kept_ten_minutes_and_then_removed(stores: Stores) -> None:
    device, other = a_gallery(stores), a_gallery(stores, 3)
    old = device.live().partition
    unpublish(stores, device.dataset_uid, NOW)
    device.publish()
    device.push({"name": "new", "photo": PHOTO})
    tick(stores, LATER - 2)
    assert left_of(device, old) == (60, 1, 0), "a request that began before may still be writing"
    tick(stores, LATER)
    assert left_of(device, old) == (0, 0, 0)
    assert left_of(device, device.live().partition) == (1, 1, 0)
    assert left_of(other, other.live().partition) == (3, 1, 0)
    assert list(SweepItem.query(SWEEPS)) == []
    assert ring_again(stores, at(2 * LATER), Deadline(60)) == 0


def test_a_deleted_dataset_leaves_nothing(stores: Stores) -> None:
    device = a_gallery(stores)
    partition = device.live().partition
    stores.sources.put(f"{device.dataset_uid}/copies/re_a", b"x", "text/csv")
    stores.jobs.put(f"uploads/{device.dataset_uid}/a", b"x", "text/csv")
    stores.jobs.put(f"jobs/{partition}/lost/00000.gz", b"x", "application/gzip")
    datasets.delete_dataset(stores, device.dataset_uid, NOW)
    tick(stores, LATER)
    assert left_of(device, partition) == (0, 0, 0)
    assert keys_in(stores.jobs, device.dataset_uid) == []
    assert [key for page in stores.sources.keys(f"{device.dataset_uid}/") for key in page] == []


def test_a_sweep_that_runs_out_of_time_gets_on_and_rings_again(stores: Stores) -> None:
    device = a_gallery(stores)
    old = device.live().partition
    unpublish(stores, device.dataset_uid, NOW)
    calls = 0

    def spent() -> float:
        return 5.0 * calls

    def each(_operation: str) -> None:
        nonlocal calls
        calls += 1

    stores.client.before = each
    visits = 0
    while left_of(device, old)[0]:
        calls = 0
        with suppress(TemporarilyUnavailable):
            sweep.sweep(stores, old, lambda: at(LATER), Deadline(50, spent))
        visits += 1
        assert visits < 30
    assert visits > 1
    stores.client.before = lambda _operation: None
    tick(stores, LATER)
    assert left_of(device, old) == (0, 0, 0)


@STARTS
def test_a_worker_that_dies_between_any_two_calls_leaves_the_rest_to_the_next(stores: Stores, first: int) -> None:
    unpublish(stores, a_gallery(stores, 3).dataset_uid, NOW)
    with counted(stores, CallCounter()) as whole:
        tick(stores, LATER)
    assert whole.calls > 15
    for fatal in range(first, whole.calls, EVERY):
        device = a_gallery(stores, 3)
        old = device.live().partition
        unpublish(stores, device.dataset_uid, NOW)
        with suppress(Crash), counted(stores, CallCounter(fatal)):
            tick(stores, LATER)
        tick(stores, 2 * LATER)
        assert left_of(device, old) == (0, 0, 0), fatal
        assert list(SweepItem.query(SWEEPS)) == [], fatal
        datasets.delete_dataset(stores, device.dataset_uid, NOW)
        tick(stores, LATER)
