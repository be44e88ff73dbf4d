"""Acceptance: the one place that decides how an operation is made durable, and does it.

`OK` may be answered once `accept` has returned. A small operation is written within the request, unless jobs wait in
the dataset's lane: then it must not overtake them, and becomes a job as a large one does.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from botocore.exceptions import ClientError

from chalicelib.domain.backup import Entry
from chalicelib.domain.changes import Changes, puts_of
from chalicelib.domain.errors import ConfigurationMoved, PayloadTooLarge, RecordRefusal, TemporarilyUnavailable
from chalicelib.domain.job import WRITE, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.receipt import APPLIED, QUEUED, Counts, Receipt, Tally
from chalicelib.services.bells import ring_lane
from chalicelib.services.push.backup import back_up
from chalicelib.services.writing.job_payload import discard_payloads, with_changes
from chalicelib.services.writing.writer import Batch, store_contents, write_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import file_key
from chalicelib.store.records import Origin, TableWrite
from chalicelib.store.stores import Stores

DIRECT_UNITS = 1000  # write units that a request writes itself; a partition of the table takes as many a second
DIRECT_SECONDS = 8.0  # then the lane takes over
FORGET_SECONDS = 1.0  # to take its receipt back before
MAX_FILES = 5000  # file contents that a request may bring to the lane: it has 20 s, S3 takes some 250 a second
_ITEM_OVERHEAD = 120  # bytes of a record's item beside its size


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A validated batch: records to put by their id, ids to delete, what the receipt tells beside the counts, and the
    entry to back it up with while recovery is on."""

    batch_id: str
    resource_uid: str
    name: str
    puts: Mapping[str, PreparedRecord] = field(default_factory=dict)
    deletes: Sequence[str] = ()
    record_ids: Sequence[str] = ()
    ignored_fields: Sequence[str] = ()
    skipped: int = 0
    refusals: Sequence[RecordRefusal] = ()
    backup: Entry | None = None

    @property
    def write_units(self) -> int:
        """What it costs at the most to write: a unit for each kilobyte that a record has begun."""
        records = sum((record.size + _ITEM_OVERHEAD + 1023) >> 10 for record in self.puts.values())
        return records + len(self.deletes)


def accept(stores: Stores, live: LiveDataset, operation: Operation, now: datetime, deadline: Deadline) -> Receipt:
    """Make the operation durable, and tell what it changed or that it is queued.

    Raises ConfigurationMoved when it has to be prepared anew, TemporarilyUnavailable at the deadline: it is not
    acknowledged then, and sending it again is safe.
    """
    _check_files(live, operation)
    if operation.backup is None:
        return _accept(stores, live, operation, now, deadline)
    kept = back_up(stores, live, operation.backup, deadline)
    try:
        return _accept(stores, live, operation, now, deadline)
    except ConfigurationMoved:
        stores.backups.withdraw(kept)  # it may be refused in the end, and is backed up anew when it is not
        raise


def _check_files(live: LiveDataset, operation: Operation) -> None:
    """Refuse what cannot be stored within a request. Of what is written at once, only changed contents are stored."""
    files = sum(len(record.files) for record in operation.puts.values())
    if files > MAX_FILES and not _is_direct(live, operation):
        raise PayloadTooLarge(
            f"The body brings {files:,} files, of which a request stores {MAX_FILES:,} at the most: split it into "
            "several pushes, or upload it as one file."
        )


def _is_direct(live: LiveDataset, operation: Operation) -> bool:
    return not live.has_jobs and operation.write_units <= DIRECT_UNITS


def _accept(stores: Stores, live: LiveDataset, operation: Operation, now: datetime, deadline: Deadline) -> Receipt:
    if _is_direct(live, operation):
        try:
            return _write_now(stores, live, operation, now, deadline)
        except TemporarilyUnavailable:
            if deadline.remaining() < DIRECT_SECONDS:
                raise
        try:
            return _queue(stores, live, operation, now, deadline)
        except ConfigurationMoved:
            # Some of it may be written: prepared anew it could be refused, and a refusal means that nothing happened.
            raise TemporarilyUnavailable from None
    return _queue(stores, live, operation, now, deadline)


