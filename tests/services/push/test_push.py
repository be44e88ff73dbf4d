"""Pushing and deleting records: what is stored, counted and refused."""

import base64
import json
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import (
    ConfigurationMoved,
    DatasetNotPublished,
    FeatureNotAvailable,
    InvalidPayload,
    InvalidPushKey,
    InvalidRecord,
    ProcessingTooSlow,
    PushDisabled,
    Refused,
    TemporarilyUnavailable,
)
from chalicelib.domain.prepared_record import MAX_RECORD_BYTES
from chalicelib.services.datasets import stacks
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.push.push import read_batch
from chalicelib.services.resources.push_switches import renew_push_key, set_push_enabled
from chalicelib.services.tick import ring_again
from chalicelib.services.writing.left_contents import LEFT_FOR, SETTLED_AFTER
from chalicelib.store.catalog.keys import SWEEPS
from chalicelib.store.catalog.published import SweepItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import RecordStore
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import work
from tests.services.devices import Device, a_device
from tests.services.lane.jobs import commit_job
from tests.services.lane.queues import Clock

BOOK = {"title": "Emma", "isbn": "1", "pages": 400}


def a_library(stores: Stores, **options: Any) -> Device:
    return a_device(stores, bootstrap=BOOK, **{"unique_key": ["isbn"], **options})


def counts(receipt: Any) -> tuple[int, int, int, int, int]:
    c = receipt.counts
    return c.created, c.updated, c.unchanged, c.deleted, c.rejected


def test_the_same_key_overwrites_the_whole_record(stores: Stores) -> None:
    device = a_library(stores)
    assert counts(device.push(BOOK)) == (1, 0, 0, 0, 0)
    assert counts(device.push({"isbn": "1", "title": "Emma, revised"})) == (0, 1, 0, 0, 0)
    assert list(device.stored().values()) == [{"isbn": "1", "title": "Emma, revised"}]


def test_a_repeated_push_writes_no_record(stores: Stores) -> None:
    device = a_library(stores)
    books = [{**BOOK, "isbn": str(n)} for n in range(60)]
    device.push(books)
    before = stores.client.written[stores.names.records_table]
    assert counts(device.push(books)) == (0, 0, 60, 0, 0)
    assert stores.client.written[stores.names.records_table] == before
    books[7]["pages"] = 1
    assert counts(device.push(books)) == (0, 1, 59, 0, 0)
    assert stores.client.written[stores.names.records_table] == before + 1


def test_a_one_record_push_costs_three_calls(stores: Stores) -> None:
    device = a_library(stores)
    stores.client.calls.clear()
    device.push(BOOK)
    assert stores.client.calls == {"query": 1, "batch_get_item": 1, "batch_write_item": 1}


@pytest.mark.parametrize(("letter", "state"), [("x", "applied"), ("é", "applied"), ("漢", "queued")])
def test_what_is_written_at_once_is_counted_in_bytes(stores: Stores, letter: str, state: str) -> None:
    device = a_library(stores)
    device.is_followed = False
    receipt = device.push([{**BOOK, "isbn": str(n), "title": letter * 40_000} for n in range(10)])
    assert receipt.state == state


def test_processors_that_take_too_long_refuse_the_push_and_leave_no_record(stores: Stores) -> None:
    device = a_library(stores)
    stacks.processors.add(device.dataset_uid, {"type": "copy", "field": "title", "output_field": "also"})
    publish(stores, device.dataset_uid, NOW, Deadline(5))
    device.seconds, half_seconds = 20, count()
    device.clock = lambda: next(half_seconds) / 2  # goes on at every look at it: 16 records take too long
    books = [{**BOOK, "isbn": str(n)} for n in range(20)]
    for send in (device.push, device.delete):
        with pytest.raises(ProcessingTooSlow, match="send fewer records") as refused:
            send(books)
        noted = read_batch(stores, device.target, refused.value.batch_id or "", NOW, Deadline(5))
        assert noted["error_code"] == "processing_too_slow"
    assert device.stored() == {}
    assert counts(device.push(books[:10])) == (10, 0, 0, 0, 0)


