"""Publishing a dataset with a remote resource: the worker fetches, and a failure of any kind has changed nothing."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.run import QUEUED, UNCHANGED
from chalicelib.services.datasets.datasets import delete_dataset
from chalicelib.services.datasets.schedule_marks import SEEN_TO_AFTER
from chalicelib.services.datasets.status import abort, status_of
from chalicelib.services.publication.publication import MAX_ATTEMPTS, publish
from chalicelib.services.resources.resources import delete_resource
from chalicelib.services.schedules import schedules
from chalicelib.services.schedules.schedules import Offer
from chalicelib.services.schedules.scheduling import Settled, settle_due
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.faults import STARTS
from tests.services.publication.publishers import while_it_is
from tests.services.refresh.newsroom import Newsroom, the_newsroom
from tests.services.refresh.test_failures import each_crash, in_the_end
from tests.sources.web import Site, reply

BOOKS = {"1": "Emma", "2": "Persuasion", "3": "Sanditon"}
AFTER = {"1": "Pushed", "2": "Persuasion", "4": "New"}


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    return the_newsroom(shared_stores, site, BOOKS)


def status(room: Newsroom) -> tuple[str, str | None]:
    shown = status_of(room.dataset_uid, room.now)
    return shown["status"], shown["message"]


def ask_to_publish(room: Newsroom) -> None:
    publish(room.stores, room.dataset_uid, room.now, Deadline(60))


def test_a_worker_fetches_however_small_the_file_is(room: Newsroom) -> None:
    room.file.hold({"2": "Persuasion", "4": "New"})
    room.push(_1="Pushed")
    ask_to_publish(room)
    assert status(room)[0] == "queued"
    assert room.file.statuses == []
    room.work()
    assert (status(room)[0], room.books()) == ("idle", AFTER)
    assert room.refresh().state == UNCHANGED
    assert sorted(room.kept_objects()) == room.copy_objects()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (reply(status="404 Not Found"), "The server has no such file"),
        (reply(b"isbn,title\n1,a,b\n"), "line 2 has 3 cells"),
        (reply(b"isbn,title\n", length=100), "did not arrive whole"),
    ],
    ids=["missing", "broken", "cut off"],
)
def test_a_fetch_that_fails_ends_the_publication_as_an_error_and_changes_nothing(
    room: Newsroom, answer: Any, sentence: str
) -> None:
    version = room.device.live().version
    room.file.answer = answer
    room.publish()
    shown, message = status(room)
    assert (shown, sentence in str(message)) == ("error", True)
    assert (room.device.live().version, room.books()) == (version, BOOKS)
    assert sorted(room.kept_objects()) == room.copy_objects()
    room.file.answer = None
    assert room.refresh().state == UNCHANGED


def test_a_publication_that_is_aborted_while_it_fetches_changes_nothing(room: Newsroom) -> None:
    def meanwhile() -> None:
        room.file.meanwhile = lambda: None
        abort(room.dataset_uid, room.now)

    room.file.hold({"1": "Changed"})
    room.file.meanwhile = meanwhile
    moments = iter(range(0, 30_000, 2))  # it is asked at most once a second whether to stop
    ask_to_publish(room)
    room.work(deadline=lambda: Deadline(50_000, clock=lambda: float(next(moments)), sleep=lambda _: None))
    assert (status(room)[0], room.books()) == ("idle", BOOKS)
    assert sorted(room.kept_objects()) == room.copy_objects()


def overtake(room: Newsroom, title: str) -> None:
    """Have the file changed and a run fetch it, when the publication has read what it was before."""

    def meanwhile() -> None:
        room.file.hold({**BOOKS, "1": title})
        assert room.run().state == QUEUED

    while_it_is(room.device, "saving_version", meanwhile)


def test_a_publication_reads_the_file_anew_when_a_run_has_fetched_it_since(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "1": "Older"})
    ask_to_publish(room)
    overtake(room, "Newer")
    room.work()
    assert (status(room)[0], room.books()) == ("idle", {**BOOKS, "1": "Newer"})
    assert room.file.statuses == [200, 200, 200], "by the publication, by the run, and anew"
    assert room.refresh().state == UNCHANGED
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_a_publication_that_is_overtaken_again_and_again_ends_as_an_error_and_takes_nothing_back(
    room: Newsroom,
) -> None:
    version = room.device.live().version
    room.file.hold({**BOOKS, "1": "Older"})
    ask_to_publish(room)
    for attempt in range(MAX_ATTEMPTS):
        overtake(room, f"Newer by {attempt + 1}")
        room.work(most=2, expect_silence=False)  # the changes that the run has brought, and the next attempt
    room.work()
    assert status(room) == ("error", "It did not finish: publish again.")
    assert (room.device.live().version, room.books()["1"]) == (version, f"Newer by {MAX_ATTEMPTS}")
    assert sorted(room.kept_objects()) == room.copy_objects()


@STARTS
def test_a_worker_that_dies_anywhere_leaves_it_to_the_next(room: Newsroom, first: int) -> None:
    room.push(_1="Pushed")
    room.file.hold({"1": "Emma", "2": "Persuasion", "4": "New"})
    ask_to_publish(room)
    room.work(most=1, expect_silence=False)  # it is staged and accepted

    def check(fatal: int) -> None:
        in_the_end(room)
        assert room.books() == AFTER, fatal
        assert status(room)[0] == "idle", fatal
        assert room.run().state == UNCHANGED, fatal

    each_crash(room, room.work, check, first)


def test_schedules_run_until_a_publication_without_a_remote_resource(room: Newsroom) -> None:
    stores, uid = room.stores, room.dataset_uid
    offer = Offer(scheduling=True, minimum_minutes=60)
    schedule = schedules.create_schedule(stores, uid, {"cron_schedule": "0 2 * * *"}, offer, room.now)["uid"]
    delete_resource(stores, uid, room.resource_uid, room.now)
    assert not schedules.find_schedule(stores, uid, schedule, room.now)["is_paused"]
    room.publish()
    assert schedules.find_schedule(stores, uid, schedule, room.now)["is_paused"]
    later = room.now + timedelta(seconds=SEEN_TO_AFTER)
    assert settle_due(stores, later, Deadline(5)) == Settled(schedules=1), "Scheduler is told by the tick"
    assert settle_due(stores, later, Deadline(5)) == Settled()


def test_deleting_the_dataset_leaves_no_copy(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "4": "New"})
    assert room.run().state == QUEUED
    delete_dataset(room.stores, room.dataset_uid, room.now)
    room.work()
    assert room.kept_objects() == []
