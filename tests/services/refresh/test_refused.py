"""Records of a file that are refused: those that were there before stay, for the file still has them."""

import pytest

from chalicelib.services.datasets import stacks
from chalicelib.services.datasets.source_copies import find_copy
from chalicelib.services.resources import resources
from chalicelib.store.stores import Stores
from tests.services.refresh.newsroom import Newsroom, a_newsroom, the_newsroom
from tests.sources.web import Site

BOOKS = {"1": "18151223", "2": "18171220", "3": "19250122", "4": "18711216"}  # when they came out
TOO_LONG = "x" * 400_000


@pytest.fixture
def room(shared_stores: Stores, site: Site) -> Newsroom:
    return the_newsroom(shared_stores, site, BOOKS)


def read(room: Newsroom, title: str) -> tuple[int, int]:
    """Have the second book of the file called so; how many were refused and deleted by that."""
    room.file.hold({**BOOKS, "2": title})
    outcome = room.refresh()
    return outcome.refused, room.tally(outcome)[3]


def test_a_record_that_is_refused_stays_as_it_was_until_the_file_has_a_good_one(room: Newsroom) -> None:
    assert read(room, TOO_LONG) == (1, 0)
    assert room.books() == BOOKS
    copy = find_copy(room.dataset_uid, room.resource_uid)
    assert copy is not None
    assert copy.records == 3, "of a refused record nothing is counted but that it is refused"
    assert read(room, "Mended") == (0, 0)
    assert room.books() == {**BOOKS, "2": "Mended"}


def test_a_record_that_was_refused_is_removed_once_it_vanishes(room: Newsroom) -> None:
    read(room, TOO_LONG)
    room.file.hold({isbn: title for isbn, title in BOOKS.items() if isbn != "2"})
    assert room.tally(room.refresh()) == (0, 0, 3, 1)


def test_a_record_that_is_refused_stays_when_it_is_not_known_what_the_file_was(room: Newsroom) -> None:
    resources.clean_cache(room.stores, room.dataset_uid, room.resource_uid)
    assert read(room, TOO_LONG) == (1, 0)
    assert room.books() == BOOKS


def test_of_a_record_that_is_refused_and_a_good_one_with_the_same_id_the_good_one_counts(room: Newsroom) -> None:
    room.file.hold({**BOOKS, "2": "Good"})
    room.file.content += b"2," + TOO_LONG.encode() + b"\n"
    room.refresh()
    assert room.books() == {**BOOKS, "2": "Good"}


@pytest.mark.parametrize(
    ("stack", "entry"),
    [
        ("fields", {"type": "type", "field": "title", "type_param": "int"}),
        ("processors", {"type": "normalize_date", "field": "title", "format": "%Y%m%d"}),
    ],
    ids=["a cast", "a processor"],
)
def test_a_record_that_does_not_fit_stays_as_it_was(
    shared_stores: Stores, site: Site, stack: str, entry: dict[str, str]
) -> None:
    room = a_newsroom(shared_stores, site, BOOKS, published=False)
    getattr(stacks, stack).add(room.dataset_uid, entry)
    room.publish()
    before = room.books()
    assert len(before) == len(BOOKS)
    assert read(room, "in the summer of 1817") == (1, 0)
    assert room.books() == before