def test_without_a_unique_key_a_repeated_record_changes_nothing(stores: Stores) -> None:
    device = a_library(stores, unique_key=[])
    device.push([BOOK, BOOK, {**BOOK, "pages": 401}])
    assert counts(device.push(BOOK)) == (0, 0, 1, 0, 0)
    assert len(device.stored()) == 2


def test_deleting_takes_values_or_an_id_and_missing_records_are_fine(stores: Stores) -> None:
    device = a_library(stores)
    ids = device.push([{**BOOK, "isbn": str(n)} for n in range(4)]).record_ids
    assert counts(device.delete({"isbn": "0"})) == (0, 0, 0, 1, 0)
    assert counts(device.delete([{"isbn": "1", "title": "whatever"}, {"isbn": "9"}])) == (0, 0, 0, 1, 0)
    assert counts(device.delete_by_id(ids[2])) == (0, 0, 0, 1, 0)
    assert counts(device.delete_by_id(ids[2])) == (0, 0, 0, 0, 0)
    assert counts(device.delete_by_id("../../etc")) == (0, 0, 0, 0, 0)
    assert counts(device.delete([])) == (0, 0, 0, 0, 0)
    assert [book["isbn"] for book in device.stored().values()] == ["3"]


@pytest.mark.parametrize(
    ("body", "refusal"), [({}, InvalidPayload), ([{}], InvalidPayload), ([{"isbn": "1"}, {}], InvalidRecord)]
)
def test_an_empty_object_never_deletes(stores: Stores, body: Any, refusal: type[Refused]) -> None:
    device = a_library(stores)
    device.push(BOOK)
    with pytest.raises(refusal):
        device.delete(body)
    assert len(device.stored()) == 1


def test_one_bad_record_refuses_the_whole_payload(stores: Stores) -> None:
    device = a_library(stores)
    with pytest.raises(InvalidRecord) as refused:
        device.push([BOOK, {"title": "No isbn"}])
    assert [(d.index, d.field, d.code) for d in refused.value.details] == [(1, "isbn", "missing_unique_key")]
    assert device.stored() == {}


def test_a_lenient_push_stores_the_good_records_and_reports_the_others(stores: Stores) -> None:
    device = a_library(stores)
    receipt = device.push([BOOK, {"title": "No isbn"}], lenient=True)
    assert counts(receipt) == (1, 0, 0, 0, 1)
    assert [d["index"] for d in receipt.as_answer()["details"]] == [1]
    assert len(device.stored()) == 1


def test_a_receipt_tells_later_what_became_of_a_batch(stores: Stores) -> None:
    device = a_library(stores)
    receipt = device.push([BOOK, {**BOOK, "isbn": "2", "shelf": "A"}])
    later = read_batch(stores, device.target, receipt.batch_id, NOW, Deadline(5))
    assert (later["state"], later["created"], later["ignored_fields"]) == ("applied", 2, ["shelf"])
    assert "record_ids" not in later
    assert sorted(receipt.as_answer()["record_ids"]) == sorted(device.stored())


def test_a_refusal_is_noted_with_its_reason(stores: Stores) -> None:
    device = a_library(stores)
    with pytest.raises(InvalidRecord) as refused:
        device.push({"title": "No isbn"})
    noted = read_batch(stores, device.target, refused.value.batch_id or "", NOW, Deadline(5))
    assert (noted["state"], noted["error_code"]) == ("refused", "invalid_record")
    assert noted["details"][0]["field"] == "isbn"


@pytest.mark.parametrize(("times", "noted"), [(2, []), (3, ["failed"])])
def test_a_push_that_publications_overtake_is_noted_when_it_is_given_up(
    stores: Stores, times: int, noted: list[str]
) -> None:
    device = a_library(stores)
    device.is_followed = False
    commit_job(device, [], 0)
    overtaken = iter(range(times))

    def overtake(operation: str) -> None:
        if operation == "transact_write_items" and next(overtaken, None) is not None:
            reason = {"Code": "ConditionalCheckFailed", "Item": {"version": {"N": "0"}}}
            code = {"Code": "TransactionCanceledException", "Message": ""}
            raise ClientError({"Error": code, "CancellationReasons": [reason]}, operation)

    stores.client.before = overtake
    with nullcontext() if times == 2 else pytest.raises(ConfigurationMoved):
        device.push(BOOK)
    kept = stores.activity.newest(device.dataset_uid, "refusal", 10, Deadline(5))
    assert [entry["state"] for entry in kept] == noted


