"""What is backed up while recovery is on, and when: before anybody is told OK, and nothing of what is refused."""

import base64
import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.domain.backup import DELETE, DELETE_BY_ID, PUSH, Entry, entry_of, lines_of
from chalicelib.domain.errors import (
    DatasetNotPublished,
    InvalidRecord,
    PushDisabled,
    TemporarilyUnavailable,
    UploadRefused,
)
from chalicelib.domain.receipt import QUEUED
from chalicelib.services.datasets import datasets
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.resources import push_switches, resources
from chalicelib.services.uploads.uploads import UploadRequest, commit_upload, open_upload
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device
from tests.services.lane.queues import keys_in
from tests.services.lane.world import HEAVY
from tests.services.uploads.uploading import Watch, check, commit, lines, uploaded

BOOK = {"isbn": 1, "title": "Emma"}


@pytest.fixture
def device(stores: Stores) -> Device:
    return a_device(stores, bootstrap=BOOK, unique_key=["isbn"], recovery=True)


def entries(device: Device) -> list[Entry]:
    """The log, oldest first."""
    backups = device.stores.backups
    kept = [
        entry_of(line)
        for resource_uid in backups.resources(device.dataset_uid)
        for found in backups.objects(device.dataset_uid, resource_uid)
        for line in lines_of(backups.bucket.get(found.key) or b"")
    ]
    return sorted(kept, key=lambda entry: entry.number)


def test_pushes_and_deletes_are_kept_as_they_came_in(device: Device) -> None:
    raw = b'\xef\xbb\xbf {"isbn": "1", "title": "Emma"} '
    pushed = device.push(raw, content_type="text/plain")
    device.now = at(1)
    device.delete([{"isbn": 2}, {"isbn": 3}])
    device.delete_by_id(pushed.record_ids[0])
    kept = entries(device)
    assert [(e.number, e.operation, e.accepted_at) for e in kept] == [
        (1, PUSH, int(NOW.timestamp() * 1000)),
        (2, DELETE, int(at(1).timestamp() * 1000)),
        (3, DELETE_BY_ID, int(at(1).timestamp() * 1000)),
    ]
    assert (kept[0].body, kept[0].content_type, kept[0].batch_id) == (raw, "text/plain", pushed.batch_id)
    assert kept[0].resource_uid == device.resource_uid
    assert (kept[1].body, kept[2].record_id) == (b'[{"isbn": 2}, {"isbn": 3}]', pushed.record_ids[0])


def test_a_body_that_is_no_text_keeps_its_bytes(device: Device) -> None:
    body = gzip.compress(b'{"isbn": 1}')
    device.push(body)
    assert entries(device)[0].body == body


def test_a_queued_push_is_kept_once(device: Device) -> None:
    device.is_followed = False
    heavy = device.push([{"isbn": n, "title": HEAVY} for n in range(4)])
    behind = device.push({"isbn": 1, "title": "Emma"})
    assert (heavy.state, behind.state) == (QUEUED, QUEUED)
    assert [entry.batch_id for entry in entries(device)] == [heavy.batch_id, behind.batch_id]


def test_nothing_is_kept_while_recovery_is_off_and_it_acts_at_once(device: Device) -> None:
    def switch(on: bool, seconds: float) -> Any:
        body = {"type": "realtime", "params": {"bootstrap": BOOK, "recovery": on}}
        draft = resources.edit_resource(device.stores, device.dataset_uid, device.resource_uid, body, at(seconds))
        assert draft.switches is not None
        return draft.switches.recovery_since

    assert switch(True, 60) == NOW.isoformat(timespec="milliseconds"), "it has been on all along"
    assert switch(False, 120) is None
    calls = device.stores.client.calls
    before = calls["update_item"]
    device.push({"isbn": 1, "title": "off"})
    assert (entries(device), calls["update_item"]) == ([], before)
    assert switch(True, 180) == at(180).isoformat(timespec="milliseconds")
    device.push({"isbn": 1, "title": "on"})
    assert len(entries(device)) == 1


def test_refused_pushes_are_not_kept(device: Device) -> None:
    with pytest.raises(InvalidRecord):
        device.push({"title": "no key"})
    device.push([])
    device.push({"title": "no key"}, lenient=True)
    device.delete_by_id("no id")
    push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, False, NOW)
    with pytest.raises(PushDisabled):
        device.push(BOOK)
    push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, True, NOW)
    unpublish(device.stores, device.dataset_uid, NOW)
    with pytest.raises(DatasetNotPublished):
        device.push(BOOK)
    assert entries(device) == []


