"""Runs of a file on an FTP server: the same as of one on the web."""

import os
from pathlib import Path

import pytest

from chalicelib.domain.run import FAILED, QUEUED, UNCHANGED
from chalicelib.services.resources import resources
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.services.refresh.newsroom import Newsroom, WebFile, the_newsroom
from tests.sources.ftp_servers import an_ftp_server
from tests.sources.web import Site

BOOKS = {"1": "Emma", "2": "Persuasion", "3": "Sanditon", "4": "Lady Susan"}
CHANGED = {"1": "Emma", "2": "Persuasion (a novel)", "4": "Lady Susan", "5": "Evelyn"}


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    return the_newsroom(shared_stores, site, BOOKS)


def hold(file: Path, books: dict[str, str], changed_at: int) -> None:
    held = WebFile()
    held.hold(books)
    file.write_bytes(held.content)
    os.utime(file, (changed_at, changed_at))


def test_a_file_on_an_ftp_server_is_fetched_compared_and_applied(room: Newsroom, tmp_path: Path) -> None:
    file = tmp_path / "books.csv"
    hold(file, BOOKS, 1_390_796_100)
    with an_ftp_server(tmp_path) as port:
        connection = {"type": "ftp", "url": f"ftp://127.0.0.1:{port}"}
        source = {"type": "ftp", "connection": connection, "relative_url": "/books.csv"}
        body = {"type": "csvfile", "title": "books.csv", "datasource": source}
        resources.edit_resource(room.stores, room.dataset_uid, room.resource_uid, body, NOW)
        room.publish()
        assert room.books() == BOOKS
        assert room.refresh().state == UNCHANGED
        hold(file, CHANGED, 1_390_799_700)
        outcome = room.refresh()
        assert (outcome.state, outcome.records, outcome.size) == (QUEUED, 4, file.stat().st_size)
        assert room.tally(outcome) == (1, 1, 2, 1)
        assert room.books() == CHANGED
        file.unlink()
        assert room.refresh().state == FAILED
    assert room.refresh().state == FAILED, "nobody answers"
    assert room.books() == CHANGED
