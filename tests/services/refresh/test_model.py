"""Whatever devices push and delete, and whoever dies, records are those of a simple model: each belongs to its device
or to the file, and a file changes only what has changed in it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.run import QUEUED, UNCHANGED
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.resources import resources
from chalicelib.store.stores import Stores
from tests.faults import CallCounter, Crash, counted
from tests.services.refresh.newsroom import Newsroom, the_newsroom
from tests.services.refresh.test_failures import in_the_end
from tests.sources.web import Site

KEYS, TITLES = st.sampled_from("123"), st.sampled_from(["a", "b", "c"])
BOOKS = st.dictionaries(KEYS, TITLES, max_size=3)
PUSHES = st.dictionaries(KEYS, TITLES, min_size=1, max_size=2)
CALLS = st.integers(0, 25)
STEPS = st.one_of(
    st.tuples(st.just("push"), PUSHES),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("run"), BOOKS),
    st.tuples(st.just("run"), BOOKS),
    st.tuples(st.just("run_with_pushes"), BOOKS, PUSHES, PUSHES),
    st.tuples(st.just("dying_run"), BOOKS, CALLS),
    st.tuples(st.just("dying_worker"), BOOKS, CALLS, PUSHES),
    st.tuples(st.sampled_from(["publish", "unpublish", "clean_cache"])),
)
HISTORIES = st.lists(STEPS, min_size=2, max_size=8)
FILE, DEVICE = "file", "device"


class World:
    """A newsroom, and beside it the model: `records` are (owner, title) by isbn, `copy` is what the file was when it
    was last applied, None when that does not count."""

    def __init__(self, room: Newsroom) -> None:
        self.room = room
        self.records: dict[str, tuple[str, str]] = {}
        self.copy: dict[str, str] | None = {}

    def push(self, books: dict[str, str]) -> None:
        self.room.push(**{f"_{isbn}": title for isbn, title in books.items()})
        self._pushed(books)

    def delete(self, isbn: str) -> None:
        self.room.seconds += 1
        self.room.device.now = self.room.now
        self.room.device.delete([{"isbn": isbn}])
        self.records.pop(isbn, None)

    def run(self, books: dict[str, str]) -> None:
        self.room.file.hold(books)
        outcome = self.room.refresh()
        assert outcome.state == (UNCHANGED if books == self.copy else QUEUED)
        self._refreshed(books)

    def run_with_pushes(self, books: dict[str, str], meanwhile: dict[str, str], behind: dict[str, str]) -> None:
        """Devices push while the file is fetched, and while the job waits."""
        self.room.file.hold(books)
        self.room.file.meanwhile = lambda: self.push(meanwhile)
        self.room.run()
        self.room.file.meanwhile = lambda: None
        self.room.device.is_followed = False
        self.room.push(**{f"_{isbn}": title for isbn, title in behind.items()})
        self.room.device.is_followed = True
        self.room.work()
        self._refreshed(books, meanwhile)
        self._pushed(behind)

    def dying_run(self, books: dict[str, str], call: int) -> None:
        """The run dies, and is tried again."""
        self.room.file.hold(books)
        run_id = f"dying-{self.room.runs}"
        self._dying(call, lambda: self.room.run(run_id))
        self.room.run(run_id)
        in_the_end(self.room)
        self._refreshed(books)

    def dying_worker(self, books: dict[str, str], call: int, behind: dict[str, str]) -> None:
        """The worker dies, and devices push before the next one comes."""
        self.room.file.hold(books)
        self.room.run()
        self._dying(call, self.room.work)
        self._refreshed(books)
        self.push(behind)
        in_the_end(self.room)

    def publish(self) -> None:
        self.room.publish()
        self._loaded(self.room.file.books)

    def unpublish(self) -> None:
        """Empty it, and publish it again."""
        unpublish(self.room.stores, self.room.dataset_uid, self.room.now)
        self.records = {}
        self.publish()

    def clean_cache(self) -> None:
        resources.clean_cache(self.room.stores, self.room.dataset_uid, self.room.resource_uid)
        self.copy = None

    def check(self) -> None:
        assert self.room.books() == {isbn: title for isbn, (_, title) in self.records.items()}

    def _dying(self, call: int, act: Callable[[], Any]) -> None:
        with counted(self.room.stores, CallCounter(call)), suppress(Crash):
            act()

    def _pushed(self, books: dict[str, str]) -> None:
        self.records |= {isbn: (DEVICE, title) for isbn, title in books.items()}

    def _refreshed(self, books: dict[str, str], meanwhile: dict[str, str] | None = None) -> None:
        if self.copy is None:
            self._loaded(books)
            return
        for isbn, title in books.items():
            if self.copy.get(isbn) != title and isbn not in (meanwhile or {}):
                self.records[isbn] = (FILE, title)
        self._remove(books)

    def _loaded(self, books: dict[str, str]) -> None:
        """All of the file counts, but nothing of it more than what devices have pushed."""
        for isbn, title in books.items():
            if self.records.get(isbn, (FILE,))[0] == FILE:
                self.records[isbn] = (FILE, title)
        self._remove(books)

    def _remove(self, books: dict[str, str]) -> None:
        self.records = {i: record for i, record in self.records.items() if record[0] == DEVICE or i in books}
        self.copy = dict(books)


# Of each way to go wrong, the shortest history that shows it.
TELLING: list[list[Any]] = [
    [("run", {"1": "a", "2": "a"}), ("push", {"1": "b"}), ("run", {"2": "a"})],
    [("run", {"1": "a"}), ("push", {"1": "b"}), ("run", {"1": "a", "2": "a"})],
    [("run", {"1": "a"}), ("run_with_pushes", {"1": "b"}, {"1": "c"}, {"2": "c"})],
    [("run", {"1": "a"}), ("push", {"1": "b"}), ("run_with_pushes", {"1": "c"}, {"1": "b"}, {"2": "c"})],
    [("run", {"1": "a", "2": "a"}), ("clean_cache",), ("run", {"1": "a"})],
    [("run", {"1": "a"}), ("push", {"1": "b"}), ("clean_cache",), ("run", {"1": "a", "2": "a"})],
    [("run", {"1": "a"}), ("delete", "1"), ("run", {"1": "a", "2": "a"}), ("publish",)],
    [("run", {"1": "a"}), ("unpublish",), ("run", {"1": "b"})],
    [("run", {"1": "a"}), ("dying_worker", {"1": "b"}, 9, {"2": "a"}), ("run", {"1": "a"})],
]


@settings(max_examples=max(8, settings.default.max_examples // 25))
@given(HISTORIES)
def test_records_are_those_of_the_model(shared_stores: Stores, site: Site, history: list[Any]) -> None:
    happen(shared_stores, site, history)


@pytest.mark.parametrize("history", TELLING, ids=str)
def test_the_histories_that_tell_what_is_wrong_are_fine(shared_stores: Stores, site: Site, history: list[Any]) -> None:
    happen(shared_stores, site, history)


def happen(stores: Stores, site: Site, history: list[Any]) -> None:
    world = World(the_newsroom(stores, site, {}, allow_shrinking=True))
    for name, *arguments in history:
        getattr(world, name)(*arguments)
        world.check()
