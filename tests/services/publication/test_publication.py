"""Publish and unpublish: one at a time, whole or not at all, whatever fails in between."""

import gzip
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.errors import (
    InvalidDatasetStatus,
    PublicationAborted,
    TemporarilyUnavailable,
)
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.status import REQUEST_LEASE, abort, status_of
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.resources import resources
from chalicelib.services.resources.source_files import upload_file
from chalicelib.services.tick import ring_again
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import Tables
from tests.faults import EVERY, STARTS, CallCounter, Crash, counted
from tests.services.devices import Device, a_device

BOOK = {"isbn": "1", "title": "Emma"}


def set_status(device: Device, status: str, since: Any) -> None:
    dataset = DatasetItem.get("dataset", device.dataset_uid)
    moment = since.isoformat(timespec="milliseconds")
    until = int((since + REQUEST_LEASE).timestamp())
    dataset.update(
        [
            DatasetItem.status.set(status),
            DatasetItem.status_since.set(moment),
            DatasetItem.status_until.set(until),
        ]
    )


def test_of_two_publishes_at_once_one_is_refused_with_the_exact_sentence(stores: Stores) -> None:
    device = a_device(stores, bootstrap=BOOK)
    set_status(device, "processing", NOW)
    with pytest.raises(InvalidDatasetStatus) as refused:
        publish(stores, device.dataset_uid, at(30), Deadline(5))
    assert refused.value.message == (
        "Invalid precondition, dataset status is 'processing' but must be one of 'idle, error, limit_reached'"
    )


def test_a_dead_workers_claim_expires(stores: Stores) -> None:
    device = a_device(stores, bootstrap=BOOK)
    set_status(device, "processing", NOW)
    device.publish(at(61))
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"


def test_an_aborted_publication_publishes_nothing(stores: Stores) -> None:
    device = with_a_file(stores, b"isbn;title;shelf\n0;T;S\n")
    version = device.live().version
    with pytest.raises(InvalidDatasetStatus, match="is 'idle' but must be one of 'queued, processing'"):
        abort(device.dataset_uid, NOW)

    def abort_once(operation: str) -> None:
        if operation == "query" and status_of(device.dataset_uid, NOW)["status"] == "processing":
            abort(device.dataset_uid, NOW)

    stores.client.before = abort_once
    with pytest.raises(PublicationAborted):
        device.publish()
    stores.client.before = lambda _operation: None
    assert device.live().version == version
    assert device.live().configuration.schema.get("shelf") is None
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"
    device.publish()
    assert device.live().version == version + 1


def test_a_publication_is_over_in_time_while_no_record_of_its_file_ends(stores: Stores) -> None:
    device = with_a_file(stores, gzip.compress(b"isbn;title;shelf\n0;T;S\n" + b"\n" * 8_000_000))
    version = device.live().version
    with pytest.raises(TemporarilyUnavailable, match="longer to read than there is time"):
        publish(stores, device.dataset_uid, NOW, Deadline(150, count().__next__))
    assert device.live().version == version


def test_unpublish_then_publish_empties_the_dataset_every_time(stores: Stores) -> None:
    device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
    for _ in range(3):
        device.push([BOOK, {"isbn": "2"}])
        assert len(device.stored()) == 2
        unpublish(device.stores, device.dataset_uid, NOW)
        device.publish()
        assert device.stored() == {}


def test_unpublishing_asks_as_much_of_aws_however_many_records_there_are(stores: Stores) -> None:
    calls = []
    for records in (3, 1000):
        device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
        device.push([{"isbn": str(number)} for number in range(records)])
        assert len(device.stored()) == records
        with counted(stores, CallCounter()) as counter:
            unpublish(stores, device.dataset_uid, NOW)
        assert device.stored() == {}
        calls.append(counter.calls)
    assert calls[0] == calls[1]


def with_a_file(stores: Stores, content: bytes) -> Device:
    """A published dataset with one pushed record, and a draft that adds a file and a field."""
    device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
    device.push({"isbn": "pushed"})
    file = upload_file(stores, device.dataset_uid, "books.csv", content, NOW)
    source = {"type": "uploaded_file", "file": {"uid": file["uid"]}}
    resources.create_resource(stores, device.dataset_uid, {"type": "csvfile", "datasource": source}, NOW)
    stacks.fields.add(device.dataset_uid, {"type": "type", "field": "isbn", "type_param": "text"})
    return device


