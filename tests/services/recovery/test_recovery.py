"""Recovering by example: what comes back, what does not, and what is told of it."""

import base64
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import (
    DatasetNotPublished,
    JobPayloadMissing,
    NoRecoveryUnderWay,
    RecoveryUnderWay,
    TemporarilyUnavailable,
)
from chalicelib.services.datasets import stacks
from chalicelib.services.lane.worker import apply_jobs
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.recovery import recovery
from chalicelib.services.recovery.recovery import abort_recovery
from chalicelib.services.recovery.run import run_recovery
from chalicelib.services.resources import push_switches, resources
from chalicelib.services.resources.source_files import upload_file
from chalicelib.services.uploads.uploads import UploadRequest, commit_upload, open_upload
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import work
from tests.faults import CallCounter, counted
from tests.services.devices import Device, a_device
from tests.services.recovery.recovering import ask, drop, empty, iso, last, put, recover, shown, switch, values
from tests.services.uploads.uploading import Watch, commit, lines, uploaded


@pytest.fixture
def device(stores: Stores) -> Device:
    return a_device(
        stores,
        bootstrap={"key": 1, "value": 1},
        unique_key=["key"],
        types={"key": "int", "value": "int"},
        recovery=True,
    )


def test_what_was_pushed_comes_back_after_the_dataset_was_emptied(device: Device) -> None:
    put(device, 1, a=1, b=2, c=3)
    put(device, 2, a=10)
    drop(device, 3, "b")
    before = device.stored()
    empty(device, 4)
    outcome = recover(device, 100)
    assert device.stored() == before
    assert (outcome["state"], outcome["message"]) == ("done", None)
    counts = outcome["counts"]
    assert (counts["entries"], counts["records"], counts["created"], counts["errors"]) == (3, 2, 2, 0)
    assert recover(device, 200)["counts"]["unchanged"] == 2


def test_a_recovery_of_nothing_is_done_at_once(device: Device) -> None:
    assert recover(device, 1)["state"] == "done"


def test_a_range_of_time_brings_what_nothing_later_has_changed(device: Device) -> None:
    put(device, 10, a=1, b=1, c=1, d=1)
    put(device, 20, a=2)
    drop(device, 30, "b")
    put(device, 40, d=3)
    empty(device, 50)
    recover(device, 200, **{"from": iso(5), "to": iso(15)})
    assert values(device) == {"c": 1}, "a and d were overwritten later, b was deleted"
    recover(device, 300, **{"from": iso(15)})
    assert values(device) == {"a": 2, "c": 1, "d": 3}
    assert recover(device, 400, to=iso(1))["counts"]["records"] == 0


def test_a_record_that_was_accepted_later_stays(device: Device) -> None:
    put(device, 10, a=1, b=1)
    switch(device, on=False)
    put(device, 20, a=2)
    assert recover(device, 200)["counts"]["unchanged"] == 2
    assert values(device) == {"a": 2, "b": 1}


def test_a_dry_run_counts_and_changes_nothing(device: Device) -> None:
    put(device, 10, a=1, b=1)
    empty(device, 20)
    switch(device, on=False)
    put(device, 30, a=2)
    before = device.stored()
    outcome = recover(device, 200, dry_run=True)
    counts = outcome["counts"]
    assert (outcome["dry_run"], outcome["state"], outcome["batch_id"]) == (True, "done", None)
    assert (counts["created"], counts["updated"], counts["unchanged"]) == (1, 0, 1)
    assert device.stored() == before


def test_deletes_by_id_stay_deleted(device: Device) -> None:
    put(device, 1, a=1, b=2)
    gone = next(i for i, record in device.stored().items() if record["key"] == ord("a"))
    device.now = at(2)
    device.delete_by_id(gone)
    empty(device, 3)
    recover(device, 100)
    assert values(device) == {"b": 2}


