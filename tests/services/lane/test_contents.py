"""File contents on their way through the lane: there is one for each record that refers to it, and no other."""

import base64
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from chalicelib.domain.errors import PayloadTooLarge, TemporarilyUnavailable
from chalicelib.domain.payload import Payload
from chalicelib.domain.receipt import Receipt
from chalicelib.services.datasets.sweep import sweep
from chalicelib.services.push.acceptance import MAX_FILES
from chalicelib.services.writing.left_contents import SETTLED_AFTER
from chalicelib.services.writing.staging import Stager
from chalicelib.store.catalog.keys import SWEEPS
from chalicelib.store.catalog.published import SweepItem
from chalicelib.store.dynamodb import THREADS, Deadline
from chalicelib.store.lane import LaneStore
from chalicelib.store.objects import ObjectStore
from chalicelib.store.records import RecordStore
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import work
from tests.faults import Crash
from tests.services.devices import Device, a_device
from tests.services.lane.jobs import commit_job
from tests.services.lane.queues import Clock, keys_in
from tests.services.lane.world import HEAVY, NOISE


def photo(content: bytes) -> dict[str, str]:
    return {"content": base64.b64encode(content).decode(), "content-type": "image/jpg"}


class Flaky(ObjectStore):
    """A bucket of which every second call that stores something fails."""

    fails = False

    def put(self, key: str, content: bytes, mimetype: str) -> None:
        self.fails = not self.fails
        if self.fails:
            raise ConnectionClosedError(endpoint_url="s3")
        super().put(key, content, mimetype)


def make_flaky(stores: Stores) -> None:
    stores.files = Flaky(stores.names.files_bucket, stores.names.region)
    stores.jobs = Flaky(stores.names.lane_bucket, stores.names.region)


