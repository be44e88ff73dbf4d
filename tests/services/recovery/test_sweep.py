"""The daily sweep of the backup log: old entries go, small objects are merged, and nobody who reads misses any."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.backup import entry_of, lines_of, packed
from chalicelib.domain.errors import BackupBeingSwept, TemporarilyUnavailable
from chalicelib.services.datasets import datasets
from chalicelib.services.recovery import backup_sweep
from chalicelib.services.recovery.backup_access import scratch_backup
from chalicelib.services.recovery.backup_sweep import sweep_backups
from chalicelib.services.recovery.run import run_recovery
from chalicelib.services.resources import resources
from chalicelib.services.tick import ring_again
from chalicelib.store.backups import GREATEST, entries_key
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device
from tests.services.recovery.recovering import ask, last

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


def test_an_entry_that_came_late_to_its_number_is_not_lost_between_two_days(device: Device) -> None:
    """A push that begins before midnight may take its number after one that begins behind it."""
    midnight = (at(DAY).replace(hour=0, minute=0, second=0) - at(0)).total_seconds()
    for key, seconds in ((7, midnight + 0.01), (8, midnight - 0.1), (9, midnight + 5)):
        device.now = at(seconds)
        device.push({"key": key})
    sweep_backups(device.stores, device.dataset_uid, lambda: at(midnight + 2 * 3600), Deadline(60))
    assert (objects(device), numbers(device)) == (4, [9, 8, 7, 6, 5, 4, 3, 2, 1])
    sweep(device, 2)
    assert numbers(device) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_no_more_is_held_at_once_than_there_is_memory_for(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_sweep, "HELD_BYTES", 400)
    sweep(device, 1)
    assert 1 < objects(device) < 6
    for day in range(2, 8):
        sweep(device, day)
    assert numbers(device) == [6, 5, 4, 3, 2, 1]


def test_a_recovery_and_a_sweep_wait_for_each_other(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    backups, uid = device.stores.backups, device.dataset_uid
    backups.put_off(uid, 0, Deadline(5), swept_until=int(at(100).timestamp()))
    ask(device, 90)
    with pytest.raises(TemporarilyUnavailable, match="sweep"):
        work(device.stores, lambda: at(95))
    assert "nightly sweep" in vars(caplog.records[-1])["reason"]
    sweep(device, 1)
    assert objects(device) == 6, "a recovery is about to read them"
    run_recovery(device.stores, uid, lambda: at(2 * DAY), Deadline(60))
    work(device.stores, lambda: at(2 * DAY))
    sweep(device, 2)
    assert (objects(device), len(device.stored())) == (1, 6)


def scratch(device: Device, days: float) -> None:
    where, body = (device.dataset_uid, device.resource_uid), {"confirm": "realtime"}
    scratch_backup(device.stores, *where, body, now=at(days * DAY), deadline=Deadline(5))


@pytest.mark.parametrize("call", range(0, 24, 2))
def test_what_is_scratched_while_a_sweep_is_at_it_does_not_come_back(device: Device, call: int) -> None:
    answers: list[str] = []

    def overtake() -> None:
        try:
            scratch(device, 1)
            answers.append("OK")
        except BackupBeingSwept:
            answers.append("not now")

    with counted(device.stores, CallCounter(call, then=overtake)):
        sweep(device, 1)
    assert objects(device) == (0 if "OK" in answers else 1)
    scratch(device, 1.01)
    assert objects(device) == 0


@pytest.mark.parametrize("call", range(6))
def test_a_sweep_that_begins_while_somebody_scratches_puts_nothing_back(device: Device, call: int) -> None:
    with counted(device.stores, CallCounter(call, then=lambda: sweep(device, 1))):
        scratch(device, 1)
    assert objects(device) == 0


def test_a_sweep_that_has_died_bars_nobody_from_scratching_for_long(device: Device) -> None:
    with counted(device.stores, CallCounter(4)), pytest.raises(Crash):
        sweep(device, 1)
    with pytest.raises(BackupBeingSwept, match="nothing was deleted"):
        scratch(device, 1)
    scratch(device, 1 + backup_sweep.LEASE / DAY)
    assert objects(device) == 0


def test_a_backup_that_never_was_is_scratched(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": 1}, unique_key=["key"])
    scratch(device, 1)
    assert objects(device) == 0


def test_the_oldest_object_is_found_among_any_number(device: Device) -> None:
    backups, where = device.stores.backups, (device.dataset_uid, device.resource_uid)
    for _ in range(3):
        *_, last = backups.objects(*where)
        assert backups.oldest(*where) == last
        backups.bucket.delete([last.key])
    sweep(device, 1)
    assert backups.oldest(*where) == next(backups.objects(*where))
    assert backups.oldest(device.dataset_uid, "another") is None


def test_what_s3_does_not_delete_is_asked_for_again(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    client, refused = device.stores.backups.bucket._client, [2, 0]
    delete = client.delete_objects

    def reluctant(**request: Any) -> Any:
        names = request["Delete"]["Objects"]
        left = names[: refused.pop(0)]
        if rest := names[len(left) :]:
            delete(**{**request, "Delete": {"Objects": rest}})
        return {"Errors": [{"Key": name["Key"], "Code": "InternalError", "Message": ""} for name in left]}

    monkeypatch.setattr(client, "delete_objects", reluctant)
    sweep(device, 1)
    assert (objects(device), refused) == (1, [])


def test_what_s3_has_left_of_a_merged_object_is_deleted_by_the_next_sweep(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then it hides what the merged object has behind it."""
    bucket = device.stores.backups.bucket
    third = next(found.key for found in device.stores.backups.objects(device.dataset_uid, device.resource_uid, below=4))
    delete = bucket.delete

    def stubborn(keys: Iterable[str]) -> None:
        delete([key for key in keys if key != third])
        raise TemporarilyUnavailable

    with monkeypatch.context() as patch, pytest.raises(TemporarilyUnavailable):
        patch.setattr(bucket, "delete", stubborn)
        sweep(device, 1)
    assert objects(device) == 2
    stores, much_later = device.stores, DAY + 2 * backup_sweep.LEASE
    ask(device, DAY)
    with pytest.raises(TemporarilyUnavailable):
        run_recovery(stores, device.dataset_uid, lambda: at(much_later), Deadline(60))
    assert list(stores.due.keys("backup", int(at(much_later).timestamp()), Deadline(5))), "the tick rings for it"
    sweep(device, much_later / DAY)
    assert (objects(device), numbers(device)) == (1, [6, 5, 4, 3, 2, 1])
    run_recovery(stores, device.dataset_uid, lambda: at(much_later), Deadline(60))
    work(stores, lambda: at(much_later))
    assert last(device, much_later)["counts"]["entries"] == 6


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
    former = entries_key(device.dataset_uid, device.resource_uid, [entry_of(line) for line in lines])
    backups.bucket.put(former, packed(lines), "application/gzip")
    assert numbers(device) == [6, 5, 4, 3, 2, 1]
    sweep(device, 2)
    assert (objects(device), numbers(device)) == (1, [6, 5, 4, 3, 2, 1])
