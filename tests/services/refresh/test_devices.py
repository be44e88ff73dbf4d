"""Devices that push while a file is fetched: what they push prevails over the file, even when it was there already."""

import pytest

from chalicelib.domain.receipt import QUEUED
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import WORKER_DEAD_AFTER
from chalicelib.store.stores import Stores
from tests.deployment import work
from tests.services.refresh.newsroom import Newsroom, a_newsroom, the_newsroom
from tests.services.uploads.uploading import commit, lines, uploaded
from tests.sources.web import Site

BOOKS = {"1": "Emma", "2": "Persuasion"}
CHANGED = {"1": "Changed", "2": "Changed"}
MANY = [{"isbn": f"n{number}", "title": "New"} for number in range(1001)]  # more than a request writes itself


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    made = the_newsroom(shared_stores, site, BOOKS)
    made.push(_1="Pushed", _2="Pushed")
    return made


def written(room: Newsroom) -> int:
    return room.stores.client.written[room.stores.names.records_table]


def test_a_record_that_is_pushed_again_while_the_file_is_fetched_is_newer_than_the_file(room: Newsroom) -> None:
    room.file.hold(CHANGED)
    room.file.meanwhile = lambda: room.push(_1="Pushed")
    room.refresh()
    assert room.books() == {"1": "Pushed", "2": "Changed"}


def test_so_is_one_that_is_queued_meanwhile(room: Newsroom) -> None:
    def push() -> None:
        room.device.is_followed = False
        room.device.now = room.now
        assert room.device.push([*MANY, {"isbn": "1", "title": "Pushed"}]).state == QUEUED
        room.device.is_followed = True

    room.file.hold(CHANGED)
    room.file.meanwhile = push
    room.refresh()
    assert (room.books()["1"], room.books()["2"]) == ("Pushed", "Changed")


def test_so_is_one_of_a_file_that_is_uploaded_meanwhile(room: Newsroom) -> None:
    def push() -> None:
        room.device.now = room.now
        upload_id = uploaded(room.device, lines([{"isbn": "1", "title": "Pushed"}]))
        commit(room.device, upload_id)
        work(room.stores, lambda: room.now)

    room.file.hold(CHANGED)
    room.file.meanwhile = push
    room.refresh()
    assert room.books() == {"1": "Pushed", "2": "Changed"}


def test_one_that_changes_and_changes_back_while_it_waits_in_the_lane_is_newer_too(room: Newsroom) -> None:
    def push() -> None:
        room.device.is_followed = False
        room.device.push(MANY)
        room.push(_1="Between")
        room.push(_1="Pushed")
        room.device.is_followed = True

    room.file.hold(CHANGED)
    room.file.meanwhile = push
    room.refresh()
    assert (room.books()["1"], room.books()["2"]) == ("Pushed", "Changed")


def test_what_is_pushed_again_counts_as_unchanged_and_is_written_only_while_a_file_is_fetched(room: Newsroom) -> None:
    found: list[tuple[int, int, int | None, int | None]] = []
    activity = room.stores.names.activity_table

    def push() -> None:
        records, entries = written(room), room.stores.client.written[activity]
        room.seconds += 1
        room.device.now = room.now
        counts = room.device.push([{"isbn": "1", "title": "Pushed"}]).counts
        entries = room.stores.client.written[activity] - entries
        found.append((written(room) - records, entries, counts.unchanged, counts.updated))

    push()
    room.file.meanwhile = push
    room.refresh()
    room.file.meanwhile = lambda: None
    push()
    # One entry is the receipt: nothing says that the data has changed.
    assert found == [(0, 1, 1, 0), (1, 1, 1, 0), (0, 1, 1, 0)]
    assert room.device.live().fetching_until == 0


def test_that_a_file_is_fetched_is_forgotten_when_the_worker_has_died(room: Newsroom) -> None:
    live = room.device.live()
    until = int(room.now.timestamp()) + WORKER_DEAD_AFTER
    room.stores.live.note_fetching(live, until, Deadline(5))
    room.stores.live.forget_fetching(live, until - 1, Deadline(5))
    before = written(room)
    room.push(_1="Pushed")
    assert written(room) - before == 1, "another run has noted it since"
    room.seconds += WORKER_DEAD_AFTER
    room.push(_1="Pushed")
    assert written(room) - before == 1


def test_a_dataset_without_a_device_is_not_marked(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, has_device=False)
    seen: list[int] = []
    room.file.meanwhile = lambda: seen.append(room.device.live().fetching_until)
    room.refresh()
    assert seen == [0]
