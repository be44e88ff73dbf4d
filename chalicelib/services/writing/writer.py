"""Writing batches to the records of a dataset: the only way a record is put or deleted, from a request and from the
lane alike.

Several batches are folded: what each would have done after the one before is counted, and only what differs from the
table in the end is written.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.changes import Changes, Put, content_keys
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.file_content import FileContent
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.receipt import Tally
from chalicelib.services.writing.left_contents import may_return, notes
from chalicelib.store.dynamodb import Deadline, with_retries
from chalicelib.store.parallel import run_all
from chalicelib.store.records import Origin, StoredMark, TableWrite
from chalicelib.store.stores import Stores

_TOO_LATE = (
    "Not all files could be stored in time: send the same request again after the seconds given in Retry-After, or "
    "fewer files at once. Repeating it is always safe."
)
Receipts = Callable[[Sequence[Tally]], Sequence[TableWrite]]


class Written(Protocol):
    """What is written to: a live dataset, or a job that was accepted for one."""

    @property
    def dataset_uid(self) -> str:
        """The dataset."""

    @property
    def partition(self) -> str:
        """The name its records are stored under."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The changes of one accepted batch. Stored records that it `leaves` stay as they are, whatever it brings. With
    `yields_after` (epoch milliseconds), so do those that were accepted later than that, but for those of a resource of
    `prevails_over`. With `renews`, records that are stored as it brings them are written too: they count as accepted
    with this batch then.

    `store_contents` stores the file contents of the puts that will be written, right before; None when those of all
    puts are stored already.
    """

    origin: Origin
    changes: Changes
    leaves: Callable[[StoredMark], bool] = lambda _: False
    yields_after: int | None = None
    prevails_over: Set[str] = frozenset()
    renews: bool = False
    store_contents: Callable[[Sequence[Put]], None] | None = None


@dataclass(kw_only=True)
class _Folded:
    """What batches come to: `last` holds the last put of each touched id, None when it is deleted. `renewing` are the
    origins of batches that renew what is the same; `changes_data` tells whether anything else is written."""

    tallies: list[Tally]
    last: Mapping[str, tuple[Put, Origin] | None]
    marks: Mapping[str, StoredMark]
    renewing: Set[Origin]
    changes_data: bool = False
    puts: list[tuple[Put, Origin]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Keep what differs from the table, and what is renewed."""
        for record_id, last in self.last.items():
            mark = self.marks.get(record_id)
            if last is None:
                if mark is not None:
                    self.deletes.append(record_id)
            elif mark is None or mark.hash != last[0].hash or mark.resource_uid != last[1].resource_uid:
                self.puts.append(last)
                self.changes_data = True
            elif last[1] in self.renewing:
                self.puts.append(last)
        self.changes_data = self.changes_data or bool(self.deletes)


def write_batches(
    stores: Stores,
    to: Written,
    batches: Sequence[Batch],
    deadline: Deadline,
    *,
    clock: Callable[[], datetime],
    receipts: Receipts = lambda _: (),
) -> list[Tally]:
    """Apply the batches in their order and answer what each came to.

    `receipts` makes the receipts, from the tallies, when they go out with the last records; so does the mark that data
    changed, if any did, whose time is then. File contents that no record refers to any more are removed, or noted with
    the receipts to go later. Unchanged records are read strongly and skipped. At the deadline TemporarilyUnavailable is
    raised; what was written by then stays, and writing the same again is safe.
    """
    ids = [record_id for batch in batches for record_id in batch.changes.ids]
    folded = _fold(batches, stores.records.marks(to.partition, ids, deadline))
    for batch in batches:
        if batch.store_contents is not None:
            batch.store_contents([put for put, origin in folded.puts if origin is batch.origin and put.files])
    left, now = _unreferred(batches, folded), clock()
    in_lane = all(batch.store_contents is None for batch in batches)
    later = [key for key in left if may_return(key, now, in_lane=in_lane)]
    to_note = list(notes(stores, to.partition, later, now))

    def trailing() -> list[TableWrite]:
        items = [*receipts(folded.tallies), *to_note]
        if folded.changes_data:
            items.append(stores.activity.modified_write(to.dataset_uid, clock()))
        return items

    stores.records.write(to.partition, folded.puts, folded.deletes, trailing=trailing, deadline=deadline)
    drop_contents(stores, sorted(set(left).difference(later)))
    return folded.tallies