def test_of_a_lenient_push_the_refused_records_are_named(device: Device) -> None:
    device.push([{"title": "no key"}, BOOK, {"isbn": "x"}], lenient=True)
    assert entries(device)[0].refused == [0, 2]


def test_file_contents_are_kept_with_the_body(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"isbn": 1, "cover": None}, types={"cover": "file"}, recovery=True)
    image = base64.b64encode(b"GIF89a").decode()
    device.push({"isbn": 1, "cover": {"content": image, "content-type": "image/gif"}})
    assert image.encode() in entries(device)[0].body


def test_a_push_whose_backup_fails_is_not_acknowledged_and_writes_nothing(device: Device) -> None:
    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    device.seconds = 0.3
    client = device.stores.backups.bucket._client
    client.meta.events.register("before-call", unreachable)
    try:
        with pytest.raises(TemporarilyUnavailable):
            device.push(BOOK)
    finally:
        client.meta.events.unregister("before-call", unreachable)
    assert (device.stored(), entries(device)) == ({}, [])


@pytest.mark.parametrize("is_large", [False, True])
def test_whatever_is_written_or_queued_was_kept_before(device: Device, is_large: bool) -> None:
    """Whichever call a push dies before: when it has a trace anywhere, it has one in the backup."""
    device.is_followed = False
    record = {"isbn": 1, "title": HEAVY if is_large else "Emma"}
    for call in range(20):
        device.now = at(call)
        batch = [{**record, "isbn": 10 * call + n} for n in range(4)]
        try:
            with counted(device.stores, CallCounter(call)):
                device.push(batch)
        except Crash:
            left = device.stores.lane.health(device.target.dataset_id, NOW, Deadline(5)).jobs or device.stored()
            assert entries(device) or not left
        else:
            break
    else:
        raise AssertionError("a push makes fewer calls")
    assert entries(device)


@pytest.mark.parametrize("call", range(1, 4))
def test_a_push_that_an_unpublication_overtakes_is_refused_and_leaves_no_backup(device: Device, call: int) -> None:
    device.is_followed = False
    device.push([{"isbn": n, "title": HEAVY} for n in range(4)])

    def overtake() -> None:
        unpublish(device.stores, device.dataset_uid, NOW)

    with counted(device.stores, CallCounter(call, then=overtake)), pytest.raises(DatasetNotPublished):
        device.push(BOOK)
    assert len(entries(device)) == 1


def test_a_device_that_waits_for_its_answers_has_them_kept_in_that_order(device: Device) -> None:
    batches = [device.push({"isbn": 1, "title": str(n)}).batch_id for n in range(3)]
    batches.append(device.delete({"isbn": 1}).batch_id)
    assert [entry.batch_id for entry in entries(device)] == batches


def test_a_large_file_is_kept_beside_its_entry(device: Device) -> None:
    request = UploadRequest(target=device.target, body={"format": "csv"}, lenient=True, wait=0)
    common: dict[str, Any] = {"offers_push": True, "now": NOW, "deadline": Deadline(5)}
    upload_id = open_upload(device.stores, request, **common)["upload_id"]
    content = b"isbn,title\n1,Emma\nx,Persuasion\n"
    device.stores.jobs.put(upload_key(device.dataset_uid, upload_id), content, "text/csv")
    commit_upload(device.stores, UploadRequest(**{**vars(request), "upload_id": upload_id}), **common)
    work(device.stores)
    (entry,) = entries(device)
    assert (entry.operation, entry.refused) == (PUSH, [1])
    assert entry.upload is not None
    stream = device.stores.backups.bucket.open(entry.upload["key"])
    assert stream is not None
    assert io.BytesIO(stream.read()).getvalue() == content
    assert entry.upload["format"] == "csv"


@pytest.mark.parametrize(("seconds", "is_waited_for"), [(270, True), (30, False)])
def test_the_copy_of_a_large_file_may_take_a_while_when_there_is_time(
    device: Device, seconds: float, is_waited_for: bool
) -> None:
    """240 MB are not copied within the time in which any other call is answered."""
    upload_id, bucket = uploaded(device, lines([BOOK])), device.stores.backups.bucket
    commit(device, upload_id)
    copied: list[int] = []
    for client in (bucket._client, bucket._patient_client):
        timeout = client.meta.config.read_timeout
        client.meta.events.register("before-call.s3.CopyObject", lambda timeout=timeout, **_: copied.append(timeout))
    check(device, upload_id, Watch(), seconds)
    assert copied == [60 if is_waited_for else 5]