def test_a_processor_that_was_mended_mends_what_was_pushed(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "day": "d"}, unique_key=["key"], recovery=True)
    wrong = {"type": "normalize_date", "field": "day", "format": "%m/%d/%Y"}
    entry = stacks.processors.add(device.dataset_uid, wrong)
    device.publish(at(0))
    device.now = at(1)
    device.push({"key": "1", "day": "03/02/2024"})
    (corrupt,) = device.stored().values()
    stacks.processors.edit(device.dataset_uid, entry["uid"], {**wrong, "format": "%d/%m/%Y"})
    device.publish(at(60))
    recover(device, 200)
    (mended,) = device.stored().values()
    assert ("03-02" in corrupt["day"], "02-03" in mended["day"]) == (True, True)


def test_what_a_device_sends_again_while_its_first_request_is_at_work_is_mended_too(stores: Stores) -> None:
    """The request that began first is numbered last; what is stored counts as of the other one."""
    device = a_device(stores, bootstrap={"key": 1, "value": "x"}, unique_key=["key"], recovery=True)
    wrong = {"type": "string_replace", "field": "value", "old": "a", "new": "WRONG"}
    entry = stacks.processors.add(device.dataset_uid, wrong)
    device.publish(at(0))
    watch, again = Watch(), replace(device, now=at(12))

    def send_again(operation: str) -> None:
        if operation == "update_item":  # the first one takes its number
            stores.client.before = lambda _: None
            watch.pass_by(3)
            again.push({"key": 1, "value": "a"})

    stores.client.before = send_again
    device.now = at(10)
    device.push({"key": 1, "value": "a"}, deadline=watch.deadline(20))
    stacks.processors.delete(device.dataset_uid, entry["uid"])
    device.publish(at(100))
    recover(device, 1000)
    assert [record["value"] for record in device.stored().values()] == ["a"]


def test_records_that_do_not_fit_any_more_are_counted_with_their_reasons(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1", "day": "d"}, unique_key=["key"], recovery=True)
    device.push([{"key": "a", "day": "2024-01-02"}, {"key": "b", "day": "2024-01-02"}])
    device.now = at(1)
    device.push([{"key": "a", "day": "soon"}, {"key": "c", "day": "2024-01-03"}, {"day": "x", "key": "d"}])
    device.now = at(2)
    device.delete({"key": "d"})
    empty(device, 3)
    processor = {"type": "normalize_date", "field": "day", "format": "%Y-%m-%d"}
    stacks.processors.add(device.dataset_uid, processor)
    device.publish(at(60))
    outcome = recover(device, 200)
    assert (outcome["counts"]["errors"], outcome["errors"]) == (1, {"processor_failed": 1})
    assert "soon" in outcome["details"][0]["message"]
    kept = sorted(record["key"] for record in device.stored().values())
    assert kept == ["b", "c"], "the last value of a does not fit: an older one must not pass for it"


def test_records_that_a_lenient_push_left_out_do_not_come_in_later(device: Device) -> None:
    device.now = at(1)
    device.push([{"key": 1, "value": "x"}, {"key": 2, "value": 2}], lenient=True)
    empty(device, 2)
    recover(device, 100)
    assert [r["key"] for r in device.stored().values()] == [2]


def test_file_contents_come_back(stores: Stores) -> None:
    device = a_device(
        stores, bootstrap={"key": "1", "cover": None}, unique_key=["key"], types={"cover": "file"}, recovery=True
    )
    device.push({"key": "1", "cover": {"content": base64.b64encode(b"GIF89a").decode(), "content-type": "image/gif"}})
    before = device.stored()
    empty(device, 10)
    recover(device, 100)
    assert device.stored() == before
    (record,) = stores.reader.scan(device.live().partition, Deadline(5))
    assert stores.files.get(record.files["cover"]) == b"GIF89a"


@pytest.mark.parametrize("asked", [10, 1000], ids=["caught up with", "in parts"])
def test_of_a_content_that_comes_twice_in_a_large_file_the_last_one_stays(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, asked: float
) -> None:
    monkeypatch.setattr("chalicelib.services.recovery.replay._UPLOADED_AT_ONCE", 1)
    monkeypatch.setattr("chalicelib.services.recovery.catch_up.WRITTEN_AT_ONCE", 1)
    monkeypatch.setattr("chalicelib.services.writing.staging.PART_RECORDS", 1)
    device = a_device(
        stores, bootstrap={"key": "1", "cover": None}, unique_key=["key"], types={"cover": "file"}, recovery=True
    )
    covers = [base64.b64encode(content).decode() for content in (b"first", b"between", b"first")]
    content = lines([{"key": "1", "cover": {"content": c, "content-type": "image/gif"}} for c in covers])
    commit(device, uploaded(device, content))
    work(stores, lambda: at(1))
    empty(device, 4)
    recover(device, asked)
    (record,) = stores.reader.scan(device.live().partition, Deadline(5))
    assert stores.files.get(record.files["cover"]) == b"first"


def test_a_large_file_comes_back(device: Device) -> None:
    request = UploadRequest(target=device.target, body={"format": "csv"}, lenient=True, wait=0)
    common: dict[str, Any] = {"offers_push": True, "now": at(1), "deadline": Deadline(5)}
    upload_id = open_upload(device.stores, request, **common)["upload_id"]
    content = b"key,value\n97,1\n98,x\n98,2\n97,3\n99,1\n"
    device.stores.jobs.put(upload_key(device.dataset_uid, upload_id), content, "text/csv")
    commit_upload(device.stores, replace(request, upload_id=upload_id), **common)
    work(device.stores, lambda: at(1))
    drop(device, 60, "c")
    before = device.stored()
    assert values(device) == {"a": 3, "b": 2}
    empty(device, 70)
    recover(device, 200)
    assert device.stored() == before


def test_other_resources_suppress_and_are_recovered_when_it_is_asked_for(device: Device) -> None:
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1, "value": 1}, "recovery": True}}
    draft = resources.create_resource(device.stores, device.dataset_uid, body, at(0))
    publish(device.stores, device.dataset_uid, at(0), Deadline(5))
    target = replace(
        device.target, resource_id="realtime1", push_key=push_switches.push_key(device.stores, draft.resource)
    )
    other = replace(device, target=target, resource_uid=draft.resource.uid)
    put(device, 1, a=1, b=1)
    put(other, 2, a=2, c=2)
    empty(device, 3)
    recover(device, 100)
    assert values(device) == {"b": 1}
    recover(device, 200, all_resources=True)
    assert values(device) == {"a": 2, "b": 1, "c": 2}


