"""Publications that a worker stages, since their files are large, and what may happen while they wait for it."""

import gzip
import json
from contextlib import suppress

import pytest

from chalicelib.domain.errors import RecordLimitReached
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.status import abort, status_of
from chalicelib.services.publication.plan import Limits
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import Tables, lose_rings, work
from tests.faults import EVERY, STARTS, CallCounter, Crash, counted
from tests.services.devices import Device
from tests.services.lane.queues import keys_in
from tests.services.publication.publishers import (
    a_library,
    add_file,
    ask,
    assert_nothing_changed,
    due,
    isbns,
    status,
    while_it_is,
)


def test_a_large_file_is_published_by_a_worker_and_the_status_tells_how_far_it_is(device: Device) -> None:
    seen = [status(device)]

    def look(_operation: str) -> None:
        if (now := status(device)) != seen[-1]:
            seen.append(now)

    ask(device)
    look("")
    device.stores.client.before = look
    work(device.stores)
    look("")
    assert seen == ["idle", "queued", "processing", "saving_version", "idle"]
    assert isbns(device) == {"pushed", "0", "1", "2"}
    assert keys_in(device.stores.jobs, device.dataset_uid) == []
    assert due(device) == set()


def test_what_is_published_is_the_draft_as_it_was_when_it_was_asked_for(device: Device) -> None:
    ask(device)
    stacks.fields.add(device.dataset_uid, {"type": "type", "field": "later", "type_param": "text"})
    work(device.stores)
    fields = [field.name for field in device.live().configuration.schema.fields]
    assert fields == ["isbn", "title", "shelf"]


def test_an_abort_while_it_is_queued_changes_nothing(device: Device) -> None:
    ask(device)
    abort(device.dataset_uid, NOW)
    assert status(device) == "idle"
    work(device.stores)
    assert_nothing_changed(device)
    ask(device)
    work(device.stores)
    assert isbns(device) == {"pushed", "0", "1", "2"}


def test_an_abort_while_it_is_processing_changes_nothing(device: Device) -> None:
    ask(device)
    while_it_is(device, "processing", lambda: abort(device.dataset_uid, NOW))
    work(device.stores)
    assert status(device) == "idle"
    assert "aborted" in status_of(device.dataset_uid, NOW)["message"]
    assert_nothing_changed(device)


def die() -> None:
    raise Crash


def test_a_worker_that_dies_while_staging_is_relieved_when_its_claim_is_over(device: Device) -> None:
    ask(device)
    while_it_is(device, "processing", die)
    with pytest.raises(Crash):
        work(device.stores)
    work(device.stores, lambda: at(100))
    assert status(device, at(100)) == "processing", "the message comes back while the claim holds"
    assert status(device, at(331)) == "error", "to people it looks as if it had not finished"
    ring_again(device.stores, at(331), Deadline(5))
    work(device.stores, lambda: at(331))
    assert status(device, at(331)) == "idle"
    assert isbns(device) == {"pushed", "0", "1", "2"}
    assert due(device) == set()


def test_a_publication_whose_ring_is_lost_is_rung_for_again(device: Device) -> None:
    ask(device)
    lose_rings(device.stores)
    ring_again(device.stores, at(61), Deadline(5))
    work(device.stores, lambda: at(61))
    assert isbns(device) == {"pushed", "0", "1", "2"}


def test_a_file_that_is_broken_far_down_changes_nothing_and_names_the_line(device: Device) -> None:
    lines = [json.dumps({"isbn": str(number), "title": "x" * 2100}) for number in range(2000)]
    broken = gzip.compress("\n".join([*lines, '{"isbn": "2000", "ti']).encode())
    add_file(device, "more.jsonl.gz", broken, "jsonl")
    ask(device)
    staged: list[str] = []
    put = device.stores.jobs._client.meta.events
    put.register("before-call.s3.PutObject", lambda **call: staged.append(call["params"]["url_path"]), unique_id="t")
    work(device.stores)
    put.unregister("before-call.s3.PutObject", unique_id="t")
    assert staged, "a part was staged by then"
    assert status(device) == "error"
    assert "line 2001" in status_of(device.dataset_uid, NOW)["message"]
    assert_nothing_changed(device)


@pytest.mark.parametrize("bytes_at_once", [0, 10_000])
def test_files_with_more_records_than_the_deployment_takes_change_nothing(device: Device, bytes_at_once: int) -> None:
    few = Limits(bytes_at_once=bytes_at_once, records=2)
    try:
        ask(device, few)
        work(device.stores, limits=few)
    except RecordLimitReached as refused:
        assert bytes_at_once, "who waits for it is told at once"
        assert refused.message == status_of(device.dataset_uid, NOW)["message"]
    assert status(device) == "limit_reached"
    message = status_of(device.dataset_uid, NOW)["message"]
    assert message.startswith("The files of this publication bring more than 2 records, the limit of this deployment")
    assert "ask the people who run it" in message
    assert_nothing_changed(device)
    ask(device, Limits(bytes_at_once=bytes_at_once, records=3))
    work(device.stores, limits=Limits(records=3))
    assert status(device) == "idle"
    assert isbns(device) == {"pushed", "0", "1", "2"}


def test_a_dataset_that_is_deleted_meanwhile_leaves_nothing_due(device: Device) -> None:
    ask(device)
    datasets.delete_dataset(device.stores, device.dataset_uid, NOW)
    work(device.stores)
    assert due(device) == set()


@STARTS
def test_a_worker_that_dies_between_any_two_calls_leaves_it_to_the_next(quiet_stores: Stores, first: int) -> None:
    stores, empty = quiet_stores, Tables()

    def asked() -> Device:
        empty.put_back()
        made = a_library(stores)
        ask(made)
        return made

    asked()
    with counted(stores, CallCounter()) as whole:
        work(stores)
    assert whole.calls > 20
    for fatal in range(first, whole.calls, EVERY):
        device = asked()
        with suppress(Crash), counted(stores, CallCounter(fatal)):
            work(stores)
        device.push({"isbn": "later"})
        for minute in (1, 6, 12):  # the claim of a dead worker ends after five and a half
            now = at(60 * minute + 1)
            ring_again(stores, now, Deadline(5))
            work(stores, lambda now=now: now)
        assert isbns(device) == {"pushed", "later", "0", "1", "2"}, fatal
        assert status(device, at(800)) == "idle", fatal
