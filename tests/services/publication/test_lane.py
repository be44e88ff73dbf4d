"""Publications that wait in the lane: for what is pushed meanwhile, and when the dataset goes away before they are
applied."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import InvalidDatasetStatus, JobPayloadMissing
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.status import status_of
from chalicelib.services.lane.control import ABORTED_PUBLICATION, abort_first_job
from chalicelib.services.publication.plan import Limits
from chalicelib.services.resources import resources
from chalicelib.store.dynamodb import Deadline
from tests.builders import NOW
from tests.deployment import work
from tests.services.devices import Device, a_device
from tests.services.lane.queues import keys_in
from tests.services.publication.publishers import (
    AT_ONCE,
    BOOK,
    BY_WORKER,
    FILE,
    add_file,
    ask,
    assert_nothing_changed,
    due,
    isbns,
    status,
    while_it_is,
)


def test_what_is_pushed_while_a_publication_waits_in_the_lane_has_its_fields_and_stands(device: Device) -> None:
    ask(device, AT_ONCE)
    assert status(device) == "saving_version"
    receipt = device.push([{"isbn": "0", "title": "pushed"}, {"isbn": "9", "shelf": "A"}])
    assert (receipt.state, list(receipt.ignored_fields)) == ("queued", [])
    device.delete({"isbn": "2"})
    assert isbns(device) == {"pushed"}
    work(device.stores)
    stored = {record.pop("isbn"): record for record in device.stored().values()}
    assert stored["9"] == {"shelf": "A"}
    assert stored["0"] == {"title": "pushed"}
    assert stored.keys() == {"pushed", "0", "1", "9"}


def test_another_publication_waits_for_one_whose_fields_are_pushed_already(device: Device) -> None:
    """However long it waits: another key would be given to records by the fields that are published."""
    ask(device, AT_ONCE)
    device.push({"isbn": "9", "shelf": "A"})
    stacks.fields.add(device.dataset_uid, {"type": "annotate", "annotation": "id", "field": "shelf"})
    later = NOW + timedelta(hours=2)
    with pytest.raises(InvalidDatasetStatus, match="saving_version"):
        ask(device, AT_ONCE, later)
    work(device.stores)
    assert {"isbn": "9", "shelf": "A"} in device.stored().values()


def test_records_of_a_removed_resource_are_dropped_and_pushed_ones_never(device: Device) -> None:
    more = add_file(device, "more.csv", b"isbn;title;shelf\n7;T;S\n8;T;S\n")
    device.publish()
    device.is_followed = True
    device.push({"isbn": "8", "title": "pushed"})
    assert isbns(device) == {"pushed", "0", "1", "2", "7", "8"}
    resources.delete_resource(device.stores, device.dataset_uid, more, NOW)
    device.publish()
    assert isbns(device) == {"pushed", "0", "1", "2", "8"}


@pytest.mark.parametrize("limits", [BY_WORKER, AT_ONCE], ids=["waiting for a worker", "in the lane"])
@pytest.mark.parametrize("has_rung", [True, False])
def test_deleting_a_dataset_leaves_nothing_of_a_pending_publication(
    device: Device, limits: Limits, has_rung: bool
) -> None:
    ask(device, limits)
    datasets.delete_dataset(device.stores, device.dataset_uid, NOW)
    if has_rung:
        work(device.stores)
        assert due(device) == set()
        assert keys_in(device.stores.jobs, device.dataset_uid) == []
    again = a_device(device.stores, bootstrap=BOOK, unique_key=["isbn"], dataset_id=device.target.dataset_id)
    again.push(BOOK)
    add_file(again, "books.csv", FILE)
    ask(again, limits)
    work(device.stores)
    assert isbns(again) == {"0", "1", "2"}
    assert status(again) == "idle"
    assert due(again) == set()


def test_deleting_a_dataset_while_a_worker_stages_it_ends_the_worker_quietly(device: Device) -> None:
    ask(device)
    while_it_is(device, "processing", lambda: datasets.delete_dataset(device.stores, device.dataset_uid, NOW))
    work(device.stores)
    assert due(device) == set()
    assert keys_in(device.stores.jobs, device.dataset_uid) == []


def test_a_publication_that_is_aborted_in_a_paused_lane_changes_nothing(device: Device) -> None:
    ask(device, AT_ONCE)
    device.stores.jobs.delete(keys_in(device.stores.jobs, device.dataset_uid))
    for _ in range(5):
        with pytest.raises(JobPayloadMissing):
            work(device.stores)
    abort_first_job(device.stores, device.dataset_uid, NOW, Deadline(5))
    work(device.stores)
    assert (status(device), status_of(device.dataset_uid, NOW)["message"]) == ("error", ABORTED_PUBLICATION)
    assert_nothing_changed(device)
    device.publish()
    assert isbns(device) == {"pushed", "0", "1", "2"}