def test_records_of_files_yield_to_what_is_recovered(device: Device) -> None:
    """A device's record is newer than any file, also when the file was loaded after the dataset was emptied."""
    put(device, 1, a=1)
    file = b"key,value\n97,5\n98,5\n"
    uploaded = resources_file(device, file)
    resources.create_resource(
        device.stores,
        device.dataset_uid,
        {"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": uploaded}}},
        at(2),
    )
    device.publish(at(100))
    assert values(device) == {"a": 1, "b": 5}
    unpublish(device.stores, device.dataset_uid, at(200))
    device.publish(at(300))
    assert values(device) == {"a": 5, "b": 5}
    recover(device, 400)
    assert values(device) == {"a": 1, "b": 5}


def resources_file(device: Device, content: bytes) -> str:
    return str(upload_file(device.stores, device.dataset_uid, "f.csv", content, at(0))["uid"])


def test_pushes_that_come_while_the_log_is_read_are_newer_than_what_it_brings(device: Device) -> None:
    put(device, 1, a=1, b=1, c=1)
    empty(device, 2)
    ask(device, 100)
    put(device, 101, a=2)
    drop(device, 102, "b")
    work(device.stores, lambda: at(103))
    assert values(device) == {"a": 2, "c": 1}


@pytest.mark.parametrize("call", range(0, 40, 3))
def test_what_is_deleted_while_a_recovery_is_under_way_stays_deleted(device: Device, call: int) -> None:
    put(device, 1, a=1, b=1)
    empty(device, 2)
    device.is_followed = False
    ask(device, 100)
    with counted(device.stores, CallCounter(call, then=lambda: drop(device, 150, "b"))) as counter:
        work(device.stores, lambda: at(160))
    assert values(device) == ({"a": 1} if counter.calls > call else {"a": 1, "b": 1})


