"""Applying a recovery, as a job of the lane: what was read and prepared is written where nothing newer stands.

From the job on, all that is pushed queues behind it. What was accepted while the log was being read, or was under way
then, is read now, when the last direct writer has ended, and goes before what was read earlier.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.domain.backup import Entry
from chalicelib.domain.changes import Changes, puts_of
from chalicelib.domain.job import RECOVER, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import Tally, applied_receipt, failed_receipt
from chalicelib.domain.record import PreparedRecord
from chalicelib.domain.replayed import Replayed, replayed_from_text
from chalicelib.services.direct_writers import let_direct_writers_end
from chalicelib.services.job_payload import load_text
from chalicelib.services.recovery_parts import part_keys, prevailed_over
from chalicelib.services.recovery_state import ABORTED, ABORTED_MESSAGE, DONE, is_aborting, load_recovery, settle
from chalicelib.services.replay import Replay, Scope
from chalicelib.services.writing import Batch, store_contents, write_batches
from chalicelib.store.backups import GREATEST
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import file_key
from chalicelib.store.records import Origin
from chalicelib.store.stores import Stores

CLOCKS_APART = 60_000  # milliseconds that the clocks of two functions may differ by, and a request last
"""A request is stopped after 28 seconds; S3 and DynamoDB refuse clocks that are wrong by more than minutes."""

_READ_AT_ONCE = 200  # entries of the log, whose records are written together

Newer = Mapping[str, int]  # record id → number of the last entry of the log that touches it


def job_of(live: LiveDataset, item: RecoveryItem, batch_id: str, receipt: Mapping[str, Any], now: datetime) -> Job:
    """The job that applies what was read."""
    return Job.of(
        live,
        kind=RECOVER,
        generation=live.intake_generation,
        batch_id=batch_id,
        resource_uid=item.resource_uid,
        now=now,
        receipt=receipt,
        parts=part_keys(item),
        options={
            "scope": item.scope,
            "since": int(item.since),
            "prevails_over": sorted(prevailed_over(live.dataset_uid)),
        },
    )


def apply_recovery(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Write what the job recovers. Raises TemporarilyUnavailable at the deadline; the next worker goes on with the
    part after the last one that was written."""
    item = load_recovery(job.dataset_uid)
    mine = item if item is not None and item.batch_id == job.batch_id else None
    let_direct_writers_end(job, clock, deadline)
    tally = Tally(**job.counts)
    newer, caught_up = _catch_up(stores, job, clock, deadline)
    if job.done == 0:
        tally = tally.plus(caught_up)
    for part in range(job.done, len(job.parts)):
        if mine is not None and is_aborting(mine):
            receipt = failed_receipt(job.receipt, ABORTED_MESSAGE)
            stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, clock(), deadline)
            settle(mine, ABORTED, clock(), message=ABORTED_MESSAGE, counts=tally._asdict())
            return
        replayed = list(_not_overtaken(replayed_from_text(load_text(stores, job, part)), newer))
        tally = tally.plus(_write(stores, job, replayed, clock, deadline))
        stores.lane.advance(job, part + 1, tally._asdict(), deadline)
        stores.lane.forget_attempts(job.dataset_id, deadline)
    receipt = applied_receipt(job.receipt, tally, clock())
    stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, clock(), deadline)
    if mine is not None:
        settle(mine, DONE, clock(), counts=tally._asdict())


def replayed_batches(replayed: Sequence[Replayed], prevails_over: frozenset[str]) -> list[Batch]:
    """What is replayed as batches to write, of which each yields to records that were accepted later."""
    return [
        Batch(
            origin=Origin(each.accepted_at, each.resource_uid),
            changes=each.changes,
            is_replayed=True,
            prevails_over=prevails_over,
        )
        for each in replayed
    ]


def replayed_of(
    entry: Entry, records: Mapping[str, PreparedRecord], partition: str, owner: str, *, stores: Stores | None
) -> Replayed:
    """Records of an entry as they are to be written. Their file contents are stored, in the name of `owner`, when
    there are stores to take them."""
    puts = puts_of(
        records.values(), lambda record_id, name, sha256: file_key(partition, record_id, name, sha256, owner)
    )
    if stores is not None:
        store_contents(stores, records, puts)
    return Replayed(
        number=entry.number,
        accepted_at=entry.accepted_at,
        resource_uid=entry.resource_uid,
        changes=Changes(puts=puts),
    )


def _catch_up(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> tuple[Newer, Tally]:
    """Replay what was accepted from a moment before the log was read until the job was, and note what it touches."""
    live = stores.live.read(job.dataset_id, deadline)
    if live is None or live.generation != job.generation:
        return {}, Tally()  # the lane drops the job
    scope = Scope(**job.options["scope"])
    replay = Replay(
        stores=stores,
        dataset_uid=job.dataset_uid,
        configuration=live.configuration,
        scope=scope,
        is_late=deadline.has_passed,
    )
    until = job.accepted_at + CLOCKS_APART
    newer: dict[str, int] = {}
    tally = Tally()
    log = stores.backup_reader.newest_first(job.dataset_uid, below=GREATEST, since=job.options["since"], until=until)
    while some := list(islice(log, _READ_AT_ONCE)):
        replayed = []
        for entry in some:
            for records in replay.take(entry):
                if records:
                    replayed.append(replayed_of(entry, records, job.partition, job.batch_id, stores=stores))
            for record_id in [*(key.hex() for key in replay.fresh), entry.record_id]:
                newer.setdefault(record_id, entry.number)
            replay.fresh.clear()
        tally = tally.plus(_write(stores, job, replayed, clock, deadline))
    return newer, tally


def _not_overtaken(replayed: Sequence[Replayed], newer: Newer) -> Iterator[Replayed]:
    """What is replayed without the records that were caught up with, or that later entries touch."""
    for each in replayed:
        puts = [put for put in each.changes.puts if newer.get(put.id, 0) < each.number]
        if puts:
            yield Replayed(
                number=each.number,
                accepted_at=each.accepted_at,
                resource_uid=each.resource_uid,
                changes=Changes(puts=puts),
            )


def _write(
    stores: Stores, job: Job, replayed: Sequence[Replayed], clock: Callable[[], datetime], deadline: Deadline
) -> Tally:
    if not replayed:
        return Tally()
    batches = replayed_batches(replayed, frozenset(job.options["prevails_over"]))
    total = Tally()
    for tally in write_batches(stores, job, batches, deadline, clock=clock):
        total = total.plus(tally)
    return total
