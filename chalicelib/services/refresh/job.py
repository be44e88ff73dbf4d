"""Applying a refresh, as a job of the lane: the file that was fetched is compared with the one before, and what is
new, has changed or has vanished since then is written. Applied again after a crash, it goes on.

A record that a device has pushed since stays as long as the file's own record is what it was. When it is not known
what the file was before, the whole of it is written, like that of a publication: over no record of a device.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain import manifest
from chalicelib.domain.changes import Changes, Put
from chalicelib.domain.errors import JobPayloadMissing
from chalicelib.domain.job import Job
from chalicelib.domain.receipt import Tally, applied_receipt
from chalicelib.services.datasets.source_copies import copy_item, discard_objects, find_copy, objects_of
from chalicelib.services.writing.direct_writers import let_direct_writers_end
from chalicelib.services.writing.job_payload import load_changes
from chalicelib.services.writing.removal import Removal
from chalicelib.services.writing.writer import Batch, drop_contents, write_batches
from chalicelib.store.catalog.incoming import CopyItem
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.records import Origin, StoredMark
from chalicelib.store.stores import Stores

Clock = Callable[[], datetime]


def apply_refresh(stores: Stores, job: Job, clock: Clock, deadline: Deadline) -> None:
    """Bring the records of one resource in line with its file, then keep what the file was, then the receipt. Raises
    TemporarilyUnavailable at the deadline; the next worker goes on after the last step."""
    tally = Tally(**job.counts)
    copy = find_copy(job.dataset_uid, job.resource_uid)
    staged = job.options["copies"][job.resource_uid]
    if copy is None or copy.batch_id != job.batch_id:
        if job.options["realtime"]:
            let_direct_writers_end(job, clock, deadline)
        comparison = _compare(stores, job, copy)
        tally = _Refresh(stores=stores, job=job, comparison=comparison, clock=clock, deadline=deadline).apply()
        copy_item(job, job.resource_uid, job.options["version"], staged).save()
        if copy is not None:
            discard_objects(stores, objects_of(copy))
    unchanged = max(0, staged["records"] - tally.created - tally.updated)
    receipt = applied_receipt(job.receipt, tally._replace(unchanged=unchanged), clock())
    stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, clock(), deadline)


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The manifest of the file, and the one that the records are in line with, but for what this job has written of
    its own. None when there is no such; however often the job is begun, the answer is the same."""

    new: bytes
    old: bytes | None


def _compare(stores: Stores, job: Job, copy: CopyItem | None) -> _Comparison:
    new = _manifest(stores, job.options["copies"][job.resource_uid]["manifest_key"])
    if new is None:
        raise JobPayloadMissing(f"The manifest of batch {job.batch_id} is not where it was kept.")
    old = None
    if copy is not None:
        is_base = copy.batch_id == job.options["base"] and copy.overwritten_by in (None, job.batch_id)
        old = _manifest(stores, copy.manifest_key) if is_base else None
        if old is None:
            copy.delete()
        elif copy.overwritten_by is None:
            copy.update([CopyItem.overwritten_by.set(job.batch_id)])
    return _Comparison(new=new, old=old)


def _manifest(stores: Stores, key: str) -> bytes | None:
    with aws_faults_as_unavailable():
        return stores.sources.get(key)


@dataclass(frozen=True, kw_only=True)
class _Refresh:
    """One visit of the worker to a job."""

    stores: Stores
    job: Job
    comparison: _Comparison
    clock: Clock
    deadline: Deadline

    def apply(self) -> Tally:
        """Put, then remove; what all visits came to."""
        new, old = self.comparison.new, self.comparison.old
        tally = self._put(manifest.changed(new, old or b""))
        if not self.job.options["removes"]:
            return tally
        removal = Removal(stores=self.stores, job=self.job, clock=self.clock, deadline=self.deadline)
        if old is not None:
            return removal.of_known(manifest.vanished(new, old), tally)
        left = manifest.ids(new)
        own = self.job.resource_uid
        return removal.of_found(lambda record_id, owner: owner == own and bytes.fromhex(record_id) not in left, tally)

    def _put(self, changed: Set[bytes]) -> Tally:
        tally = Tally(**self.job.counts)
        contents = _Contents()
        for part in range(self.job.done, len(self.job.parts)):
            puts = contents.sorted(load_changes(self.stores, self.job, part).puts, changed)
            if puts:
                tally = tally.plus(self._write(puts))
                self.stores.lane.advance(self.job, part + 1, tally._asdict(), self.deadline)
                self.stores.lane.forget_attempts(self.job.dataset_id, self.deadline)
        drop_contents(self.stores, contents.unused)
        return tally

    def _write(self, puts: Sequence[Put]) -> Tally:
        origin = Origin(self.job.accepted_at, self.job.resource_uid)
        batch = Batch(origin=origin, changes=Changes(puts=puts), leaves=self._leaves)
        (tally,) = write_batches(self.stores, self.job, [batch], self.deadline, clock=self.clock)
        return tally

    def _leaves(self, mark: StoredMark) -> bool:
        """Whether a record stays, though the file has another: one that a device has pushed, at all or since the file
        was asked for."""
        since = 0 if self.comparison.old is None else self.job.options["begun_at"]
        return mark.resource_uid in self.job.options["realtime"] and mark.accepted_at >= since


@dataclass(frozen=True)
class _Contents:
    """The file contents that were stored with the records of a job. A record that is not written has no use for them,
    unless another of its id that comes later in the file has the same."""

    _used: set[str] = field(default_factory=set)
    _spare: set[str] = field(default_factory=set)

    def sorted(self, puts: Sequence[Put], changed: Set[bytes]) -> list[Put]:
        """The puts of records that have changed."""
        written: list[Put] = []
        for put in puts:
            is_written = manifest.entry(put.id, put.hash) in changed
            if is_written:
                written.append(put)
            if put.files:
                (self._used if is_written else self._spare).update(put.files.values())
        return written

    @property
    def unused(self) -> list[str]:
        """The keys of contents that no record refers to."""
        return sorted(self._spare - self._used)