def test_wrong_keys_and_unknown_names_are_refused_alike(stores: Stores) -> None:
    device = a_library(stores)
    right = device.target
    wrong = [
        PushTarget(dataset_id=right.dataset_id, resource_id="realtime", push_key="0" * 56),
        PushTarget(dataset_id=right.dataset_id, resource_id="realtime", push_key=""),
        PushTarget(dataset_id=right.dataset_id, resource_id="realtime1", push_key=right.push_key),
        PushTarget(dataset_id="unknown", resource_id="realtime", push_key=right.push_key),
        PushTarget(dataset_id="x" * 5000, resource_id="realtime", push_key=right.push_key),
        PushTarget(dataset_id="../" + right.dataset_id, resource_id="realtime", push_key=right.push_key),
    ]
    messages = set()
    for target in wrong:
        device.target = target
        with pytest.raises(InvalidPushKey) as refused:
            device.push(BOOK)
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_disabling_refuses_pushes_and_deletes_and_touches_nothing(stores: Stores) -> None:
    device = a_library(stores)
    device.push(BOOK)
    set_push_enabled(device.dataset_uid, device.resource_uid, False, NOW)
    for refused in (lambda: device.push({**BOOK, "isbn": "2"}), lambda: device.delete(BOOK)):
        with pytest.raises(PushDisabled):
            refused()
    assert len(device.stored()) == 1
    set_push_enabled(device.dataset_uid, device.resource_uid, True, NOW)
    device.push({**BOOK, "isbn": "2"})
    assert len(device.stored()) == 2


def test_a_dataset_that_is_not_published_takes_no_push(stores: Stores) -> None:
    device = a_library(stores, published=False)
    with pytest.raises(DatasetNotPublished):
        device.push(BOOK)


def test_a_deployment_without_push_says_so(stores: Stores) -> None:
    device = a_library(stores)
    device.offers_push = False
    with pytest.raises(FeatureNotAvailable, match="does not offer push"):
        device.push(BOOK)


def test_after_unpublish_nothing_is_left_and_push_is_refused(stores: Stores) -> None:
    device = a_library(stores)
    device.push(BOOK)
    unpublish(device.stores, device.dataset_uid, NOW)
    with pytest.raises(DatasetNotPublished):
        device.push(BOOK)
    assert device.stored() == {}


def test_a_renewed_key_replaces_the_old_one_at_once_or_after_an_overlap(stores: Stores) -> None:
    device = a_library(stores)
    old = device.target
    renewed = renew_push_key(stores, device.dataset_uid, device.resource_uid, {"overlap_minutes": 10}, NOW)
    device.push(BOOK)
    device.now = NOW + timedelta(minutes=10)
    with pytest.raises(InvalidPushKey):
        device.push(BOOK)
    assert renewed.switches is not None
    assert len(renewed.switches.keys) == 2
    renewed = renew_push_key(stores, device.dataset_uid, device.resource_uid, {}, NOW)
    assert renewed.switches is not None
    assert len(renewed.switches.keys) == 1
    device.target = old
    with pytest.raises(InvalidPushKey):
        device.push(BOOK)


def photo(content: bytes) -> dict[str, str]:
    return {"content": base64.b64encode(content).decode(), "content-type": "image/jpg"}


def files_of(device: Device) -> dict[str, bytes]:
    """All objects of the files bucket."""
    client = device.stores.files._client
    listed = client.list_objects_v2(Bucket=device.stores.names.files_bucket).get("Contents", [])
    return {entry["Key"]: device.stores.files.get(entry["Key"]) or b"" for entry in listed}


def test_file_contents_are_stored_replaced_and_removed_with_their_record(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"id": "1", "photo": photo(b"x")}, unique_key=["id"])
    device.push({"id": "1", "photo": photo(b"first")})
    assert list(files_of(device).values()) == [b"first"]
    assert counts(device.push({"id": "1", "photo": photo(b"first")})) == (0, 0, 1, 0, 0)
    device.now = at(SETTLED_AFTER)
    device.push({"id": "1", "photo": photo(b"second")})
    assert list(files_of(device).values()) == [b"second"]
    device.now = at(2 * SETTLED_AFTER)
    device.push({"id": "2", "photo": photo(b"second")})
    device.delete({"id": "1"})
    assert list(files_of(device).values()) == [b"second"]
    device.now = at(3 * SETTLED_AFTER)
    device.push({"id": "2"})
    assert files_of(device) == {}


