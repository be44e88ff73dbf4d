"""What was deleted stays deleted, whatever ids the records would have by now."""

from typing import Any

import pytest

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.services.datasets import stacks
from chalicelib.services.publication.publication import publish
from chalicelib.services.recovery.run import run_recovery
from chalicelib.store.backups import configurations_prefix
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import work
from tests.services.devices import Device, a_device
from tests.services.recovery.recovering import ask, empty, recover

HOUR = 3600
BOOK = {"isbn": 0, "shelf": "z", "title": "-"}


@pytest.fixture
def device(stores: Stores) -> Device:
    """Books by their number; what is deleted of the first three is told by each test."""
    device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"], recovery=True)
    push(device, 1, [{"isbn": n, "shelf": "a", "title": f"book {n}"} for n in (1, 2, 3)])
    return device


def push(device: Device, seconds: float, books: Any) -> None:
    device.now = at(seconds)
    device.push(books)


def delete(device: Device, seconds: float, *numbers: int) -> None:
    """Delete books by their ids."""
    device.now = at(seconds)
    for record_id, book in device.stored().items():
        if book["isbn"] in numbers:
            device.delete_by_id(record_id)


def rekey(device: Device, seconds: float, *names: str) -> None:
    """Publish another unique key."""
    uid = device.dataset_uid
    for found in stacks.fields.entries(uid):
        if found.get("annotation") == "id":
            stacks.fields.delete(uid, found["uid"])
    for name in names:
        stacks.fields.add(uid, {"type": "annotate", "annotation": "id", "field": name})
    device.publish(at(seconds))


def numbers(device: Device) -> list[int]:
    return sorted(book["isbn"] for book in device.stored().values())


def test_deletes_by_id_stay_deleted_when_the_unique_key_has_changed_since(device: Device) -> None:
    delete(device, 2, 1)
    rekey(device, HOUR, "isbn", "shelf")
    delete(device, 2 * HOUR, 2)
    rekey(device, 3 * HOUR, "title")
    assert recover(device, 4 * HOUR)["counts"]["suppressed"] == 2
    assert numbers(device) == [3]
    empty(device, 5 * HOUR)
    recover(device, 6 * HOUR)
    assert numbers(device) == [3]


def test_deletes_by_the_values_of_a_former_key_stay_deleted(device: Device) -> None:
    device.now = at(2)
    device.delete([{"isbn": 1}, {"isbn": 2}])
    rekey(device, HOUR, "isbn", "shelf")
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    assert numbers(device) == [3]


def test_what_was_pushed_again_after_it_was_deleted_comes_back(device: Device) -> None:
    delete(device, 2, 1, 2)
    push(device, 3, {"isbn": 1, "shelf": "b", "title": "again"})
    rekey(device, HOUR, "isbn", "shelf")
    push(device, 2 * HOUR, {"isbn": 2, "shelf": "c", "title": "again"})
    before = device.stored()
    empty(device, 3 * HOUR)
    recover(device, 4 * HOUR)
    assert device.stored() == before
    assert sorted((book["isbn"], book["shelf"]) for book in before.values()) == [(1, "b"), (2, "c"), (3, "a")]


@pytest.mark.parametrize("is_by_id", [True, False])
def test_a_record_is_known_by_the_id_that_it_was_stored_under_before_a_processor_changed(
    stores: Stores, is_by_id: bool
) -> None:
    device = a_device(stores, bootstrap={"day": "03/02/2024", "n": 0}, unique_key=["day"], recovery=True)
    wrong = {"type": "normalize_date", "field": "day", "format": "%m/%d/%Y"}
    entry = stacks.processors.add(device.dataset_uid, wrong)
    device.publish(at(0))
    push(device, 1, [{"day": "04/02/2024", "n": 1}, {"day": "05/06/2024", "n": 2}])
    if not is_by_id:  # while the record has the id that the values give
        device.delete({"day": "04/02/2024"})
    stacks.processors.edit(device.dataset_uid, entry["uid"], {**wrong, "format": "%d/%m/%Y"})
    device.publish(at(HOUR))
    if is_by_id:
        (gone,) = [record_id for record_id, record in device.stored().items() if record["n"] == 1]
        device.now = at(2 * HOUR)
        device.delete_by_id(gone)
    empty(device, 3 * HOUR)
    recover(device, 4 * HOUR)
    assert [record["n"] for record in device.stored().values()] == [2]


