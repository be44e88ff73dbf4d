"""Whatever is pushed, deleted, emptied and recovered, and whoever dies between any two AWS calls, the records are what
the log and the model say; and a recovery that is built wrong in one of the known ways is found out."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.backup import Entry
from chalicelib.domain.live import Configuration
from chalicelib.services.publication import job
from chalicelib.store.backup_reader import BackupReader
from chalicelib.store.backups import BackupStore
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import RecordStore, StoredMark
from chalicelib.store.stores import Stores
from tests.histories import Step, happen, is_found_out
from tests.services.recovery.world import World

SOME = st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True)
AGO = st.sampled_from([1.5, 2.5, 4.5, 400.0])
RANGES = st.one_of(st.just((None, None)), st.tuples(AGO, st.none()), st.tuples(st.none(), AGO), st.just((1000.0, 1.5)))
RECOVER = st.tuples(st.just("recover"), RANGES)
SENDS = st.one_of(
    st.tuples(st.just("push"), SOME),
    st.tuples(st.just("delete"), SOME),
    st.tuples(st.just("delete_by_id"), st.integers(0, 2)),
)
OTHERS = st.sampled_from(
    [
        ("visit",),
        ("visit",),
        ("tick",),
        ("empty",),
        ("unpublish",),
        ("publish",),
        ("rekey",),
        ("look",),
        ("switch", False),
        ("switch", True),
    ]
)
FALLIBLE = st.one_of(SENDS, RECOVER, st.sampled_from([("visit",), ("unpublish",), ("publish",), ("rekey",)]))
DYING = st.tuples(st.just("dying"), st.integers(0, 25), FALLIBLE)
STEPS = st.one_of(SENDS, SENDS, OTHERS, RECOVER, DYING, st.tuples(st.just("in_flight"), st.integers(0, 6), SOME))
HISTORIES = st.lists(STEPS, min_size=1, max_size=7)


# For each known way to build recovery wrong, histories of which at least one shows it.
IMPATIENT = "a change of key misses pushes in flight"
PUT, DROP, WHOLE = ("push", [0]), ("delete", [0]), ("recover", (None, None))
TELLING: dict[str, list[list[Step]]] = {
    "replay out of order": [[PUT, PUT, ("empty",), WHOLE]],
    "a range forgets the deletes after it": [[PUT, DROP, ("recover", (None, 1.5))]],
    "deletes by id forget the ids of then": [[PUT, ("delete_by_id", 0), ("rekey",), ("visit",), WHOLE]],
    "replay overwrites what is newer": [[PUT, ("switch", False), PUT, WHOLE]],
    "backup after the acknowledgement": [[PUT, ("empty",), WHOLE]],
    IMPATIENT: [[("in_flight", call, [0])] for call in range(5)],
}


@given(HISTORIES)
def test_the_records_are_what_the_log_makes_of_them(shared_stores: Stores, history: list[Step]) -> None:
    happen(World(shared_stores), history)


@pytest.mark.parametrize("history", [history for histories in TELLING.values() for history in histories], ids=str)
def test_the_histories_that_tell_a_wrong_recovery_are_fine_with_ours(
    shared_stores: Stores, history: list[Step]
) -> None:
    happen(World(shared_stores), history)


@pytest.mark.parametrize("call", range(0, 60, 6))
def test_a_worker_that_dies_anywhere_is_followed_by_one_that_ends_the_recovery(
    shared_stores: Stores, call: int
) -> None:
    emptied = [("push", [0, 1]), PUT, ("delete", [1]), ("empty",), WHOLE]
    happen(World(shared_stores), [*emptied, ("dying", call, ("visit",))])


@pytest.mark.parametrize("call", range(0, 60, 6))
def test_a_recovery_that_a_change_of_key_overtakes_brings_the_new_ids(shared_stores: Stores, call: int) -> None:
    read_so_far = [("push", [0, 1]), PUT, ("empty",), WHOLE, ("dying", call, ("visit",))]
    happen(World(shared_stores), [*read_so_far, ("rekey",), ("visit",)])


class OldestFirst(BackupReader):
    """Reads the log in the wrong order."""

    def newest_first(self, *args: Any, **options: Any) -> Iterator[Entry]:
        return reversed(list(super().newest_first(*args, **options)))


class PushesAlone(BackupReader):
    """Passes over deletes: those behind the end of a range, and all others."""

    def newest_first(self, *args: Any, **options: Any) -> Iterator[Entry]:
        entries = list(super().newest_first(*args, **options))
        return iter([entry for entry in entries if entry.operation == "push"])


class Forgetful(BackupStore):
    """Knows only the configuration that is published now."""

    def configuration(self, dataset_uid: str, kept_as: str) -> Configuration | None:  # noqa: ARG002 - as the real one
        return None


class AgelessMarks(RecordStore):
    """Takes every stored record for older than what is replayed."""

    def marks(self, partition: str, ids: Iterable[str], deadline: Deadline) -> dict[str, StoredMark]:
        return {i: mark._replace(accepted_at=0) for i, mark in super().marks(partition, ids, deadline).items()}


class KeptLater(BackupStore):
    """Has the object written after the answer, by a process that is gone then."""

    def keep(self, dataset_uid: str, entry: Entry, deadline: Deadline) -> str:  # noqa: ARG002 - as the real one
        return f"{dataset_uid}/{entry.resource_uid}/{entry.number}"


def mutate(stores: Stores, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build one part of the product wrong."""
    if mutant == IMPATIENT:
        monkeypatch.setattr(job, "let_direct_writers_end", lambda *_: None)
        return
    backups = stores.backups
    parts: dict[str, tuple[str, Any]] = {
        "replay out of order": ("backup_reader", OldestFirst(backups, 1)),
        "a range forgets the deletes after it": ("backup_reader", PushesAlone(backups, 1)),
        "deletes by id forget the ids of then": (
            "backups",
            Forgetful(stores.client, stores.names.catalog_table, backups.bucket),
        ),
        "replay overwrites what is newer": ("records", AgelessMarks(stores.client, stores.names.records_table)),
        "backup after the acknowledgement": (
            "backups",
            KeptLater(stores.client, stores.names.catalog_table, backups.bucket),
        ),
    }
    name, part = parts[mutant]
    vars(stores)[name] = part


@pytest.mark.parametrize("mutant", TELLING)
def test_a_recovery_that_is_built_wrong_is_found_out(
    shared_stores: Stores, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong_world() -> World:
        wrong = Stores(shared_stores.names, shared_stores.client)
        world = World(wrong)
        mutate(wrong, mutant, monkeypatch)
        return world

    assert any(is_found_out(wrong_world(), history) for history in TELLING[mutant])
