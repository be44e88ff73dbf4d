"""Runs by example: what is fetched, what of it is written, and what is left alone."""

import gzip
from itertools import count

import pytest

from chalicelib.domain.errors import RunSkipped
from chalicelib.domain.run import ABORTED, FAILED, HELD_BACK, QUEUED, UNCHANGED
from chalicelib.services.datasets import stacks
from chalicelib.services.datasets.source_copies import find_copy
from chalicelib.services.datasets.status import status_of
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.refresh.refresh import refresh_dataset
from chalicelib.services.resources import resources
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import LOOPBACK_ONLY
from tests.services.refresh.newsroom import Newsroom, WebFile, a_newsroom, the_newsroom
from tests.sources.web import Site

BOOKS = {"1": "Emma", "2": "Persuasion", "3": "Sanditon", "4": "Lady Susan"}


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    return the_newsroom(shared_stores, site, BOOKS)


def written(room: Newsroom) -> int:
    return room.stores.client.written[room.stores.names.records_table]


def test_publishing_fetches_the_file_and_the_next_run_finds_it_unchanged(room: Newsroom) -> None:
    assert room.books() == BOOKS
    assert status_of(room.dataset_uid, NOW)["status"] == "idle"
    before = written(room)
    outcome = room.refresh()
    assert (outcome.state, outcome.http_status, outcome.etag) == (UNCHANGED, 304, room.file.etag)
    assert (outcome.records, outcome.batch_id) == (4, None)
    assert room.file.statuses == [304]
    assert written(room) == before
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_the_same_bytes_are_unchanged_whatever_the_server_says(room: Newsroom) -> None:
    room.file.has_etag = False
    outcome = room.refresh()
    assert (outcome.state, outcome.http_status) == (UNCHANGED, 200)
    assert sorted(room.kept_objects()) == room.copy_objects()
    room.file.has_etag = True
    assert room.refresh().http_status == 200, "the validators are those of the last answer"
    assert room.refresh().http_status == 304


def test_only_what_has_changed_is_written(room: Newsroom) -> None:
    before = written(room)
    room.file.hold({**BOOKS, "2": "Persuasion (a novel)", "5": "Evelyn"})
    outcome = room.refresh()
    assert (outcome.state, outcome.records, outcome.size) == (QUEUED, 5, len(room.file.content))
    assert room.tally(outcome) == (1, 1, 3, 0)
    assert written(room) - before == 2
    assert room.books() == {**BOOKS, "2": "Persuasion (a novel)", "5": "Evelyn"}
    assert room.refresh().state == UNCHANGED
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_records_that_vanished_from_the_file_are_removed_but_not_those_a_device_has_taken_over(room: Newsroom) -> None:
    room.push(_3="Pushed")
    room.file.hold({"1": "Emma", "4": "Lady Susan"})
    outcome = room.refresh()
    assert room.tally(outcome) == (0, 0, 2, 1)
    assert room.books() == {"1": "Emma", "3": "Pushed", "4": "Lady Susan"}


def test_records_that_vanished_stay_when_the_resource_keeps_them(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, vanished="keep")
    room.file.hold({"5": "Evelyn"})
    assert room.tally(room.refresh()) == (1, 0, 0, 0)
    assert room.books() == {**BOOKS, "5": "Evelyn"}
    room.publish()
    assert room.books() == {**BOOKS, "5": "Evelyn"}
    room.set_params(vanished="remove")
    room.publish()
    assert room.books() == {"5": "Evelyn"}


def test_a_pushed_record_stays_until_that_of_the_file_changes(room: Newsroom) -> None:
    room.push(_1="Pushed", _9="Only pushed")
    room.file.hold({**BOOKS, "2": "Changed"})
    room.refresh()
    assert room.books() == {**BOOKS, "1": "Pushed", "2": "Changed", "9": "Only pushed"}
    room.file.hold({**BOOKS, "1": "Changed too", "2": "Changed"})
    room.refresh()
    assert room.books() == {**BOOKS, "1": "Changed too", "2": "Changed", "9": "Only pushed"}


def test_what_is_pushed_while_the_file_is_fetched_is_newer_than_the_file(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "1": "Changed", "2": "Changed"})
    room.file.meanwhile = lambda: room.push(_1="Pushed meanwhile")
    room.run()
    room.file.meanwhile = lambda: None
    room.push(_2="Pushed after it was accepted")
    room.work()
    assert room.books() == {**BOOKS, "1": "Pushed meanwhile", "2": "Pushed after it was accepted"}