def tally_batches(stores: Stores, to: Written, batches: Sequence[Batch], deadline: Deadline) -> list[Tally]:
    """What applying the batches would come to now; nothing is changed."""
    ids = [record_id for batch in batches for record_id in batch.changes.ids]
    return _fold(batches, stores.records.marks(to.partition, ids, deadline)).tallies


def store_contents(
    stores: Stores, records: Mapping[str, PreparedRecord], puts: Sequence[Put], deadline: Deadline
) -> None:
    """Store the file contents of prepared records, each under the key that its put names. Raises TemporarilyUnavailable
    at the deadline."""
    contents = [(key, records[put.id].files[name]) for put in puts if put.files for name, key in put.files.items()]

    def store(part: tuple[str, FileContent]) -> None:
        key, file = part
        with_retries(lambda: stores.files.put(key, file.content, file.mimetype), deadline)

    try:
        run_all(store, contents)
    except TemporarilyUnavailable as late:
        raise TemporarilyUnavailable(_TOO_LATE) from late


def drop_contents(stores: Stores, keys: Sequence[str]) -> None:
    """Remove contents that no record refers to. The write stands whatever happens here: what cannot be removed now
    stays unreachable until the generation is swept."""
    if keys:
        with suppress(ClientError, BotoCoreError):
            stores.files.delete(keys)


def _fold(batches: Sequence[Batch], marks: Mapping[str, StoredMark]) -> _Folded:
    last: dict[str, tuple[Put, Origin] | None] = {}
    tallies = [_take(batch, last, marks) for batch in batches]
    renewing = {batch.origin for batch in batches if batch.renews}
    folded = _Folded(tallies=tallies, last=last, marks=marks, renewing=renewing)
    folded.settle()
    return folded


def _take(batch: Batch, last: dict[str, tuple[Put, Origin] | None], marks: Mapping[str, StoredMark]) -> Tally:
    """Let a batch follow those before it in `last`."""
    origin, resource_uid, leaves = batch.origin, batch.origin.resource_uid, batch.leaves
    created = updated = deleted = 0
    for put in batch.changes.puts:
        record_id = put.id
        if record_id in last:
            before, mark = last[record_id], None
            known = None if before is None else (before[0].hash, before[1].resource_uid)
            known_at = 0 if before is None else before[1].accepted_at
        else:
            mark = marks.get(record_id)
            known = None if mark is None else (mark.hash, mark.resource_uid)
            known_at = 0 if mark is None else mark.accepted_at
        if known is None:
            created += 1
        elif known == (put.hash, resource_uid):
            if not batch.renews:
                continue
        elif _stays(batch, mark, known_at, known[1]):
            continue
        else:
            updated += 1
        last[record_id] = (put, origin)
    for record_id in batch.changes.deletes:
        mark = marks.get(record_id)
        is_there = last[record_id] is not None if record_id in last else mark is not None and not leaves(mark)
        if is_there:
            deleted += 1
            last[record_id] = None
    unchanged = len(batch.changes.puts) - created - updated
    return Tally(created=created, updated=updated, unchanged=unchanged, deleted=deleted)


def _stays(batch: Batch, mark: StoredMark | None, accepted_at: int, resource_uid: str) -> bool:
    """Whether a record that is there, which this batch would change, stays as it is."""
    if mark is not None and batch.leaves(mark):
        return True
    yields = batch.yields_after is not None and accepted_at > batch.yields_after
    return yields and resource_uid not in batch.prevails_over


def _unreferred(batches: Sequence[Batch], folded: _Folded) -> list[str]:
    """The contents that records referred to before, or that batches brought, and that no record refers to now."""
    touched = {put.id for put, _ in folded.puts}.union(folded.deletes)
    before = {key for i in touched if i in folded.marks for key in folded.marks[i].files.values()}
    brought = {key for batch in batches if batch.store_contents is None for key in content_keys(batch.changes.puts)}
    candidates = before | brought
    return sorted(candidates - _referred(folded, touched)) if candidates else []


def _referred(folded: _Folded, touched: Set[str]) -> set[str]:
    """The contents that records refer to now: those that were written, and those that were left as they are."""
    left = (mark.files for record_id, mark in folded.marks.items() if record_id not in touched and mark.files)
    return set(content_keys(put for put, _ in folded.puts)).union(*(files.values() for files in left))