def test_the_keys_of_its_files_count_in_the_size_of_a_record(stores: Stores) -> None:
    record = {"id": "1", **{f"photo_{number}": photo(b"x") for number in range(40)}}
    device = a_device(stores, bootstrap={**record, "text": ""}, unique_key=["id"])
    with pytest.raises(InvalidRecord) as refused:
        device.push({**record, "text": "x" * MAX_RECORD_BYTES})
    (detail,) = refused.value.details
    assert detail.code == "record_too_large"
    others = int(detail.message.split()[3]) - MAX_RECORD_BYTES  # the record takes 999999 bytes as stored
    device.push({**record, "text": "x" * (MAX_RECORD_BYTES - others)})
    (stored,) = device.stored().values()
    text = json.dumps(stored, separators=(",", ":"))
    assert len(text) + sum(len(key) for key in files_of(device)) <= MAX_RECORD_BYTES


def test_file_contents_of_a_moment_ago_stay_until_nobody_can_be_writing_them_any_more(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"id": "1", "photo": photo(b"x")}, unique_key=["id"])
    device.push([{"id": str(n), "photo": photo(b"first")} for n in range(3)])
    calls = stores.client.calls.total()
    device.now = at(60)
    device.push([{"id": "1", "photo": photo(b"second")}, {"id": "2", "photo": photo(b"first")}])
    assert stores.client.calls.total() - calls == 3, "the note costs no call"
    device.delete({"id": "0"})
    for seconds in (60, 60 + LEFT_FOR.total_seconds() - 1):
        ring_again(stores, at(seconds), Deadline(5))
        work(stores, lambda: device.now)
        assert sorted(files_of(device).values()) == [b"first"] * 3 + [b"second"]
    ring_again(stores, at(60) + LEFT_FOR, Deadline(5))
    work(stores, lambda: at(60) + LEFT_FOR)
    assert sorted(files_of(device).values()) == [b"first", b"second"]
    assert list(SweepItem.query(SWEEPS)) == []


def test_a_storage_that_fails_answers_unavailable_and_repeating_is_safe(stores: Stores) -> None:
    device = a_library(stores)

    def fail(operation: str) -> None:
        if operation == "batch_write_item":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)

    stores.client.before = fail
    device.seconds = 0.3
    with pytest.raises(TemporarilyUnavailable):
        device.push([BOOK])
    stores.client.before = lambda _operation: None
    assert counts(device.push([BOOK])) == (1, 0, 0, 0, 0)


def test_what_is_written_in_part_is_not_refused_when_a_publication_overtakes_it(stores: Stores) -> None:
    """A refusal would say that nothing happened, and what is backed up would be withdrawn."""
    device = a_device(stores, bootstrap={"isbn": "1", "pages": "x"}, unique_key=["isbn"], recovery=True)
    stacks.fields.add(device.dataset_uid, {"type": "type", "field": "pages", "type_param": "int"})
    calls = Counter[str]()
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    def before(operation: str) -> None:
        calls[operation] += 1
        if operation == "batch_write_item" and calls[operation] > 1:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
        if operation == "transact_write_items":
            stores.client.before = lambda _operation: None
            device.publish()

    stores.client.before = before
    with pytest.raises(TemporarilyUnavailable):
        device.push(
            [{"isbn": str(n), "pages": "many"} for n in range(60)],
            deadline=Deadline(20, clock=lambda: passed[0], sleep=sleep),
        )
    assert 0 < len(device.stored()) < 60
    assert len(list(stores.backups.objects(device.dataset_uid, device.resource_uid))) == 1


class ReceiptsOnly:
    """A client whose batches bring through all but the records."""

    def __init__(self, stores: Stores) -> None:
        self._client, self._records = stores.client, stores.names.records_table

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803 - AWS's spelling
        rest = {table: requests for table, requests in RequestItems.items() if table != self._records}
        if rest:
            self._client.batch_write_item(RequestItems=rest)
        return {"UnprocessedItems": {t: r for t, r in RequestItems.items() if t == self._records}}


