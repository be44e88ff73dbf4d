"""Changing the unique key of a dataset that has records: they get new ids in one step, and none is lost unseen."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from chalicelib.domain.errors import InvalidDatasetStatus, RecordIdsChange, RecordsWouldBeLost
from chalicelib.domain.job import MAX_ATTEMPTS
from chalicelib.domain.record import Preparer
from chalicelib.services.datasets import stacks
from chalicelib.services.datasets.status import status_of
from chalicelib.services.datasets.sweep import SWEPT_AFTER
from chalicelib.services.lane import worker
from chalicelib.services.lane.control import abort_first_job
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.tick import ring_again
from chalicelib.store.catalog.keys import live_key
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import shard_key
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import PatientDeadline, work
from tests.faults import EVERY, STARTS, CallCounter, Crash, counted
from tests.services.devices import Device, a_device

BOOKS = [{"isbn": str(number), "shelf": f"{number}A"} for number in range(5)]


@pytest.fixture
def device(quiet_stores: Stores) -> Device:
    """A published dataset of books, by their isbn, whose draft has them by their shelf."""
    return books_by_isbn(quiet_stores)


def books_by_isbn(stores: Stores) -> Device:
    made = a_device(stores, bootstrap={"isbn": "1", "shelf": "1A"}, unique_key=["isbn"])
    made.push(BOOKS)
    made.is_followed = False
    entry = next(e for e in stacks.fields.entries(made.dataset_uid) if e.get("annotation") == "id")
    stacks.fields.delete(made.dataset_uid, entry["uid"])
    stacks.fields.add(made.dataset_uid, {"type": "annotate", "annotation": "id", "field": "shelf"})
    return made


def ask(device: Device, *, accepts_loss: bool = False, seconds: float = 0) -> None:
    publish(device.stores, device.dataset_uid, at(seconds), Deadline(60), accepts_loss=accepts_loss)


def by_shelf(device: Device) -> dict[str, str]:
    """The isbn of each shelf; every record must have the id that its shelf gives it, and no shelf two."""
    live = device.live()
    preparer = Preparer(live.configuration.schema)
    found = device.stored()
    for record_id, record in found.items():
        assert record_id == preparer.id_of(record)
    assert len({record["shelf"] for record in found.values()}) == len(found)
    return {record["shelf"]: record["isbn"] for record in found.values()}


def test_stored_records_get_the_ids_of_the_new_key_and_the_old_ones_go_later(device: Device) -> None:
    old = device.live()
    ask(device)
    assert len(device.stored()) == 5, "readers see the old generation until the new one is whole"
    assert status_of(device.dataset_uid, NOW)["status"] == "saving_version"
    work(device.stores)
    live = device.live()
    assert (live.generation, live.coming_generation) == (old.generation + 1, None)
    assert by_shelf(device) == {book["shelf"]: book["isbn"] for book in BOOKS}
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"
    device.push({"shelf": "0A", "isbn": "another"})
    assert by_shelf(device)["0A"] == "another"
    later = at(SWEPT_AFTER.total_seconds() + 1)
    ring_again(device.stores, later, Deadline(5))
    work(device.stores, lambda: later)
    assert device.stores.reader.count(old.partition, Deadline(5)) == 0
    assert len(by_shelf(device)) == 5


def test_what_is_pushed_meanwhile_is_under_the_new_key_and_stands(device: Device) -> None:
    ask(device)
    device.push({"shelf": "0A", "isbn": "pushed"})
    device.push([{"shelf": "9A", "isbn": "new"}, {"shelf": "1A", "isbn": "gone"}])
    device.delete({"shelf": "1A"})
    work(device.stores)
    assert by_shelf(device) == {"0A": "pushed", "2A": "2", "3A": "3", "4A": "4", "9A": "new"}


def test_an_id_that_is_about_to_be_another_is_not_deleted_in_vain(device: Device) -> None:
    record_id = next(iter(device.stored()))
    ask(device)
    with pytest.raises(RecordIdsChange, match="delete by values now"):
        device.delete_by_id(record_id)
    assert device.delete({"shelf": "0A"}).state == "queued"
    work(device.stores)
    assert by_shelf(device).keys() == {"1A", "2A", "3A", "4A"}
    device.delete_by_id(next(iter(device.stored())))
    assert len(device.stored()) == 3


def test_a_worker_whose_query_saw_the_dataset_as_it_was_before_drops_no_job(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query is no snapshot: it may show a job, and the live item as it was before that was accepted."""
    client, key = device.stores.client._client, live_key(device.target.dataset_id)
    before = client.get_item(TableName=device.stores.names.catalog_table, Key=key)["Item"]
    ask(device)
    pushed = device.push({"isbn": "new", "shelf": "9A"})
    query, seen = client.query, []

    def torn(**request: Any) -> Any:
        answer = query(**request)
        if answer["Items"] and answer["Items"][0].get("sk") == before["sk"] and "Limit" not in request and not seen:
            seen.append(answer["Items"][0])
            answer["Items"][0] = before
        return answer

    monkeypatch.setattr(client, "query", torn)
    work(device.stores)
    assert seen
    stored = device.stores.activity.batch(device.dataset_uid, pushed.batch_id, Deadline(5))
    assert stored is not None
    assert stored["state"] == "applied"
    assert by_shelf(device)["9A"] == "new"


