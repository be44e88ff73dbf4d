"""The daily sweep of the backup log: old entries go, small objects are merged, and nobody who reads misses any."""

from datetime import datetime, timedelta

import pytest

from chalicelib.domain.backup import entry_of, lines_of, packed
from chalicelib.services import datasets, resources
from chalicelib.services.backup_sweep import sweep_backups
from chalicelib.services.tick import ring_again
from chalicelib.store.backups import GREATEST, entries_key
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device

DAY = 86_400


@pytest.fixture
def device(stores: Stores) -> Device:
    made = a_device(stores, bootstrap={"key": 1}, unique_key=["key"], recovery=True)
    for n in range(6):
        made.now = at(n)
        made.push({"key": n})
    return made


def numbers(device: Device) -> list[int]:
    """The numbers of all entries, as recovery reads them."""
    return [entry.number for entry in device.stores.backup_reader.newest_first(device.dataset_uid, below=GREATEST)]


def objects(device: Device) -> int:
    return len(list(device.stores.backups.objects(device.dataset_uid, device.resource_uid)))


def sweep(device: Device, days: float) -> None:
    sweep_backups(device.stores, device.dataset_uid, lambda: at(days * DAY), Deadline(60))


def test_the_objects_of_a_day_that_is_over_become_one(device: Device) -> None:
    sweep(device, 0.1)
    assert objects(device) == 6, "the day is not over"
    device.now = at(DAY)
    device.push({"key": 7})
    sweep(device, 1)
    assert (objects(device), numbers(device)) == (2, [7, 6, 5, 4, 3, 2, 1])
    sweep(device, 2)
    assert (objects(device), numbers(device)) == (2, [7, 6, 5, 4, 3, 2, 1])


def test_the_tick_has_it_swept_at_night_and_again_the_next(device: Device) -> None:
    def rung(moment: datetime) -> int:
        return ring_again(device.stores, moment, Deadline(5))

    night = at(0).replace(hour=5, minute=0) + timedelta(days=1)
    assert (rung(at(3600)), rung(night)) == (0, 1)
    work(device.stores, lambda: night)
    assert (objects(device), rung(night), rung(night + timedelta(days=1))) == (1, 0, 1)


@pytest.mark.parametrize("call", range(2, 24, 2))
def test_a_sweep_that_dies_anywhere_loses_nothing_and_is_gone_on_with(device: Device, call: int) -> None:
    with counted(device.stores, CallCounter(call)):
        try:
            sweep(device, 1)
        except Crash:
            assert numbers(device) == [6, 5, 4, 3, 2, 1]
    sweep(device, 1.1)
    assert (objects(device), numbers(device)) == (1, [6, 5, 4, 3, 2, 1])


@pytest.mark.parametrize("call", range(8))
def test_a_reader_that_a_sweep_overtakes_misses_nothing_and_keeps_the_order(device: Device, call: int) -> None:
    with counted(device.stores, CallCounter(call, then=lambda: sweep(device, 1))):
        assert numbers(device) == [6, 5, 4, 3, 2, 1]


def test_entries_are_deleted_when_they_are_older_than_they_are_to_be_kept(device: Device) -> None:
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1}, "recovery": True, "recovery_days": 3}}
    resources.edit_resource(device.stores, device.dataset_uid, device.resource_uid, body, at(0))
    device.now = at(2 * DAY)
    device.push({"key": 7})
    sweep(device, 2.9)
    assert numbers(device) == [7, 6, 5, 4, 3, 2, 1]
    sweep(device, 3.1)
    assert numbers(device) == [7]


def test_the_backup_of_a_dataset_goes_with_it(device: Device) -> None:
    datasets.delete_dataset(device.stores, device.dataset_uid, device.now)
    work(device.stores)
    sweep(device, 1)
    assert (numbers(device), objects(device)) == ([], 0)
    assert device.stores.backups.last_number(device.dataset_uid, Deadline(5)) == 0


def test_of_two_objects_with_the_same_first_entry_the_longer_one_is_read_first(device: Device) -> None:
    """As when merged objects are merged again, and the deletion of the former ones is only half done."""
    backups = device.stores.backups
    sweep(device, 1)
    (merged,) = backups.objects(device.dataset_uid, device.resource_uid)
    lines = lines_of(backups.bucket.get(merged.key) or b"")[:4]
    first, last = entry_of(lines[0]), entry_of(lines[-1])
    former = entries_key(device.dataset_uid, device.resource_uid, first, last, len(lines))
    backups.bucket.put(former, packed(lines), "application/gzip")
    assert numbers(device) == [6, 5, 4, 3, 2, 1]
    sweep(device, 2)
    assert (objects(device), numbers(device)) == (1, [6, 5, 4, 3, 2, 1])
