"""A publication with a large file is left to the worker: nothing changes before the file is read to its end."""

from typing import Any

import pytest

from chalicelib.services import datasets, resources
from chalicelib.services.dataset_status import abort, status_of
from chalicelib.services.publication import AT_ONCE, publish
from chalicelib.services.source_files import prepare_upload, source_key
from chalicelib.services.tick import ring_again
from chalicelib.store.catalog import PUBLICATION, PublicationItem, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import Tables, work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device

ROWS = 13
LARGE = "".join(f"{n};{'x' * 340_000}\n" for n in range(ROWS))  # more than a request reads itself


def with_a_large_file(stores: Stores, rows: str = LARGE) -> Device:
    """A published dataset with a pushed record, and a draft that adds a large file."""
    device = a_device(stores, bootstrap={"isbn": "1", "title": "Emma"}, unique_key=["isbn"])
    device.push({"isbn": "pushed"})
    content = f"isbn;text\n{rows}".encode()
    assert len(content) > AT_ONCE
    order = {"filename": "books.csv", "size": len(content)}
    uid = prepare_upload(stores, device.dataset_uid, order, NOW)["uid"]
    stores.sources.put(source_key(device.dataset_uid, uid), content, "text/csv")
    body = {"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": uid}}}
    resources.create_resource(stores, device.dataset_uid, body, NOW)
    return device


def ask_to_publish(device: Device, now: Any = NOW) -> None:
    publish(device.stores, device.dataset_uid, now, Deadline(5))


def status(device: Device, now: Any = NOW) -> str:
    shown: str = status_of(device.dataset_uid, now)["status"]
    return shown


def isbns(device: Device) -> set[str]:
    return {record["isbn"] for record in device.stored().values()}


def staged(device: Device) -> list[str]:
    listed = device.stores.jobs._client.list_objects_v2(Bucket=device.stores.names.lane_bucket, Prefix="jobs/")
    return [entry["Key"] for entry in listed.get("Contents", ())]


FILED = {str(n) for n in range(ROWS)}


def test_the_worker_reads_the_file_and_the_lane_publishes_it(stores: Stores) -> None:
    device = with_a_large_file(stores)
    ask_to_publish(device)
    assert (status(device), isbns(device)) == ("queued", {"pushed"})
    device.push({"isbn": "meanwhile"})
    assert work(stores) == 2, "one visit reads the file, another applies the job"
    assert (status(device), isbns(device)) == ("idle", {"pushed", "meanwhile", *FILED})
    assert device.live().configuration.schema.get("text") is not None
    assert staged(device) == []
    with pytest.raises(PublicationItem.DoesNotExist):
        PublicationItem.get(dataset_pk(device.dataset_uid), PUBLICATION)


def test_what_is_aborted_while_it_waits_is_not_published(stores: Stores) -> None:
    device = with_a_large_file(stores)
    version = device.live().version
    ask_to_publish(device)
    abort(device.dataset_uid, NOW)
    work(stores)
    assert (status(device), isbns(device), device.live().version) == ("idle", {"pushed"}, version)
    assert staged(device) == []
    ask_to_publish(device)
    work(stores)
    assert isbns(device) == {"pushed", *FILED}


def test_a_file_that_is_broken_further_down_ends_as_an_error_and_changes_nothing(stores: Stores) -> None:
    device = with_a_large_file(stores, LARGE + "a;b;c\n")
    version = device.live().version
    ask_to_publish(device)
    work(stores)
    assert (status(device), isbns(device), device.live().version) == ("error", {"pushed"}, version)
    assert f"line {ROWS + 2}" in str(status_of(device.dataset_uid, NOW)["message"])
    assert staged(device) == []


def test_a_dataset_that_is_deleted_meanwhile_leaves_nothing_due(stores: Stores) -> None:
    device = with_a_large_file(stores)
    ask_to_publish(device)
    datasets.delete_dataset(stores, device.dataset_uid, NOW)
    work(stores)
    assert ring_again(stores, at(3600), Deadline(5)) == 0


def test_a_worker_that_dies_anywhere_leaves_it_to_the_next(stores: Stores) -> None:
    empty = Tables()
    device = with_a_large_file(stores)
    ask_to_publish(device)
    with counted(stores, CallCounter()) as whole:
        work(stores)
    for fatal in range(0, whole.calls):
        empty.put_back()
        device = with_a_large_file(stores)
        ask_to_publish(device)
        try:
            with counted(stores, CallCounter(fatal)):
                work(stores)
        except Crash:
            pass
        device.push({"isbn": "later"})
        for minute in (1, 6, 12):  # the lease of a dead worker ends after five and a half
            ring_again(stores, at(60 * minute + 1), Deadline(5))
            work(stores, lambda minute=minute: at(60 * minute + 1))
        assert isbns(device) == {"pushed", "later", *FILED}, fatal
        assert status(device, at(800)) == "idle", fatal