def test_an_unpublished_dataset_is_not_recovered_and_one_recovery_runs_at_a_time(device: Device) -> None:
    put(device, 1, a=1)
    ask(device, 10)
    with pytest.raises(RecoveryUnderWay):
        ask(device, 11)
    unpublish(device.stores, device.dataset_uid, at(12))
    work(device.stores, lambda: at(13))
    assert last(device, 14)["state"] == "failed"
    with pytest.raises(DatasetNotPublished):
        ask(device, 15)


@pytest.mark.parametrize("call", range(0, 40, 3))
def test_a_recovery_that_an_unpublication_overtakes_has_failed(device: Device, call: int) -> None:
    put(device, 1, a=1)
    empty(device, 2)
    ask(device, 10)
    overtake = CallCounter(call, then=lambda: unpublish(device.stores, device.dataset_uid, at(12)))
    with counted(device.stores, overtake):
        work(device.stores, lambda: at(13))
    outcome = last(device, 14)
    assert outcome["state"] in ("failed", "done")
    assert outcome["state"] == "done" or "unpublished" in outcome["message"] or "not published" in outcome["message"]
    assert device.stored() == ({} if overtake.calls > call else device.stored())


@pytest.mark.parametrize("written", [1, 2])
def test_a_recovery_that_is_unpublished_while_its_parts_are_written_has_failed(
    device: Device, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    monkeypatch.setattr("chalicelib.services.writing.staging.PART_RECORDS", 1)
    put(device, 1, a=1)
    put(device, 2, b=1)
    empty(device, 4)
    ask(device, 1000)
    run_recovery(device.stores, device.dataset_uid, lambda: at(1000), Deadline(60))
    client, writes = device.stores.client, count(1)

    def overtake(operation: str) -> None:
        if operation == "batch_write_item" and next(writes) == written:
            unpublish(device.stores, device.dataset_uid, at(1040))
            publish(device.stores, device.dataset_uid, at(1040), Deadline(5))

    client.before = overtake
    work(device.stores, lambda: at(1100))
    outcome = last(device, 1100)
    assert (outcome["state"], "unpublished" in outcome["message"]) == ("failed", True)
    assert (values(device), outcome["counts"]["created"]) == ({}, written)
    recover(device, 2000)
    assert values(device) == {"a": 1, "b": 1}


def test_a_recovery_whose_job_was_dropped_long_ago_bars_no_other_one(device: Device) -> None:
    put(device, 1, a=1)
    ask(device, 10)
    run_recovery(device.stores, device.dataset_uid, lambda: at(11), Deadline(60))
    empty(device, 12)
    batch_id = last(device, 13)["batch_id"]
    table = device.stores.names.activity_table
    receipt = device.stores.activity.batch_write(device.dataset_uid, batch_id, {}, at(0)).item
    device.stores.client.delete_item(TableName=table, Key={name: receipt[name] for name in ("pk", "sk")})
    assert last(device, 14)["state"] == "failed"
    recover(device, 100)
    assert values(device) == {"a": 1}


def test_a_worker_that_does_not_find_what_the_last_one_kept_brings_nothing_back(device: Device) -> None:
    for n in range(6):
        put(device, n, a=n)
    drop(device, 7, "a")
    ask(device, 100)
    seconds = iter(range(10_000))
    with pytest.raises(TemporarilyUnavailable):
        impatient = Deadline(60, clock=lambda: next(seconds) * 3.0, sleep=lambda _: None)
        run_recovery(device.stores, device.dataset_uid, lambda: at(110), impatient)
    device.stores.jobs.delete([key for key, _ in device.stores.jobs.listed("jobs/") if ".settled/" in key])
    with pytest.raises(JobPayloadMissing):
        run_recovery(device.stores, device.dataset_uid, lambda: at(120), Deadline(60))
    assert values(device) == {}


def test_requests_under_the_former_configuration_have_ended_before_the_log_is_read(device: Device) -> None:
    put(device, 1, a=1)
    slept: list[float] = []

    def read(seconds: float) -> list[float]:
        slept.clear()
        ask(device, seconds)
        deadline = Deadline(60, sleep=slept.append)
        run_recovery(device.stores, device.dataset_uid, lambda: at(seconds), deadline)
        work(device.stores, lambda: at(seconds))
        return slept

    assert read(10) == []
    stacks.fields.add(device.dataset_uid, {"type": "type", "field": "value", "type_param": "text"})
    device.publish(at(60))
    assert read(70) == [pytest.approx(26)]
    assert read(100) == []


def test_requests_that_begin_until_the_job_is_accepted_have_ended_before_it_is_applied(device: Device) -> None:
    """The storage is busy for a while when the job is to be accepted: whoever pushes meanwhile finds no job."""
    put(device, 1, a=1)
    empty(device, 4)
    ask(device, 1000)
    stores, client, watch = device.stores, device.stores.client, Watch()
    refused: list[float] = []
    written: list[float] = []

    def see(operation: str) -> None:
        if operation == "transact_write_items" and watch.seconds < 50:
            refused.append(watch.seconds)
            watch.pass_by(1)
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)
        if operation == "batch_write_item":
            written.append(watch.seconds)

    client.before = see
    while not device.live().has_jobs:
        with suppress(TemporarilyUnavailable):
            run_recovery(stores, device.dataset_uid, lambda: at(1000 + watch.seconds), watch.deadline(270))
    apply_jobs(stores, device.target.dataset_id, lambda: at(1000 + watch.seconds), watch.deadline(270))
    assert written[0] > refused[-1] + 28
    assert values(device) == {"a": 1}


