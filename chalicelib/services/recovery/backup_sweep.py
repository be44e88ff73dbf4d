"""Sweeping the backup log of a dataset, once a day: entries that are older than they are to be kept are deleted, and
the objects of the days before are merged, so that a million small pushes are read in some hundred calls.

A merged object is written before those that it holds are deleted, the oldest first, and comes after them in the order
of reading: a sweep may die, be repeated, or be overtaken by a reader; an entry that is there twice is read once. But
S3 deletes many objects in no order at all, and may leave some: whoever reads such a one passes over newer entries of
the object that it was merged into. So a recovery and a sweep wait for each other, and a sweep begins with what the last
one left: a recovery that finds one dead waits until the tick has rung for the next, which yields to it. Who scratches a
log and a sweep do so too: it would put back what it has read. Each says what it is at before it looks for the other.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib.domain.backup import entry_of, lines_of, packed
from chalicelib.domain.errors import NotFound, TemporarilyUnavailable
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.push.backup import sweep_at
from chalicelib.services.recovery.state import UNDER_WAY, job_failure, load_recovery
from chalicelib.store.backups import BackupObject, configurations_prefix, entries_key, upload_copies
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.parallel import run_all
from chalicelib.store.stores import Stores

MERGED_BYTES = 8 * 1024 * 1024  # of lines, before they are packed, in one object
MERGED_OBJECTS = 2000  # at once: a few seconds of work; what comes of it is merged on, the next night
HELD_BYTES = 64 * 1024 * 1024  # of lines in memory; what is packed may be a thousand times as small
RESERVE = 9.0  # seconds that a visit leaves for the merge that it is at
LATEST = 3600  # seconds before now: what was accepted later may have neighbours that are still on their way
LEASE = 360  # seconds until the tick rings again for a sweep that did not end
AFTER_OTHERS = 900  # seconds that a sweep is put off by while a recovery reads, or somebody scratches
_DAY_MS = 86_400_000


def sweep_backups(stores: Stores, dataset_uid: str, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Sweep the log of a dataset, and put the next sweep off to the next night. Raises TemporarilyUnavailable when
    there is more to do than time; the next visit goes on. The log of a dataset that is gone is deleted whole."""
    now = clock()
    lease = int(now.timestamp()) + LEASE
    stores.backups.put_off(dataset_uid, lease, deadline, swept_until=lease)
    with aws_faults_as_unavailable():
        for sweep in _sweeps(stores, dataset_uid, deadline):
            sweep.end_the_last()
    if _is_read(stores, dataset_uid, deadline) or stores.backups.is_being_scratched(dataset_uid, clock(), deadline):
        stores.backups.put_off(dataset_uid, int(now.timestamp()) + AFTER_OTHERS, deadline)
        return
    try:
        dataset_id = find_dataset(dataset_uid).dataset_id
    except NotFound:
        _delete_all(stores, dataset_uid, deadline)
        stores.backups.forget(dataset_uid, deadline)
        return
    live = stores.live.read(dataset_id, deadline)
    days = {each.resource_uid: each.recovery_days for each in live.switches.values()} if live else {}
    with aws_faults_as_unavailable():
        for sweep in _sweeps(stores, dataset_uid, deadline):
            if (kept := days.get(sweep.resource_uid)) is not None:
                sweep.expire(int(now.timestamp() * 1000) - kept * _DAY_MS)
            sweep.merge(_closed_at(now))
    stores.backups.put_off(dataset_uid, sweep_at(dataset_uid, now), deadline)


def _is_read(stores: Stores, dataset_uid: str, deadline: Deadline) -> bool:
    """Whether a recovery reads the log, or is about to. It looks for a sweep after it has said so, and a sweep looks
    for it after that."""
    item = load_recovery(dataset_uid)
    return item is not None and item.state in UNDER_WAY and job_failure(stores, item, deadline) is None


def _sweeps(stores: Stores, dataset_uid: str, deadline: Deadline) -> "Iterator[_Sweep]":
    for resource_uid in stores.backups.resources(dataset_uid):
        yield _Sweep(stores=stores, dataset_uid=dataset_uid, resource_uid=resource_uid, deadline=deadline)