def test_file_contents_follow_their_records_through_the_lane(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x"), "text": ""}, unique_key=["key"])
    device.is_followed = False
    device.push([{"key": "1", "photo": photo(b"old")}, {"key": "2", "photo": photo(b"kept")}])
    device.push([{"key": str(n), "text": HEAVY} for n in range(900, 904)])
    device.push([{"key": "1", "photo": photo(b"between")}, {"key": "2", "photo": photo(b"kept")}])
    device.push([{"key": "1", "photo": photo(b"new")}, {"key": "3", "photo": photo(b"gone")}])
    device.delete([{"key": "3"}])
    work(stores, lambda: at(SETTLED_AFTER))
    client = stores.files._client
    listed = client.list_objects_v2(Bucket=stores.names.files_bucket)["Contents"]
    assert sorted(stores.files.get(entry["Key"]) or b"" for entry in listed) == [b"kept", b"new"]
    for record in stores.reader.scan(device.live().partition, Deadline(5)):
        for key in record.files.values():
            assert stores.files.get(key) in (b"kept", b"new")


def test_contents_that_come_again_in_a_later_part_of_a_job_are_there_in_the_end(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"])
    keys: list[str] = []
    for content in (b"first", b"between", b"first"):
        stager = Stager(stores, device.live().partition, "b" * 28, Deadline(5), first=len(keys))
        preparer = device.live().intake.preparer(device.resource_uid)
        stager.take(preparer.prepare(Payload(objects=[{"key": "1", "photo": photo(content)}])))
        keys += stager.finish()
    commit_job(device, keys, records=3)
    device.stores.bell.ring("lane", device.target.dataset_id, group="g", token="t")
    work(stores)
    (record,) = stores.reader.scan(device.live().partition, Deadline(5))
    assert [stores.files.get(key) for key in record.files.values()] == [b"first"]
    assert len(stores.files._client.list_objects_v2(Bucket=stores.names.files_bucket)["Contents"]) == 1


def test_contents_that_two_versions_of_a_record_share_stay_when_the_last_one_lacks_another(stores: Stores) -> None:
    bootstrap = {"key": "1", "photo": photo(b"x"), "cover": photo(b"x")}
    device = a_device(stores, bootstrap=bootstrap, unique_key=["key"])
    stager = Stager(stores, device.live().partition, "b" * 28, Deadline(5))
    preparer = device.live().intake.preparer(device.resource_uid)
    for files in ({"photo": photo(b"shared"), "cover": photo(b"gone")}, {"photo": photo(b"shared")}):
        stager.take(preparer.prepare(Payload(objects=[{"key": "1", **files}])))
    commit_job(device, stager.finish(), records=2)
    device.stores.bell.ring("lane", device.target.dataset_id, group="g", token="t")
    work(stores)
    (record,) = stores.reader.scan(device.live().partition, Deadline(5))
    assert [stores.files.get(key) for key in record.files.values()] == [b"shared"]
    assert len(stores.files._client.list_objects_v2(Bucket=stores.names.files_bucket)["Contents"]) == 1


def test_a_push_handed_to_the_lane_keeps_its_files_when_what_it_had_written_by_then_is_overwritten(
    stores: Stores,
) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"])
    device.is_followed = False
    other = Device(stores, device.target, device.dataset_uid, device.resource_uid)
    clock = Clock()
    device.clock, device.sleep, device.seconds = clock, clock.sleep, 20
    client, calls, states = stores.client, [], []

    def before(operation: str) -> None:
        if operation == "batch_write_item":
            calls.append(operation)
            if len(calls) > 1:  # the partition is hot from the second batch on
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
        if operation == "transact_write_items":  # the other was admitted before this job is accepted
            client.before = lambda _: None
            states.append(other.push({"key": "0", "photo": photo(b"other")}).state)

    client.before = before
    states.append(device.push([{"key": str(n), "photo": photo(b"mine %d" % n)} for n in range(30)]).state)
    assert states == ["applied", "queued"]
    work(stores)
    records = list(stores.reader.scan(device.live().partition, Deadline(5)))
    contents = [stores.files.get(key) for record in records for key in record.files.values()]
    assert sorted(contents, key=str) == sorted([b"mine %d" % n for n in range(30)], key=str)


def test_a_fault_of_the_bucket_that_passes_fails_no_push(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x"), "text": ""}, unique_key=["key"])
    make_flaky(stores)
    records = [{"key": str(n), "photo": photo(b"%d" % n)} for n in range(20)]
    assert device.push(records).state == "applied"
    large = [{"key": str(n), "photo": photo(b"%d" % n), "text": NOISE} for n in range(4)]
    assert device.push(large).state == "queued"
    stored = stores.reader.scan(device.live().partition, Deadline(5))
    contents = [stores.files.get(key) for record in stored for key in record.files.values()]
    assert sorted(contents, key=str) == sorted([b"%d" % n for n in range(20)], key=str)


def test_a_fault_of_the_bucket_that_passes_does_not_fail_a_long_file(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"])
    make_flaky(stores)
    stager = Stager(stores, device.live().partition, "b" * 28, Deadline(5))
    preparer = device.live().intake.preparer(device.resource_uid)
    stager.take(preparer.prepare(Payload(objects=[{"key": str(n), "photo": photo(b"x")} for n in range(20)])))
    (part,) = stager.finish()
    assert stores.jobs.exists(part)


def test_file_contents_are_not_stored_past_the_deadline(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"])
    clock = Clock()

    class Slow(ObjectStore):
        def put(self, *_: Any, **__: Any) -> None:
            clock.seconds += 0.1 / THREADS

    stores.files = Slow(stores.names.files_bucket, stores.names.region)
    objects = [{"key": str(n), "photo": photo(b"%d" % n)} for n in range(MAX_FILES)]
    with pytest.raises(TemporarilyUnavailable, match="fewer files at once"):
        device.push(objects, deadline=Deadline(20, clock, clock.sleep))
    assert clock.seconds <= 20 + 0.1


def test_more_files_than_a_request_can_store_are_refused_before_anything_is_kept(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"], recovery=True)
    objects = [{"key": str(n), "photo": photo(b"%d" % n)} for n in range(MAX_FILES + 1)]
    with pytest.raises(PayloadTooLarge, match=f"{MAX_FILES + 1:,} files"):
        device.push(objects)
    assert list(stores.backups.objects(device.dataset_uid, device.resource_uid)) == []
    assert device.stored() == {}


class LosingAnAnswer:
    """A client that carries out a first write of a batch, of which the answer is lost; meanwhile something happens."""

    def __init__(self, client: Any, meanwhile: Callable[[], None]) -> None:
        self._client, self._meanwhile, self._writes = client, meanwhile, count()

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def batch_write_item(self, **request: Any) -> Any:
        answer = self._client.batch_write_item(**request)
        if next(self._writes) == 0:
            self._meanwhile()
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return answer


def sweep_noted(stores: Stores, seconds: float) -> None:
    for item in SweepItem.query(SWEEPS):
        sweep(stores, item.partition, lambda: at(seconds), Deadline(60))


def contents_of(device: Device) -> list[bytes | None]:
    """What the records refer to, None when it is gone."""
    records = device.stores.reader.scan(device.live().partition, Deadline(60))
    return [device.stores.files.get(key) for record in records for key in record.files.values()]


def test_a_write_that_is_sent_again_after_it_was_overwritten_keeps_its_files(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x")}, unique_key=["key"])
    states: list[str] = []

    def push_another() -> None:
        states.append(device.push({"key": "1", "photo": photo(b"second")}).state)

    stores.records = RecordStore(LosingAnAnswer(stores.client, push_another), stores.names.records_table)
    states.append(device.push({"key": "1", "photo": photo(b"first")}).state)
    assert (states, contents_of(device)) == (["applied", "applied"], [b"first"])
    sweep_noted(stores, 200)
    assert (contents_of(device), list(SweepItem.query(SWEEPS))) == ([b"first"], [])


class Dying(LaneStore):
    """The lane of a worker that dies before it takes a job off; meanwhile something happens."""

    meanwhile: Callable[[], None]

    def finish(self, *_: Any) -> None:
        self.meanwhile()
        raise Crash


def test_a_job_that_is_applied_again_after_it_was_overwritten_keeps_its_files(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "photo": photo(b"x"), "text": ""}, unique_key=["key"])
    device.is_followed = False
    others = Stores(stores.names, stores.client)
    admitted = device.live()  # before the job is accepted
    others.live.read = lambda *_: admitted  # type: ignore[method-assign]
    other = Device(others, device.target, device.dataset_uid, device.resource_uid)
    heavy = [{"key": str(n), "text": HEAVY} for n in range(900, 904)]
    assert device.push([{"key": "1", "photo": photo(b"mine")}, *heavy]).state == "queued"
    lane = Dying(stores.client, stores.names.catalog_table)
    lane.meanwhile = lambda: assert_applied(other.push({"key": "1", "photo": photo(b"other")}))
    stores.lane = lane
    with suppress(Crash):
        work(stores)
    assert contents_of(device) == [b"other"]
    stores.lane = others.lane
    sweep_noted(stores, 200)
    work(stores, lambda: at(400))
    assert contents_of(device) == [b"mine"]
    sweep_noted(stores, 1000)
    assert [stores.files.get(key) for key in keys_in(stores.files, device.dataset_uid)] == [b"mine"]


def assert_applied(receipt: Receipt) -> None:
    assert receipt.state == "applied"
