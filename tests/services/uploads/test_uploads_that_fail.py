"""Uploads that are refused, or whose check fails: nothing is left of them, and what can be mended says how."""

import base64
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.domain.errors import DatasetNotPublished, TemporarilyUnavailable, UploadRefused
from chalicelib.services.datasets import stacks
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.push.push import read_batch
from chalicelib.services.tick import ring_again
from chalicelib.services.uploads.uploads import shown_upload
from chalicelib.services.writing.staging import PREPARED_AT_ONCE
from chalicelib.store.catalog.keys import ACCEPTED, CHECKING, REFUSED
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import work
from tests.faults import CallCounter, counted
from tests.services.devices import Device, a_device
from tests.services.lane.queues import keys_in
from tests.services.uploads.uploading import Watch, a_library, check, commit, lines, loans, uploaded

PHOTO = {"content": base64.b64encode(b"GIF89a").decode(), "content-type": "image/gif"}
FEW = [{"isbn": str(n), "loans": n, "photo": PHOTO} for n in range(3)]
MANY = [{"isbn": str(n), "loans": n, "photo": PHOTO} for n in range(600)]  # more than are prepared at once
BAD = {"isbn": "x", "loans": "many"}


def a_gallery(stores: Stores, **params: Any) -> Device:
    bootstrap = {"isbn": "1", "loans": 1, "photo": None}
    device = a_device(stores, bootstrap=bootstrap, types={"photo": "file"}, unique_key=["isbn"], **params)
    device.is_followed = False
    return device


def left_of(device: Device) -> list[str]:
    """The keys of all that is kept for the dataset in the buckets, but for configurations, which stay."""
    stores, uid = device.stores, device.dataset_uid
    buckets = (stores.jobs, stores.files, stores.backups.bucket)
    return [key for bucket in buckets for key in keys_in(bucket, uid) if not key.startswith("configurations/")]


def committed(device: Device, content: bytes, **options: Any) -> str:
    """The id of an upload that the worker is to check."""
    upload_id = uploaded(device, content)
    commit(device, upload_id, **options)
    return upload_id


def state_of(device: Device, upload_id: str) -> str:
    try:
        return commit(device, upload_id).state
    except UploadRefused:
        return REFUSED


def test_of_a_refused_file_no_part_and_no_file_content_is_left(stores: Stores) -> None:
    device = a_gallery(stores)
    upload_id = committed(device, lines([*MANY, BAD]))
    work(stores)
    assert (state_of(device, upload_id), left_of(device)) == (REFUSED, [])


