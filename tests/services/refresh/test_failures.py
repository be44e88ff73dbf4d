"""A run that fails, or dies anywhere, has changed nothing; the next one comes to the same as if it had not been."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.domain.run import FAILED, QUEUED, UNCHANGED
from chalicelib.services.datasets.source_copies import find_copy
from chalicelib.services.lane.control import abort_first_job
from chalicelib.services.refresh.job import apply_refresh
from chalicelib.services.tick import ring_again
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.deployment import PatientDeadline, Tables
from tests.faults import EVERY, STARTS, CallCounter, Crash, counted
from tests.services.refresh.newsroom import Newsroom, Saved, WebFile, a_newsroom, the_newsroom
from tests.services.uploads.uploading import Watch
from tests.sources.web import Answer, Request, Site, head, redirect, reply

BOOKS = {"1": "Emma", "2": "Persuasion", "3": "Sanditon"}
LONG = b"isbn,title\n" + b"".join(b"%d,%s\n" % (number, b"x" * 300_000) for number in range(30))


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    return the_newsroom(shared_stores, site, BOOKS)


def cut_off(request: Request) -> None:
    """Nine megabytes are announced, and the connection ends after eight and a half."""
    request.write(head("200 OK", {"Content-Length": str(len(LONG))}), LONG[: 17 * 512 * 1024])
    request.close_connection = True


@pytest.mark.parametrize(
    ("answer", "code", "may_succeed_later", "http_status"),
    [
        (cut_off, "incomplete", True, None),
        (reply(b"isbn,title\n1,E\n", length=100), "incomplete", True, None),
        (reply(b"isbn,title\n1,Emma\n2,a,b\n"), "broken_file", False, None),
        (reply(status="404 Not Found"), "file_not_there", False, 404),
        (reply(status="503 Busy", headers={"Retry-After": "120"}), "server_failed", True, 503),
        (redirect("/elsewhere", "301 Moved"), "redirect_refused", False, None),
    ],
    ids=["cut off", "wrong length", "broken", "404", "503", "redirect loop"],
)
def test_a_run_that_fails_changes_nothing(
    room: Newsroom, site: Site, answer: Answer, code: str, may_succeed_later: bool, http_status: int | None
) -> None:
    site.routes["/elsewhere"] = redirect("/elsewhere")
    room.file.answer = answer
    outcome = room.refresh()
    assert (outcome.state, outcome.code, outcome.may_succeed_later) == (FAILED, code, may_succeed_later)
    assert (outcome.http_status, outcome.retry_after) == (http_status, 120 if http_status == 503 else None)
    assert outcome.message
    assert room.books() == BOOKS
    assert sorted(room.kept_objects()) == room.copy_objects()
    room.file.answer = None
    assert room.refresh().state == UNCHANGED


def test_a_file_of_several_parts_is_kept_whole(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, {"1": "Emma"})
    before = Tables()
    room.file.content = LONG
    assert room.run().state == QUEUED
    contents = [key for key in room.kept_objects() if "/copies/" in key and not key.endswith(".manifest")]
    assert LONG in [shared_stores.sources.get(key) for key in contents]
    before.put_back()


def test_a_job_that_is_not_accepted_soon_is_not_accepted_later(room: Newsroom) -> None:
    """Whoever pushes until it is finds no job; the worker waits for those who began some seconds after its date."""
    room.file.hold({**BOOKS, "4": "New"})
    watch, client = Watch(), room.stores.client

    def be_busy(operation: str) -> None:
        if operation == "transact_write_items" and watch.seconds < 50:
            watch.pass_by(1)
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)

    client.before = be_busy
    outcome = room.run(deadline=watch.deadline(270))
    client.before = lambda _: None
    assert (outcome.state, outcome.may_succeed_later, watch.seconds < 8) == (FAILED, True, True)
    room.refresh()
    assert room.books() == {**BOOKS, "4": "New"}


def test_a_run_whose_time_is_over_at_any_moment_changes_nothing_and_may_succeed_later(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "4": "New"})
    began, states = Tables(), []
    for looks in range(4, 30):
        times = iter([0.0] * looks + [100.0] * 1000)
        outcome = room.run(deadline=Deadline(60, clock=lambda times=times: next(times)))
        states.append(outcome.state)
        if outcome.state == QUEUED:
            began.put_back()
            continue
        assert (outcome.state, outcome.code, outcome.may_succeed_later) == (FAILED, "out_of_time", True)
        assert room.books() == BOOKS
    assert (states[0], states[-1]) == (FAILED, QUEUED)
    assert room.refresh().state == QUEUED


def test_storage_that_does_not_answer_is_a_failure_that_passes(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "4": "New"})

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="the bucket")

    client = room.stores.sources._client
    client.meta.events.register("before-send.s3.PutObject", fail, unique_id="fail")
    try:
        outcome = room.run()
    finally:
        client.meta.events.unregister("before-send.s3.PutObject", unique_id="fail")
    assert (outcome.state, outcome.code, outcome.may_succeed_later) == (FAILED, "temporarily_unavailable", True)
    assert room.refresh().state == QUEUED


def in_the_end(room: Newsroom) -> None:
    """A minute passes, and the tick rings for what waits."""
    room.seconds += 61
    ring_again(room.stores, room.now, Deadline(60))
    room.work()


def each_crash(room: Newsroom, act: Callable[[], Any], check: Callable[[int], None], first: int) -> None:
    """Do it again and again from the same beginning, dying before every fourth AWS call in turn."""
    began = Saved(room)
    with counted(room.stores, CallCounter()) as whole:
        act()
    assert whole.calls > 5
    for fatal in range(first, whole.calls, EVERY):
        began.put_back()
        with counted(room.stores, CallCounter(fatal)), suppress(Crash):
            act()
        check(fatal)


AFTER = {"1": "Pushed", "2": "Changed", "5": "New"}


@STARTS
def test_a_run_that_dies_between_any_two_calls_is_mended_by_its_retry(room: Newsroom, first: int) -> None:
    room.push(_1="Pushed")
    room.file.hold({"1": "Emma", "2": "Changed", "5": "New"})

    def check(fatal: int) -> None:
        assert room.run("the-run").state == QUEUED, fatal
        in_the_end(room)
        assert room.books() == AFTER, fatal
        assert room.run("next").state == UNCHANGED, fatal

    each_crash(room, lambda: room.run("the-run"), check, first)


@STARTS
def test_a_worker_that_dies_between_any_two_calls_is_followed_by_one_that_goes_on(room: Newsroom, first: int) -> None:
    room.push(_1="Pushed")
    room.file.hold({"1": "Emma", "2": "Changed", "5": "New"})
    outcome = room.run("the-run")

    def check(fatal: int) -> None:
        in_the_end(room)
        assert room.books() == AFTER, fatal
        state, kept = room.receipt(outcome), room.kept_objects()
        assert (state["state"], state["created"] + state["updated"] + state["unchanged"]) == ("applied", 3), fatal
        copy = find_copy(room.dataset_uid, room.resource_uid)
        assert copy is not None
        assert (copy.batch_id, copy.overwritten_by, copy.records) == (outcome.batch_id, None, 3), fatal
        assert set(room.copy_objects()) <= set(kept), fatal

    each_crash(room, room.work, check, first)


def test_a_job_that_is_given_up_half_way_is_made_good_by_the_next_run(room: Newsroom) -> None:
    """Otherwise records that it had written would never be put back: the file is what it was."""
    room.file.hold({"1": "Half", "2": "Half", "3": "Half"})
    room.run()
    (job,) = room.stores.lane.read(room.device.target.dataset_id, Deadline(5)).jobs

    def die(operation: str) -> None:
        if operation == "update_item":  # the note of what is done
            raise Crash

    room.stores.client.before = die
    with pytest.raises(Crash):
        apply_refresh(room.stores, job, lambda: room.now, PatientDeadline(60))
    room.stores.client.before = lambda _: None
    assert room.books() == {"1": "Half", "2": "Half", "3": "Half"}
    for _ in range(5):
        room.stores.lane.begin_attempt(room.device.target.dataset_id, room.now, Deadline(5))
    room.stores.lane.note_problem(room.device.target.dataset_id, "it failed", Deadline(5))
    abort_first_job(room.stores, room.dataset_uid, room.now, Deadline(5))
    room.work()
    room.file.hold(BOOKS)
    assert room.refresh().state == QUEUED
    assert room.books() == BOOKS
    assert room.refresh().state == UNCHANGED


def test_private_addresses_are_refused_where_they_are_not_allowed(room: Newsroom, site: Site) -> None:
    outcome = room.run(guard=AddressGuard())
    assert (outcome.state, outcome.code) == (FAILED, "address_refused")


def test_a_file_of_another_dataset_is_none_of_its_business(room: Newsroom, site: Site) -> None:
    other = a_newsroom(room.stores, site, {"8": "Other"}, file=WebFile(has_etag=False))
    room.file.hold({**BOOKS, "4": "New"})
    room.refresh()
    assert other.books() == {"8": "Other"}