def test_a_receipt_never_tells_of_records_that_did_not_come_through(stores: Stores) -> None:
    device, clock, records = a_library(stores), Clock(), stores.records
    device.is_followed = False
    stores.records = RecordStore(ReceiptsOnly(stores), stores.names.records_table)
    with pytest.raises(TemporarilyUnavailable) as caught:
        device.push([BOOK], deadline=Deadline(7, clock, clock.sleep))
    assert caught.value.batch_id is not None
    assert read_batch(stores, device.target, caught.value.batch_id, NOW, Deadline(5))["state"] == "failed"
    receipt = device.push([BOOK], deadline=Deadline(20, clock, clock.sleep))
    assert read_batch(stores, device.target, receipt.batch_id, NOW, Deadline(5))["state"] == "queued"
    stores.records = records
    work(stores)
    assert read_batch(stores, device.target, receipt.batch_id, NOW, Deadline(5))["created"] == 1


def test_ndjson_and_null_values_follow_the_resource(stores: Stores) -> None:
    device = a_library(stores, null_values=["NA"])
    device.push(b'{"isbn": "1", "pages": "NA"}\n{"isbn": "2", "pages": ""}', content_type="application/x-ndjson")
    assert sorted(json.dumps(book) for book in device.stored().values()) == ['{"isbn": "1"}', '{"isbn": "2"}']


@pytest.mark.parametrize("length", [450_000, 4_000_000])
def test_unknown_fields_with_endless_names_are_reported_cut(stores: Stores, length: int) -> None:
    device = a_library(stores)
    receipt = device.push({**BOOK, "z" * length: 1})
    assert receipt.as_answer()["ignored_fields"] == ["z" * 100]
    strict = a_library(stores, unknown_fields="refuse")
    with pytest.raises(InvalidRecord) as refused:
        strict.push({**BOOK, "z" * length: 1})
    assert len(refused.value.details[0].message) < 5_000


@pytest.mark.parametrize("is_queued", [False, True])
def test_what_is_refused_never_makes_the_receipt_too_large_for_its_item(stores: Stores, is_queued: bool) -> None:
    names = [f"フィールド名称その{number:03}" for number in range(160)]
    device = a_device(stores, bootstrap=dict.fromkeys(names, "x"))
    device.is_followed = False
    good = {names[1]: "v" * 300_000}
    body = [good, *({names[1]: str(n), names[2]: "v" * 300_000} for n in range(4 * is_queued)), *[{}] * 300]
    receipt = device.push(body, lenient=True)
    assert receipt.state == ("queued" if is_queued else "applied")
    stored = stores.activity.batch(device.dataset_uid, receipt.batch_id, Deadline(5))
    assert stored is not None
    assert len(json.dumps(stored, ensure_ascii=False).encode()) < 80_000
    assert stored["rejected"] == 300
    left_out = 300 - len(stored["details"])
    assert stored["details"][-1]["message"].endswith(f"({left_out} more are not listed: mend these first)")
    for job in stores.lane.read(device.target.dataset_id, Deadline(5)).jobs:
        assert job.receipt["details"] == stored["details"]


def test_whoever_makes_an_entry_of_the_activity_its_details_fit(stores: Stores) -> None:
    details = [{"index": n, "field": None, "error_code": "invalid_value", "message": "é" * 3000} for n in range(100)]
    stores.activity.put_receipt("da_tests0", "0" * 28, {"details": details}, NOW, Deadline(5))
    stored = stores.activity.batch("da_tests0", "0" * 28, Deadline(5))
    assert stored is not None
    assert len(json.dumps(stored, ensure_ascii=False).encode()) < 61_000


def test_rotations_that_overlap_keep_every_promise(stores: Stores) -> None:
    device = a_library(stores)
    for _ in range(2):
        renew_push_key(stores, device.dataset_uid, device.resource_uid, {"overlap_minutes": 60}, NOW)
    device.push(BOOK)
    device.now = NOW + timedelta(minutes=60)
    with pytest.raises(InvalidPushKey):
        device.push(BOOK)