def test_the_offer_looks_at_the_oldest_of_many_objects(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    put(device, 1, a=1)
    stacks.fields.add(device.dataset_uid, {"type": "type", "field": "value", "type_param": "text"})
    device.publish(at(60))
    for n in range(5):
        put(device, 100 + n, b=n)
    monkeypatch.setattr(recovery, "COUNTED_OBJECTS", 3)
    assert shown(device, 200)["offer"]["kept_since"] == at(1).isoformat(timespec="milliseconds")


def test_a_recovery_is_aborted_before_anything_is_written(device: Device) -> None:
    put(device, 1, a=1)
    empty(device, 2)
    with pytest.raises(NoRecoveryUnderWay):
        abort_recovery(device.stores, device.dataset_uid, device.resource_uid, Deadline(5))
    ask(device, 10)
    abort_recovery(device.stores, device.dataset_uid, device.resource_uid, Deadline(5))
    work(device.stores, lambda: at(11))
    assert (last(device, 12)["state"], device.stored()) == ("aborted", {})
    recover(device, 100)
    assert values(device) == {"a": 1}


def test_progress_is_shown_and_a_visit_without_time_is_followed_by_another(device: Device) -> None:
    for n in range(6):
        put(device, n, **{chr(97 + n): n})
    before = device.stored()
    empty(device, 10)
    ask(device, 100)
    seconds = iter(range(10_000))
    impatient = Deadline(60, clock=lambda: next(seconds) * 3.0, sleep=lambda _: None)
    with pytest.raises(TemporarilyUnavailable):
        run_recovery(device.stores, device.dataset_uid, lambda: at(110), impatient)
    progress = shown(device, 112)["current"]["progress"]
    assert 0 < progress["done"] < progress["total"] == 6
    assert progress["estimated_seconds"] > 0
    work(device.stores, lambda: at(120))
    assert device.stored() == before


def test_recovery_is_no_sign_of_life_and_tells_since_when_it_is_on(device: Device) -> None:
    put(device, 1, a=1)
    told = shown(device, 2)
    assert (told["recovery"], told["recovery_since"], told["recovery_days"]) == (
        True,
        at(0).isoformat(timespec="milliseconds"),
        None,
    )
    assert (told["backup"]["entries"], told["backup"]["objects"], told["backup"]["is_partial"]) == (1, 1, False)
    assert (told["current"], told["outcomes"]) == (None, [])