def test_contents_of_parts_that_were_kept_already_go_with_them(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.services.writing.staging.PART_RECORDS", 200)
    device = a_gallery(stores)
    upload_id = committed(device, lines([*MANY, *MANY, BAD]))
    work(stores)
    assert (state_of(device, upload_id), left_of(device)) == (REFUSED, [])


def test_whenever_time_runs_out_the_upload_is_accepted_or_nothing_is_left_of_it(stores: Stores) -> None:
    device = a_gallery(stores, recovery=True)
    states = set[str]()
    for call in range(40):
        watch = Watch()
        upload_id = committed(device, lines(FEW))
        with counted(stores, CallCounter(call, then=lambda: watch.pass_by(6))) as counter:  # noqa: B023 - called inside
            check(device, upload_id, watch, seconds=5)
        states.add(state := state_of(device, upload_id))
        if state == ACCEPTED:
            break
        assert (state, left_of(device)) == (REFUSED, []), call
    assert states == {REFUSED, ACCEPTED}
    assert counter.calls > 10, "it was backed up, too"


def test_a_bucket_that_fails_leaves_nothing_behind_and_the_next_check_accepts(stores: Stores) -> None:
    device = a_gallery(stores, recovery=True)
    for put in ("files", "jobs", "backups"):
        upload_id = committed(device, lines(FEW))
        bucket = stores.backups.bucket if put == "backups" else getattr(stores, put)
        events, fault = bucket._client.meta.events, _Fault("PutObject", "SlowDown", status=503)
        events.register("before-call.s3.PutObject", fault)
        watch = Watch()
        try:
            with pytest.raises(TemporarilyUnavailable):
                check(device, upload_id, watch)
        finally:
            events.unregister("before-call.s3.PutObject", fault)
        assert state_of(device, upload_id) == CHECKING
        assert left_of(device) == [f"uploads/{device.dataset_uid}/{upload_id}"]
        work(stores)
        assert state_of(device, upload_id) == ACCEPTED
        unpublish(stores, device.dataset_uid, NOW)
        device = a_gallery(stores, recovery=True)


def test_a_backup_of_which_nobody_knows_whether_it_was_kept_is_taken_back(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = a_gallery(stores, recovery=True)
    upload_id, keep = committed(device, lines(FEW)), stores.backups.keep

    def unanswered(*arguments: Any) -> str:
        keep(*arguments)
        raise TemporarilyUnavailable

    with monkeypatch.context() as patch, pytest.raises(TemporarilyUnavailable):
        patch.setattr(stores.backups, "keep", unanswered)
        check(device, upload_id, Watch())
    assert left_of(device) == [f"uploads/{device.dataset_uid}/{upload_id}"]
    work(stores)
    assert state_of(device, upload_id) == ACCEPTED


class _Fault:
    def __init__(self, operation: str, code: str, status: int) -> None:
        self._error = ClientError(
            {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},
            operation,
        )

    def __call__(self, **_: Any) -> None:
        raise self._error


def test_processors_that_take_too_long_leave_nothing_of_the_file(stores: Stores) -> None:
    device = a_gallery(stores)
    stacks.processors.add(device.dataset_uid, {"type": "copy", "field": "isbn", "output_field": "also"})
    device.publish()
    upload_id, watch = committed(device, lines([*MANY, *MANY])), Watch()
    puts = count(1)

    def let_time_pass(**_: Any) -> None:
        if next(puts) == PREPARED_AT_ONCE:  # the last of the contents of those records that are prepared first
            watch.pass_by()

    stores.files._client.meta.events.register("before-call.s3.PutObject", let_time_pass)
    check(device, upload_id, watch)
    assert (state_of(device, upload_id), left_of(device)) == (REFUSED, [])
    with pytest.raises(UploadRefused, match="simplify the processors"):
        commit(device, upload_id)


def unanswered(stores: Stores, when: str, then: Callable[[], None]) -> Callable[[], None]:
    """Let no answer come to a commit; what ends that. `when` is before-call or after-call."""
    events = stores.client._client.meta.events

    def fault(**_: Any) -> None:
        then()
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    events.register(f"{when}.dynamodb.TransactWriteItems", fault)
    return lambda: events.unregister(f"{when}.dynamodb.TransactWriteItems", fault)


def test_a_commit_that_was_accepted_without_an_answer_keeps_all_that_it_needs(stores: Stores) -> None:
    device, watch = a_gallery(stores, recovery=True), Watch()
    upload_id = committed(device, lines(FEW))
    answering = unanswered(stores, "after-call", watch.pass_by)
    check(device, upload_id, watch)
    answering()
    assert state_of(device, upload_id) == ACCEPTED
    ring_again(stores, at(2000), Deadline(5))
    work(stores)
    assert loans(device) == {"0": 0, "1": 1, "2": 2}
    assert len(keys_in(stores.files, device.dataset_uid)) == len(FEW)
    assert len(keys_in(stores.backups.bucket, f"{device.dataset_uid}/{device.resource_uid}")) == 2, "entry and copy"


def test_a_commit_that_never_came_is_refused_and_nothing_is_left_of_it(stores: Stores) -> None:
    device, watch = a_gallery(stores, recovery=True), Watch()
    upload_id = committed(device, lines(FEW))
    answering = unanswered(stores, "before-call", watch.pass_by)
    check(device, upload_id, watch)
    answering()
    assert (state_of(device, upload_id), left_of(device)) == (REFUSED, [])


def test_a_commit_that_comes_after_the_refusal_still_finds_its_records(stores: Stores) -> None:
    device = a_gallery(stores)
    upload_id, client, sent = committed(device, lines(FEW)), stores.client._client, list[dict[str, Any]]()

    def keep(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    def arrive() -> None:
        answering()
        client.transact_write_items(**sent[0])

    watch = Watch(meanwhile=arrive)
    client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", keep)
    answering = unanswered(stores, "before-call", watch.pass_by)
    check(device, upload_id, watch)
    assert state_of(device, upload_id) == ACCEPTED
    ring_again(stores, at(2000), Deadline(5))
    work(stores)
    assert loans(device) == {"0": 0, "1": 1, "2": 2}


@pytest.mark.parametrize("call", [1, 4, 6])
def test_an_upload_outlives_that_its_dataset_is_unpublished_meanwhile(stores: Stores, call: int) -> None:
    device, watch = a_library(stores), Watch()
    upload_id = committed(device, lines([{"isbn": "1", "loans": 1}]))

    def overtake() -> None:
        unpublish(stores, device.dataset_uid, NOW)

    with counted(stores, CallCounter(call, then=overtake)):
        check(device, upload_id, watch)
    with pytest.raises(DatasetNotPublished, match="publish it, then send the same request again"):
        commit(device, upload_id)
    noted = read_batch(stores, device.target, upload_id, NOW, Deadline(5))
    assert noted["error_code"] == "dataset_not_published"
    device.publish()
    assert shown_upload(commit(device, upload_id))["status"] == "checking"
    work(stores)
    assert state_of(device, upload_id) == ACCEPTED
    assert loans(device) == {"1": 1}


def test_a_device_that_waits_is_told_that_the_dataset_was_unpublished(stores: Stores) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines([{"isbn": "1", "loans": 1}]))

    def overtake() -> None:
        unpublish(stores, device.dataset_uid, NOW)
        check(device, upload_id, Watch())

    with (
        counted(stores, CallCounter(6, then=overtake)),  # it has rung, and looks at the upload
        pytest.raises(DatasetNotPublished) as refused,
    ):
        commit(device, upload_id, wait=1)
    assert refused.value.batch_id == upload_id


def test_long_reasons_for_refusals_are_kept_as_far_as_they_fit(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"a": 1}, unknown_fields="refuse", unique_key=["a"])
    device.is_followed = False
    bad = [{f"{n}" + "\u0001" * 99: 1 for n in range(10)} for _ in range(100)]
    upload_id = committed(device, lines([{"a": 1}, *bad]))
    work(stores)
    with pytest.raises(UploadRefused) as refused:
        commit(device, upload_id)
    shown = refused.value.details
    assert shown[-1]["message"].endswith(f"({100 - len(shown)} more are not listed: mend these first)")
    lenient = committed(device, lines([{"a": 1}, *bad]), lenient=True)
    work(stores)
    accepted = shown_upload(commit(device, lenient))
    assert (accepted["records"], accepted["rejected"]) == (1, 100)
    receipt = stores.activity.batch(device.dataset_uid, accepted["batch_id"], Deadline(5))
    assert receipt is not None
    assert receipt["details"] == shown