@STARTS
def test_a_crash_between_any_two_calls_of_a_publish_is_mended_by_the_next(stores: Stores, first: int) -> None:
    content = b"isbn;title;shelf\n" + b"0;T;S\n1;T;S\n"
    empty = Tables()
    device = with_a_file(stores, content)
    with counted(stores, CallCounter()) as whole:
        device.publish()
    for fatal in range(first, whole.calls, EVERY):
        empty.put_back()
        device = with_a_file(stores, content)
        before = device.live()
        with counted(stores, CallCounter(fatal)) as counter:
            try:
                device.publish()
            except Crash:
                assert counter.calls > fatal
        version = device.live().version
        assert version in (before.version, before.version + 1)
        assert "pushed" in {r["isbn"] for r in device.stored().values()}
        device.push({"isbn": "later"})
        ring_again(stores, at(331), Deadline(5))
        device.publish(at(331))
        assert {r["isbn"] for r in device.stored().values()} == {"pushed", "later", "0", "1"}
        assert device.live().configuration.schema.get("shelf") is not None
        assert status_of(device.dataset_uid, NOW)["status"] == "idle"


def test_a_crash_between_any_two_calls_of_a_push_is_mended_by_repeating_it(stores: Stores) -> None:
    body = [{"isbn": str(n % 45), "title": str(n)} for n in range(90)]
    device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
    with counted(stores, CallCounter()) as whole:
        device.push(body)
    assert whole.calls == 4, "query, read, two writes"
    for fatal in range(whole.calls):
        device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
        device.push([{"isbn": "0", "title": "old"}, {"isbn": "untouched"}])
        with counted(stores, CallCounter(fatal)), pytest.raises(Crash):
            device.push(body)
        receipt = device.push(body)
        assert receipt.counts.created + receipt.counts.updated + receipt.counts.unchanged == 45
        stored = {r["isbn"]: r.get("title") for r in device.stored().values()}
        assert stored == {"untouched": None, **{str(n): str(n + 45) for n in range(45)}}


def test_an_edit_of_the_title_does_not_stop_a_publication(stores: Stores) -> None:
    device = with_a_file(stores, b"isbn;title;shelf\n0;T;S\n")

    def edit(operation: str) -> None:
        if operation == "batch_write_item":
            datasets.write_metadata(device.dataset_uid, {"value": "New"}, NOW, "default", "title")

    stores.client.before = edit
    device.publish()
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"
    assert device.live().configuration.schema.get("shelf") is not None


def test_a_file_does_not_undo_what_devices_have_pushed_since(stores: Stores) -> None:
    device = with_a_file(stores, b"isbn;title;shelf\n0;old;S\n1;old;S\n")
    device.publish()
    device.push({"isbn": "0", "title": "pushed"})
    stacks.fields.add(device.dataset_uid, {"type": "description", "field": "isbn", "description": "A number"})
    device.publish()
    titles = {r["isbn"]: r.get("title") for r in device.stored().values()}
    assert titles == {"pushed": None, "0": "pushed", "1": "old"}


@pytest.mark.parametrize(
    ("unique_key", "change", "fits"),
    [
        (["isbn"], {"type": "type", "field": "isbn", "type_param": "int"}, False),
        (["isbn"], {"type": "type", "field": "title", "type_param": "json_blob"}, True),
        (["isbn"], {"type": "rename", "from_name": "title", "to_name": "name"}, False),
        (["isbn"], {"type": "annotate", "annotation": "id", "field": "title"}, False),
        (["isbn"], {"type": "type", "field": "added", "type_param": "int"}, True),
        (["isbn"], {"type": "delete", "field": "title"}, True),
        ([], {"type": "type", "field": "title", "type_param": "json_blob"}, False),
        ([], {"type": "delete", "field": "title"}, False),
        ([], {"type": "type", "field": "added", "type_param": "int"}, True),
    ],
)
def test_a_schema_that_stored_records_would_not_fit_opens_a_generation_for_them(
    stores: Stores, unique_key: list[str], change: dict[str, Any], fits: bool
) -> None:
    device = a_device(stores, bootstrap=BOOK, unique_key=unique_key)
    device.push(BOOK)
    before = device.live()
    stacks.fields.add(device.dataset_uid, change)
    device.publish()
    assert device.live().generation == before.generation + (0 if fits else 1)
    assert len(device.stored()) == 1
    device.push(BOOK)
    assert len(device.stored()) == 1, "the same record has the id that it would get now"


def test_files_that_take_too_long_to_read_change_nothing(stores: Stores) -> None:
    device = with_a_file(stores, b"isbn;title;shelf\n0;T;S\n")
    with pytest.raises(TemporarilyUnavailable, match=r"longer to read|busy"):
        publish(stores, device.dataset_uid, NOW, Deadline(0))
    assert status_of(device.dataset_uid, NOW)["status"] == "idle"