def _write_now(stores: Stores, live: LiveDataset, operation: Operation, now: datetime, deadline: Deadline) -> Receipt:
    receipt, within = _receipt(operation, now, APPLIED), deadline.within(DIRECT_SECONDS)

    def receipts(tallies: Sequence[Tally]) -> list[TableWrite]:
        nonlocal receipt
        receipt = replace(receipt, counts=receipt.counts.with_tally(tallies[0]))
        return [stores.activity.batch_write(live.dataset_uid, operation.batch_id, receipt.as_stored(), now)]

    batch = Batch(
        origin=Origin(_epoch_ms(now), operation.resource_uid),
        changes=_changes(live, operation, operation.batch_id),
        renews=live.renews_at(now),
        store_contents=lambda puts: store_contents(stores, operation.puts, puts, within),
    )
    try:
        write_batches(stores, live, [batch], within, clock=lambda: now, receipts=receipts)
    except TemporarilyUnavailable:
        # The receipt may have come through while records have not; what becomes of the batch is told anew.
        with suppress(TemporarilyUnavailable, ClientError):
            stores.activity.forget_receipt(live.dataset_uid, operation.batch_id, deadline.within(FORGET_SECONDS))
        raise
    return receipt


def _queue(stores: Stores, live: LiveDataset, operation: Operation, now: datetime, deadline: Deadline) -> Receipt:
    """Commit the operation as a job and ring. What fails before the commit leaves at most objects that nothing refers
    to; whoever is told nothing else sends the operation again."""
    # The contents of a direct write that came to nothing go with the records that it has left: who overwrites those
    # must not meet what the job brings.
    changes = _changes(live, operation, f"{operation.batch_id}.lane")
    store_contents(stores, operation.puts, changes.puts, deadline)
    receipt = _receipt(operation, now, QUEUED)
    job = with_changes(stores, _job(live, operation, receipt, now), changes, deadline)
    rider = stores.activity.batch_write(live.dataset_uid, operation.batch_id, receipt.as_stored(), now)
    try:
        committed = stores.lane.commit(live, job, [rider], deadline)
    except ConfigurationMoved:
        # File contents stay: a direct write that came to nothing may have left records that refer to them.
        discard_payloads(stores, [job])
        raise
    ring_lane(stores, live, committed, deadline)
    return receipt


def _job(live: LiveDataset, operation: Operation, receipt: Receipt, now: datetime) -> Job:
    return Job.of(
        live,
        kind=WRITE,
        batch_id=operation.batch_id,
        generation=live.intake_generation,
        resource_uid=operation.resource_uid,
        now=now,
        receipt=receipt.as_stored(),
        options={"renews": True} if live.renews_at(now) else {},
    )


def _changes(live: LiveDataset, operation: Operation, owner: str) -> Changes:
    """The changes; their file contents are kept in the name of `owner`."""
    puts = puts_of(
        operation.puts.values(),
        lambda record_id, name, sha256: file_key(live.intake_partition, record_id, name, sha256, owner),
    )
    return Changes(puts=puts, deletes=list(dict.fromkeys(operation.deletes)))


def _receipt(operation: Operation, now: datetime, state: str) -> Receipt:
    rejected = len({refusal.index for refusal in operation.refusals})
    return Receipt(
        batch_id=operation.batch_id,
        resource_uid=operation.resource_uid,
        received_at=now,
        operation=operation.name,
        state=state,
        counts=Counts(
            records=len(operation.record_ids) + rejected + operation.skipped,
            rejected=rejected,
            skipped=operation.skipped,
        ),
        ignored_fields=operation.ignored_fields,
        refusals=operation.refusals,
        record_ids=operation.record_ids,
    )


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