def test_a_direct_push_that_is_in_flight_when_it_is_accepted_is_not_forgotten(device: Device) -> None:
    """A request that saw no job may write a while after one was accepted; the job looks at the records after that."""
    live = device.live()
    prepared = live.configuration.preparer(device.resource_uid)
    ask(device)

    def arrive() -> None:
        record_id = prepared.id_of({"isbn": "late"})
        assert record_id is not None
        text = '{"isbn":"late","shelf":"late"}'
        item = {
            "pk": shard_key(live.partition, record_id),
            "sk": record_id,
            "d": text,
            "h": "h",
            "r": device.resource_uid,
        }
        stored = {name: {"S": value} for name, value in item.items()} | {"t": {"N": "1"}}
        device.stores.client.put_item(TableName=device.stores.names.records_table, Item=stored)

    work(device.stores, deadline=lambda: _WithAnArrival(arrive))
    assert by_shelf(device)["late"] == "late"


class _WithAnArrival(PatientDeadline):
    """A deadline during whose first long pause something arrives."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        super().__init__(60)
        self._arrive = arrive

    def sleep(self, seconds: float) -> None:
        if seconds > 10:
            self._arrive()


def test_a_key_under_which_records_would_be_lost_is_refused_with_their_number(device: Device) -> None:
    device.push([{"isbn": "5", "shelf": "0A"}, {"isbn": "6"}])
    with pytest.raises(RecordsWouldBeLost, match=r"1 of 7 records would be overwritten .* 1 would have no id"):
        ask(device)
    assert len(device.stored()) == 7
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"
    ask(device, accepts_loss=True)
    work(device.stores)
    assert by_shelf(device) == {"0A": "5", **{book["shelf"]: book["isbn"] for book in BOOKS[1:]}}


def test_a_change_of_key_that_was_aborted_does_not_sweep_the_next_one(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = device.stores
    ask(device)
    waiting = device.push({"isbn": "9", "shelf": "9A"})
    with monkeypatch.context() as patch:
        patch.setattr(worker, "apply_publication", _fails)
        for _ in range(MAX_ATTEMPTS):
            with suppress(ZeroDivisionError):
                work(stores)
        work(stores)
    abort_first_job(stores, device.dataset_uid, NOW, Deadline(5))
    between = device.push({"isbn": "8", "shelf": "8A"})
    ask(device, seconds=60)
    work(stores, lambda: at(60))
    states = [stores.activity.batch(device.dataset_uid, each.batch_id, Deadline(5)) for each in (waiting, between)]
    assert [found and found["state"] for found in states] == ["failed", "applied"]
    assert by_shelf(device) == {**{book["shelf"]: book["isbn"] for book in BOOKS}, "8A": "8"}
    device.push({"isbn": "7", "shelf": "7A"})
    later = at(60 + SWEPT_AFTER.total_seconds() + 1)
    ring_again(stores, later, Deadline(5))
    work(stores, lambda: later)
    assert by_shelf(device) == {**{book["shelf"]: book["isbn"] for book in BOOKS}, "7A": "7", "8A": "8"}


def _fails(*_: object) -> None:
    raise ZeroDivisionError


def test_unpublishing_meanwhile_empties_and_publishing_anew_begins_empty(device: Device) -> None:
    ask(device)
    device.push({"shelf": "0A", "isbn": "pushed"})
    with pytest.raises(InvalidDatasetStatus):
        ask(device, seconds=1)
    with suppress(InvalidDatasetStatus):  # its claim holds for an hour
        unpublish(device.stores, device.dataset_uid, at(1))
    unpublish(device.stores, device.dataset_uid, at(3601))
    device.publish(at(3602))
    work(device.stores, lambda: at(3603))
    assert device.stored() == {}
    device.now = at(3700)
    device.push({"shelf": "7A", "isbn": "7"})
    assert by_shelf(device) == {"7A": "7"}


@STARTS
def test_a_worker_that_dies_between_any_two_calls_leaves_it_to_the_next(quiet_stores: Stores, first: int) -> None:
    stores = quiet_stores
    ask(books_by_isbn(stores))
    with counted(stores, CallCounter()) as whole:
        work(stores)
    assert whole.calls > 20
    for fatal in range(first, whole.calls, EVERY):
        device = books_by_isbn(stores)
        ask(device)
        device.push({"shelf": "0A", "isbn": "pushed"})
        with suppress(Crash), counted(stores, CallCounter(fatal)):
            work(stores)
        ring_again(stores, at(400), Deadline(5))
        work(stores, lambda: at(400))
        expected = {book["shelf"]: book["isbn"] for book in BOOKS} | {"0A": "pushed"}
        assert by_shelf(device) == expected, fatal
        assert status_of(device.dataset_uid, at(400))["status"] == "idle", fatal