def test_of_records_with_the_same_id_in_a_file_the_last_one_counts(room: Newsroom) -> None:
    room.file.content += b"1,First\n1,Last\n"
    assert room.tally(room.refresh()) == (0, 1, 3, 0)
    assert room.books()["1"] == "Last"
    room.file.content += b"1,Emma\n"
    room.refresh()
    assert room.books() == BOOKS


def test_a_file_that_has_lost_half_its_records_is_held_back_unless_that_is_allowed(room: Newsroom) -> None:
    room.file.hold({"1": "Emma"})
    outcome = room.refresh()
    assert (outcome.state, outcome.records, outcome.batch_id) == (HELD_BACK, 1, None)
    assert "1 records, the one before had 4" in str(outcome.message)
    assert "allow_shrinking" in str(outcome.message)
    assert room.books() == BOOKS
    assert sorted(room.kept_objects()) == room.copy_objects()
    assert room.refresh().state == HELD_BACK, "it is not forgotten that it was held back"
    room.set_params(allow_shrinking=True)
    assert room.refresh().state == HELD_BACK, "settings of the draft do not matter to a run"
    room.publish()
    assert room.books() == {"1": "Emma"}, "publishing takes the file as it is"
    room.file.hold(BOOKS)
    room.refresh()
    room.file.hold({"2": "Persuasion"})
    assert room.tally(room.refresh()) == (1 - 1, 0, 1, 3)


def test_records_that_do_not_fit_are_left_out_counted_and_the_first_100_kept(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, null_values=[""])
    room.file.content += b"".join(b",No isbn %d\n" % number for number in range(130)) + b"5,Evelyn\n"
    outcome = room.refresh()
    assert (outcome.records, outcome.refused) == (5, 130)
    receipt = room.receipt(outcome)
    assert (receipt["records"], receipt["rejected"], len(receipt["details"])) == (135, 130, 100)
    assert receipt["details"][0]["message"].startswith("line 6: ")
    assert room.books() == {**BOOKS, "5": "Evelyn"}


def test_edits_of_the_draft_do_not_matter_to_a_run(room: Newsroom) -> None:
    stacks.fields.add(room.dataset_uid, {"type": "delete", "field": "title"})
    resources.delete_resource(room.stores, room.dataset_uid, room.resource_uid, room.now)
    room.file.hold({**BOOKS, "5": "Evelyn"})
    assert room.refresh().state == QUEUED
    assert room.books() == {**BOOKS, "5": "Evelyn"}
    room.publish()
    assert room.books() == {}, "the records of a resource go with it, at publish"
    with pytest.raises(RunSkipped, match="no_remote_resource"):
        room.run()


def test_unpublishing_empties_and_publishing_refills(room: Newsroom) -> None:
    unpublish(room.stores, room.dataset_uid, room.now)
    with pytest.raises(RunSkipped, match="not_published"):
        room.run()
    assert room.kept_objects() == []
    room.publish()
    assert room.books() == BOOKS
    assert room.refresh().state == UNCHANGED


def test_a_job_of_a_generation_that_has_gone_leaves_nothing_that_says_unchanged(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "5": "Evelyn"})
    dropped = room.run()
    unpublish(room.stores, room.dataset_uid, room.now)
    room.publish()
    assert room.receipt(dropped)["state"] == "failed"
    assert room.books() == {**BOOKS, "5": "Evelyn"}
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_a_change_of_the_configuration_is_applied_to_the_whole_file(room: Newsroom) -> None:
    stacks.processors.add(room.dataset_uid, {"type": "string_replace", "field": "title", "old": "a", "new": "A"})
    room.publish()
    assert room.books()["1"] == "EmmA"
    room.file.hold({**BOOKS, "4": "Evelyn"})
    assert room.tally(room.refresh()) == (0, 1, 3, 0)