@dataclass(frozen=True, kw_only=True)
class _Sweep:
    """The sweep of one resource."""

    stores: Stores
    dataset_uid: str
    resource_uid: str
    deadline: Deadline

    def end_the_last(self) -> None:
        """Delete what a sweep that died, or that S3 did not obey, has left of objects that it had merged."""
        passed: deque[BackupObject] = deque(maxlen=2 * MERGED_OBJECTS)
        for found in self._objects():
            left = [one for one in passed if one.last <= found.last] if found.count > 1 else []
            if left:
                held = set(self._numbers(found))
                keys = [one.key for one in left if held.issuperset(self._numbers(one))]
                self.stores.backups.bucket.delete(reversed(keys))
            passed.append(found)

    def _numbers(self, found: BackupObject) -> list[int]:
        return [entry_of(line).number for line in lines_of(self.stores.backups.bucket.get(found.key) or b"")]

    def expire(self, before: int) -> None:
        """Delete objects all of which, and large files that, were accepted before (epoch milliseconds)."""
        objects = (found.key for found in self._objects() if found.last_at < before)
        prefix = upload_copies(self.dataset_uid, self.resource_uid)
        copies = (key for key, _ in self.stores.backups.bucket.listed(prefix) if int(key.rpartition(".")[2]) < before)
        _delete(self.stores, objects, self.deadline)
        _delete(self.stores, copies, self.deadline)

    def merge(self, before: int) -> None:
        """Merge neighbouring small objects of one day that ended before (epoch milliseconds)."""
        for some in _runs(self._objects(), before):
            if self.deadline.remaining() < RESERVE:
                raise TemporarilyUnavailable
            if len(some) > 1:
                self._merge(some)

    def _merge(self, objects: list[BackupObject]) -> None:
        """Write one object that holds what these hold, newest first as they are listed, then delete them. Lines that
        were merged by a sweep that died are there twice, and held once."""
        bucket = self.stores.backups.bucket
        contents: dict[str, bytes | None] = {}

        def fetch(key: str) -> None:
            contents[key] = bucket.get(key)

        run_all(fetch, [found.key for found in objects], self.stores.threads)
        if None in contents.values():
            return  # another sweep is at them
        lines: dict[int, _Line] = {}
        merged: list[str] = []
        held = 0
        for found in objects:
            for line in map(_line, lines_of(contents.pop(found.key) or b"")):
                held += len(line.text)
                lines[line.number] = line
            merged.append(found.key)
            if held > HELD_BYTES:
                break
        for portion in _portions(lines[number] for number in sorted(lines)):
            key = entries_key(self.dataset_uid, self.resource_uid, portion)
            bucket.put(key, packed(line.text for line in portion), "application/gzip")
            if key in merged:
                merged.remove(key)  # it was merged before, to the same
        bucket.delete(reversed(merged))

    def _objects(self) -> Iterator[BackupObject]:
        return self.stores.backups.objects(self.dataset_uid, self.resource_uid)


class _Line(NamedTuple):
    """A line, and what the name of its object tells of it."""

    text: bytes
    number: int
    accepted_at: int


def _line(text: bytes) -> _Line:
    entry = entry_of(text)
    return _Line(text, entry.number, entry.accepted_at)


def _runs(objects: Iterable[BackupObject], before: int) -> Iterator[list[BackupObject]]:
    """Neighbours of one day that ended before, as many as one visit holds in memory. What is large enough stays alone.
    Nothing may lie between two that are merged: their numbers would span what is read on its own."""
    run: list[BackupObject] = []
    size = 0
    for found in objects:
        is_alone = found.size > MERGED_BYTES // 16 or found.last_at >= before
        is_apart = bool(run) and run[-1].last_at // _DAY_MS != found.last_at // _DAY_MS
        if run and (is_alone or is_apart or len(run) >= MERGED_OBJECTS or size > MERGED_BYTES):
            yield run
            run, size = [], 0
        if not is_alone:
            run.append(found)
            size += found.size
    if run:
        yield run


def _portions(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    portion: list[_Line] = []
    size = 0
    for line in lines:
        if portion and size + len(line.text) > MERGED_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line.text)
    if portion:
        yield portion


def _closed_at(now: datetime) -> int:
    """Before when (epoch milliseconds) days are over, and all that was accepted in them is kept."""
    midnight = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
    return int(min(midnight.timestamp(), now.timestamp() - LATEST) * 1000)


def _delete_all(stores: Stores, dataset_uid: str, deadline: Deadline) -> None:
    with aws_faults_as_unavailable():
        for prefix in (f"{dataset_uid}/", f"uploads/{dataset_uid}/", configurations_prefix(dataset_uid)):
            _delete(stores, (key for key, _ in stores.backups.bucket.listed(prefix)), deadline)


def _delete(stores: Stores, keys: Iterable[str], deadline: Deadline) -> None:
    some: list[str] = []
    for key in keys:
        some.append(key)
        if len(some) == MERGED_OBJECTS:
            if deadline.remaining() <= 0:
                raise TemporarilyUnavailable
            stores.backups.bucket.delete(some)
            some = []
    stores.backups.bucket.delete(some)
