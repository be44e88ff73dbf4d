"""A file past the limit of a push is checked whole before it is accepted, and then a push like any other."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import FeatureNotAvailable, UploadMissing, UploadNotFound, UploadRefused
from chalicelib.services.push import push
from chalicelib.services.tick import ring_again
from chalicelib.services.uploads.uploads import UploadRequest, open_upload, shown_upload
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import work
from tests.faults import CallCounter, Crash, counted
from tests.services.lane.queues import keys_in
from tests.services.uploads.uploading import a_library, commit, lines, loans, uploaded

BOOKS = [{"isbn": str(n), "loans": n} for n in range(30)]
MANY = [{"isbn": str(n), "loans": n} for n in range(2100)]  # more than are prepared at once


def table(books: list[dict[str, Any]]) -> bytes:
    return "\n".join(["isbn;loans", *(f"{book['isbn']};{book['loans']}" for book in books)]).encode()


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (lines(MANY), None),
        (lines(BOOKS), {"format": "jsonl"}),
        (gzip.compress(lines(BOOKS)), None),
        (json.dumps(BOOKS).encode(), {"format": "json"}),
        (table(BOOKS), None),
        (gzip.compress(table(BOOKS)), {"format": "csv"}),
    ],
    ids=["lines", "lines as said", "lines in gzip", "array", "table", "table in gzip"],
)
def test_a_file_is_checked_then_accepted_then_applied(stores: Stores, content: bytes, body: Any) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, content, body)
    assert shown_upload(commit(device, upload_id)) == {"status": "checking", "upload_id": upload_id}
    assert loans(device) == {}
    work(stores)
    shown = shown_upload(commit(device, upload_id))
    count = shown["records"]
    assert (shown["status"], shown["rejected"], shown["estimated_seconds"]) == ("OK", 0, 1)
    assert count in (len(BOOKS), len(MANY))
    assert loans(device) == {book["isbn"]: book["loans"] for book in MANY[:count]}
    receipt = stores.activity.batch(device.dataset_uid, shown["batch_id"], Deadline(5))
    assert receipt is not None
    assert (receipt["state"], receipt["created"], receipt["records"]) == ("applied", count, count)
    assert stores.jobs.get(upload_key(device.dataset_uid, upload_id)) is None
    assert work(stores) == 0


def test_one_bad_record_refuses_the_whole_file_with_its_line(stores: Stores) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines([*MANY[:2050], {"isbn": "x", "loans": "many"}, *MANY[2050:]]))
    commit(device, upload_id)
    work(stores)
    with pytest.raises(UploadRefused, match="1 records are refused; nothing was written") as refused:
        commit(device, upload_id)
    (detail,) = refused.value.details
    assert (detail["index"], detail["field"]) == (2050, "loans")
    assert detail["message"].startswith("line 2051: ")
    assert loans(device) == {}
    assert keys_in(stores.jobs, device.dataset_uid) == []


@pytest.mark.parametrize("content", [b'"just a string"', b" \n\n", b"isbn;loans\n"])
def test_a_file_in_which_nothing_is_found_is_no_sign_of_life_unless_it_is_meant(stores: Stores, content: bytes) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, content)
    commit(device, upload_id)
    work(stores)
    with pytest.raises(UploadRefused, match="if it is meant to be empty"):
        commit(device, upload_id)
    for meant, body in ((b"isbn;loans\n", {"format": "csv"}), (b"[]", None)):
        upload_id = uploaded(device, meant, body)
        commit(device, upload_id)
        work(stores)
        assert shown_upload(commit(device, upload_id))["records"] == 0


def test_a_lenient_commit_leaves_bad_records_out(stores: Stores) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines([BOOKS[0], {"isbn": "x", "loans": "many"}, BOOKS[1]]))
    commit(device, upload_id, lenient=True)
    work(stores)
    shown = shown_upload(commit(device, upload_id, lenient=True))
    assert (shown["records"], shown["rejected"]) == (2, 1)
    assert loans(device) == {"0": 0, "1": 1}


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b broken", b'{"isbn": "1"\n'])
def test_a_file_that_cannot_be_read_is_refused(stores: Stores, content: bytes) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, content)
    commit(device, upload_id)
    work(stores)
    with pytest.raises(UploadRefused, match="cannot be read"):
        commit(device, upload_id)


def test_an_upload_belongs_to_its_resource_and_must_have_arrived(stores: Stores) -> None:
    device, other = a_library(stores), a_library(stores)
    with pytest.raises(UploadMissing):
        commit(device, uploaded(device, None))
    for unknown in (uploaded(other, b"{}"), "0" * 28, "", "x" * 5000):
        with pytest.raises(UploadNotFound):
            commit(device, unknown)


def test_pushes_after_an_accepted_file_stand(stores: Stores) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines(BOOKS))
    commit(device, upload_id)
    device.is_followed = False
    with counted(stores, CallCounter(4, then=lambda: device.push({"isbn": "7", "loans": -1}))):
        work(stores)
    assert loans(device)["7"] in (-1, 7)  # while it was being checked: either
    device.push({"isbn": "7", "loans": -2})
    work(stores)
    assert loans(device)["7"] == -2


def test_a_worker_that_dies_anywhere_leaves_it_to_the_next(stores: Stores) -> None:
    device = a_library(stores)
    with counted(stores, CallCounter()) as whole:
        commit(device, uploaded(device, lines(BOOKS[:30])))
        work(stores)
    for fatal in range(4, whole.calls):
        upload_id = uploaded(device, lines([{"isbn": "a", "loans": fatal}]))
        try:
            with counted(stores, CallCounter(fatal)):
                commit(device, upload_id)
                work(stores)
        except Crash:
            pass
        commit(device, upload_id)
        ring_again(stores, at(61), Deadline(5))
        work(stores)
        assert shown_upload(commit(device, upload_id))["status"] == "OK"
        assert loans(device)["a"] == fatal


def test_a_storage_that_does_not_answer_is_asked_again(stores: Stores) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines(BOOKS[:3]))
    commit(device, upload_id)

    def fail(operation: str) -> None:
        if operation == "query":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, operation)

    stores.client.before = fail
    with pytest.raises(ClientError):
        work(stores)
    stores.client.before = lambda _operation: None
    work(stores)
    assert len(loans(device)) == 3


@pytest.mark.parametrize("content", [b"[]", b"\n", b"isbn;loans\n"])
def test_a_file_without_records_changes_nothing_and_stops_nothing(stores: Stores, content: bytes) -> None:
    device = a_library(stores)
    body = {"format": {b"[]": "json", b"\n": "jsonl"}.get(content, "csv")}
    upload_id = uploaded(device, content, body)
    commit(device, upload_id)
    work(stores)
    assert shown_upload(commit(device, upload_id))["records"] == 0
    device.push({"isbn": "1", "loans": 1})
    assert loans(device) == {"1": 1}


def test_an_accepted_file_is_counted_as_a_push_is(
    stores: Stores, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines([BOOKS[0], {"isbn": "x", "loans": "many"}]))
    commit(device, upload_id, lenient=True)
    work(stores)
    told = capsys.readouterr().out
    assert caplog.messages.count("batch accepted") == 1
    for counted_once in ('"PushesAccepted":[1.0]', '"PushesQueued":[1.0]', '"RecordsRejected":[1.0]'):
        assert told.count(counted_once) == 1


def test_a_refused_file_is_logged_and_noted_under_its_id(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    device = a_library(stores)
    upload_id = uploaded(device, lines([{"isbn": str(n), "loans": "many"} for n in range(20)]))
    commit(device, upload_id)
    work(stores)
    assert caplog.messages.count("refused") == 1
    with pytest.raises(UploadRefused) as refused:
        commit(device, upload_id)
    assert refused.value.batch_id == upload_id
    noted = push.read_batch(stores, device.target, upload_id, NOW, Deadline(5))
    assert (noted["state"], noted["error_code"], len(noted["details"])) == ("refused", "invalid_record", 10)
    assert noted["message"] == refused.value.message


def test_an_upload_that_is_not_even_opened_is_noted_too(stores: Stores) -> None:
    device = a_library(stores)
    request = UploadRequest(target=device.target)
    with pytest.raises(FeatureNotAvailable) as refused:
        open_upload(stores, request, offers_push=False, now=NOW, deadline=Deadline(5))
    noted = stores.activity.batch(device.dataset_uid, refused.value.batch_id or "", Deadline(5))
    assert noted is not None
    assert noted["error_code"] == "feature_not_available"