@pytest.mark.parametrize("act", ["publish", "unpublish"])
def test_a_run_that_a_publication_overtakes_fails_and_says_so(room: Newsroom, act: str) -> None:
    def overtake() -> None:
        room.file.meanwhile = lambda: None
        if act == "publish":
            room.publish()
        else:
            unpublish(room.stores, room.dataset_uid, room.now)

    room.file.hold({**BOOKS, "5": "Evelyn"})
    room.file.meanwhile = overtake
    outcome = room.refresh()
    assert (outcome.state, outcome.code, outcome.may_succeed_later) == ("failed", "configuration_moved", True)
    assert "published" in str(outcome.message)
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_a_run_during_a_publication_is_skipped(room: Newsroom) -> None:
    stacks.fields.add(room.dataset_uid, {"type": "description", "field": "isbn", "description": "A number"})
    publish(room.stores, room.dataset_uid, room.now, Deadline(60))
    room.seconds -= 3600  # a run is made an hour later
    with pytest.raises(RunSkipped, match="publication_under_way"):
        room.run()
    room.work(most=1, expect_silence=False)
    with pytest.raises(RunSkipped, match="publication_under_way"):
        room.run()
    room.work()
    assert room.refresh().state == UNCHANGED


def test_a_run_waits_for_the_changes_of_the_one_before_and_a_retry_finds_its_own(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "5": "Evelyn"})
    first = room.run("the-run")
    assert room.run("the-run") == first
    assert len(room.file.statuses) == 1, "nothing is fetched again"
    with pytest.raises(RunSkipped, match="changes_pending"):
        room.run("another")
    room.work()
    assert room.run("the-run") == first, "what a run came to stays what it came to"
    assert room.run("another").state == UNCHANGED


def test_cleaning_the_cache_makes_the_next_run_take_the_whole_file(room: Newsroom) -> None:
    room.push(_1="Pushed", _7="Pushed")
    room.device.delete([{"isbn": "2"}])
    resources.clean_cache(room.stores, room.dataset_uid, room.resource_uid)
    copy = find_copy(room.dataset_uid, room.resource_uid)
    assert copy is not None
    assert room.kept_objects() == [copy.manifest_key]
    outcome = room.refresh()
    assert outcome.state == QUEUED
    assert room.books() == {**BOOKS, "1": "Pushed", "7": "Pushed"}
    assert room.refresh().state == UNCHANGED


def test_an_aborted_run_changes_nothing(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "5": "Evelyn"})
    outcome = room.run(is_aborting=lambda: True)
    room.work()
    assert (outcome.state, outcome.batch_id) == (ABORTED, None)
    assert room.books() == BOOKS
    assert sorted(room.kept_objects()) == room.copy_objects()
    assert room.refresh().state == QUEUED


def test_a_run_is_over_in_time_and_when_asked_while_no_record_of_the_file_ends(room: Newsroom) -> None:
    room.file.content = gzip.compress(b"isbn,title\n1,E\n" + b"\n" * 8_000_000)
    asked = count()
    outcome = room.run(deadline=Deadline(1000, count().__next__), is_aborting=lambda: next(asked) > 20)
    assert (outcome.state, outcome.batch_id) == (ABORTED, None)
    outcome = room.run(deadline=Deadline(150, count().__next__))
    assert (outcome.state, outcome.code) == (FAILED, "out_of_time")
    assert room.books() == BOOKS
    assert sorted(room.kept_objects()) == room.copy_objects()


def test_a_dataset_without_a_remote_resource_is_skipped(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, published=False)
    for uid in (room.dataset_uid, "da_nowher"):
        with pytest.raises(RunSkipped, match="not_published"):
            refresh_dataset(shared_stores, uid, "r", lambda: NOW, Deadline(5), guard=LOOPBACK_ONLY)


def test_of_two_sources_one_may_fail(shared_stores: Stores, site: Site) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, published=False)
    other = WebFile()
    other.hold({"8": "Other"})
    site.routes["/other.csv"] = other
    source = {"type": "http", "connection": {"type": "http", "url": site.base}, "relative_url": "/other.csv"}
    resources.create_resource(
        shared_stores, room.dataset_uid, {"type": "csvfile", "datasource": source, "title": "Other"}, at(1)
    )
    room.publish()
    room.file.content = b"isbn,title\n1,a,b,c\n"
    other.hold({"8": "Changed", "9": "New"})
    first, second = refresh_dataset(
        shared_stores, room.dataset_uid, "r", lambda: room.now, Deadline(60), guard=LOOPBACK_ONLY
    )
    room.work()
    assert (first.state, first.code, second.state) == ("failed", "broken_file", QUEUED)
    assert room.books() == {**BOOKS, "8": "Changed", "9": "New"}