def test_a_record_that_has_the_id_of_a_deleted_one_only_now_is_recovered(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"code": "z"}, unique_key=["code"], recovery=True)
    swap = {"type": "string_replace", "field": "code", "old": "a", "new": "b"}
    push(device, 1, [{"code": "a"}, {"code": "b"}])
    device.delete_by_id(next(i for i, record in device.stored().items() if record["code"] == "b"))
    stacks.processors.add(device.dataset_uid, swap)
    device.publish(at(HOUR))
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    assert [record["code"] for record in device.stored().values()] == ["b"], "it was pushed as a, which nobody deleted"


def test_what_was_recovered_by_a_mended_processor_and_then_deleted_stays_deleted(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"day": "03/02/2024", "n": 0}, unique_key=["day"], recovery=True)
    wrong = {"type": "normalize_date", "field": "day", "format": "%m/%d/%Y"}
    entry = stacks.processors.add(device.dataset_uid, wrong)
    device.publish(at(0))
    push(device, 1, [{"day": "04/02/2024", "n": 1}, {"day": "05/06/2024", "n": 2}])
    stacks.processors.edit(device.dataset_uid, entry["uid"], {**wrong, "format": "%d/%m/%Y"})
    device.publish(at(HOUR))
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    device.now = at(4 * HOUR)
    device.delete_by_id(next(i for i, record in device.stored().items() if record["n"] == 1))
    assert recover(device, 5 * HOUR)["counts"]["suppressed"] == 1
    assert [record["n"] for record in device.stored().values()] == [2]


@pytest.mark.parametrize("is_by_id", [True, False])
def test_a_record_is_known_by_what_was_stored_of_it_when_a_processor_changed_with_the_key(
    stores: Stores, is_by_id: bool
) -> None:
    device = a_device(stores, bootstrap={"isbn": 0, "shelf": "z"}, unique_key=["isbn"], recovery=True)
    entry = stacks.processors.add(
        device.dataset_uid, {"type": "string_replace", "field": "shelf", "old": "x", "new": "y"}
    )
    device.publish(at(0))
    push(device, 1, [{"isbn": 1, "shelf": "x1"}, {"isbn": 2, "shelf": "b"}])
    stacks.processors.delete(device.dataset_uid, entry["uid"])
    rekey(device, HOUR, "shelf")
    device.now = at(2 * HOUR)
    if is_by_id:
        delete(device, 2 * HOUR, 1)
    else:
        device.delete({"shelf": "y1"})
    empty(device, 3 * HOUR)
    recover(device, 4 * HOUR)
    assert numbers(device) == [2]


def test_a_delete_by_all_values_takes_no_other_record_under_another_key(device: Device) -> None:
    device.now = at(2)
    device.delete({"isbn": 1, "shelf": "a", "title": "book 1"})
    delete(device, 3, 3)
    rekey(device, HOUR, "shelf")
    assert numbers(device) == [2]
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    assert numbers(device) == [2]


def test_what_is_only_relabelled_is_the_same(device: Device) -> None:
    delete(device, 2, 1)
    stacks.fields.add(
        device.dataset_uid, {"type": "rename", "from_name": "title", "to_name": "title", "field_label": "Title"}
    )
    device.publish(at(HOUR))
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    assert numbers(device) == [2, 3]


def test_a_worker_that_goes_on_knows_what_the_one_before_has_read(device: Device) -> None:
    for n in range(4, 10):
        push(device, n, {"isbn": n, "shelf": "a", "title": f"book {n}"})
    delete(device, 20, 1, 4)
    rekey(device, HOUR, "isbn", "shelf")
    push(device, 2 * HOUR, {"isbn": 10, "shelf": "a", "title": "book 10"})
    before = device.stored()
    empty(device, 3 * HOUR)
    ask(device, 4 * HOUR)
    seconds = iter(range(10_000))
    with pytest.raises(TemporarilyUnavailable):
        impatient = Deadline(60, clock=lambda: next(seconds) * 3.0, sleep=lambda _: None)
        run_recovery(device.stores, device.dataset_uid, lambda: at(4 * HOUR), impatient)
    work(device.stores, lambda: at(4 * HOUR + 1))
    assert device.stored() == before


def test_a_configuration_that_was_not_kept_passes_for_the_published_one(device: Device) -> None:
    delete(device, 2, 1)
    bucket = device.stores.backups.bucket
    bucket.delete([key for key, _ in bucket.listed(configurations_prefix(device.dataset_uid))])
    publish(device.stores, device.dataset_uid, at(HOUR), Deadline(5))
    empty(device, 2 * HOUR)
    recover(device, 3 * HOUR)
    assert numbers(device) == [2, 3]