HEAD_READ = 5  # calls of a check until it has read the head of the file


def test_a_large_file_has_one_moment_of_acceptance_after_it_was_read(device: Device) -> None:
    upload_id, watch = uploaded(device, lines([BOOK])), Watch()
    commit(device, upload_id)
    with counted(device.stores, CallCounter(HEAD_READ, then=lambda: watch.pass_by(200))):
        check(device, upload_id, watch)
    work(device.stores, lambda: at(201))
    accepted_at = int(at(200).timestamp() * 1000)
    (entry,) = entries(device)
    assert entry.accepted_at == accepted_at
    assert int(entry.batch_id[:12], 16) == accepted_at, "batches are found by the time in their id"
    receipt = device.stores.activity.batch(device.dataset_uid, entry.batch_id, Deadline(5))
    assert receipt is not None
    assert receipt["received_at"] == at(200).isoformat(timespec="milliseconds")
    (mark,) = device.stores.records.marks(device.live().partition, device.stored(), Deadline(5)).values()
    assert mark.accepted_at == accepted_at


def another_etag(stores: Stores, key: str) -> Callable[..., None]:
    """Refuses to copy what is another object by now, as S3 does and moto does not."""

    def refuse(model: Any, params: dict[str, Any], **_: Any) -> None:
        wanted = params["headers"].get("x-amz-copy-source-if-match")
        if model.name == "CopyObject" and wanted != stores.jobs.etag(key):
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "CopyObject")

    return refuse


@pytest.mark.parametrize("call", range(2, 12))
def test_what_is_kept_of_a_large_file_is_what_was_accepted_when_another_one_comes_meanwhile(
    device: Device, call: int
) -> None:
    stores, upload_id = device.stores, uploaded(device, lines([BOOK]))
    key, bucket = upload_key(device.dataset_uid, upload_id), stores.backups.bucket
    commit(device, upload_id)
    refuse = another_etag(stores, key)
    for client in (bucket._client, bucket._patient_client):
        client.meta.events.register_last("before-call", refuse)  # after the other one has come
    other = lines([{**BOOK, "title": "Another"}])
    with (
        counted(stores, CallCounter(call, then=lambda: stores.jobs.put(key, other, "text/plain"))),
        suppress(TemporarilyUnavailable),
    ):
        check(device, upload_id, Watch())
    work(stores)
    (entry,) = entries(device)
    assert entry.upload is not None
    kept = json.loads(stores.backups.bucket.get(entry.upload["key"]) or b"")
    (stored,) = device.stored().values()
    assert kept["title"] == stored["title"]


@pytest.mark.parametrize("is_on", [True, False])
def test_a_large_file_is_kept_as_recovery_stands_when_it_is_accepted(stores: Stores, is_on: bool) -> None:
    device = a_device(stores, bootstrap=BOOK, unique_key=["isbn"], recovery=not is_on)
    upload_id = uploaded(device, lines([BOOK]))
    commit(device, upload_id)

    def switch() -> None:
        body = {"type": "realtime", "params": {"bootstrap": BOOK, "recovery": is_on}}
        resources.edit_resource(stores, device.dataset_uid, device.resource_uid, body, at(10))

    with counted(stores, CallCounter(HEAD_READ, then=switch)):
        check(device, upload_id, Watch())
    assert len(entries(device)) == is_on


def test_a_large_file_that_is_refused_for_want_of_time_leaves_no_backup(device: Device) -> None:
    upload_id, watch = uploaded(device, lines([BOOK])), Watch()
    commit(device, upload_id)
    events = device.stores.backups.bucket._client.meta.events
    events.register("after-call.s3.PutObject", lambda **_: watch.pass_by(150))  # the configuration, then the entry
    check(device, upload_id, watch)
    with pytest.raises(UploadRefused, match="split it"):
        commit(device, upload_id)
    assert entries(device) == []
    assert keys_in(device.stores.backups.bucket, f"uploads/{device.dataset_uid}") == []


def test_the_number_is_taken_beside_the_items_that_pushes_read(device: Device) -> None:
    device.push(BOOK)
    live = device.live()
    assert not live.has_jobs
    assert device.stores.backups.last_number(device.dataset_uid, Deadline(5)) == 1
    assert datasets.live_item(live.dataset_id).pk == f"live#{live.dataset_id}"
