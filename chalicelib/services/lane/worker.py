"""The lane: what the worker does when a dataset's bell rings.

Jobs are applied in the order they were accepted and then taken off. A job is never skipped: a worker that dies leaves
it, and the next one applies it again, which changes nothing that is there already. Meanwhile no push overtakes it,
since everything pushed to a dataset with pending jobs becomes a job itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.changes import Changes
from chalicelib.domain.job import PUBLISH, RECOVER, REFRESH, WRITE, Job
from chalicelib.domain.receipt import Tally, applied_receipt, failed_receipt
from chalicelib.services.datasets.source_copies import discard_staged_copies
from chalicelib.services.publication.job import apply_publication
from chalicelib.services.recovery.job import apply_recovery
from chalicelib.services.refresh.job import apply_refresh
from chalicelib.services.writing.job_payload import discard_payloads, load_changes
from chalicelib.services.writing.writer import Batch, write_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.lane import Lane
from chalicelib.store.records import Origin, TableWrite
from chalicelib.store.stores import Stores

Clock = Callable[[], datetime]
MAX_FOLDED, MAX_CHARACTERS = 150_000, 64_000_000  # of records that are folded and written as one set, in memory
DROPPED = (
    "The dataset was unpublished or deleted, or a change of its unique key aborted, before this batch was applied: "
    "publish it and send the records again, if they are wanted."
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a visit of the worker came to: jobs applied, jobs of a former generation dropped, and whether the lane is
    paused."""

    applied: int = 0
    dropped: int = 0
    is_paused: bool = False


def apply_jobs(stores: Stores, dataset_id: str, clock: Clock, deadline: Deadline) -> Outcome:
    """Apply all pending jobs of a dataset, those that are accepted meanwhile too. At the deadline
    TemporarilyUnavailable is raised; what is not applied then stays on the lane."""
    applied = dropped = 0
    is_first_look = True
    while True:
        lane = stores.lane.read(dataset_id, deadline)
        if not lane.jobs:
            return Outcome(applied=applied, dropped=dropped)
        if stale := [job for job in lane.jobs if not lane.is_current(job)]:
            _drop(stores, stale, clock(), deadline)
            dropped += len(stale)
            continue
        if is_first_look and not stores.lane.begin_attempt(dataset_id, clock(), deadline):
            return Outcome(applied=applied, dropped=dropped, is_paused=True)
        is_first_look = False
        applied += _apply_some(stores, lane, clock, deadline)


def _apply_some(stores: Stores, lane: Lane, clock: Clock, deadline: Deadline) -> int:
    """Apply the first job, with those behind it that fold with it; how many were taken off the lane."""
    first = lane.jobs[0]
    if first.kind == PUBLISH:
        apply_publication(stores, first, clock, deadline)
        jobs: Sequence[Job] = [first]
    elif first.kind == REFRESH:
        apply_refresh(stores, first, clock, deadline)
        jobs = [first]
    elif first.kind == RECOVER:
        apply_recovery(stores, first, clock, deadline)
        jobs = [first]
    elif len(first.parts) > 1:
        _apply_parts(stores, first, clock, deadline)
        jobs = [first]
    else:
        jobs = _apply_folded(stores, _foldable(lane.jobs), clock, deadline)
    stores.lane.finish(jobs, deadline)
    discard_payloads(stores, jobs)
    return len(jobs)


def _foldable(jobs: Sequence[Job]) -> list[Job]:
    """The first jobs, as many as may be written as one set."""
    folded: list[Job] = []
    records = 0
    for job in jobs:
        records += job.receipt["records"]
        is_apart = job.kind != WRITE or len(job.parts) > 1 or job.partition != jobs[0].partition
        if is_apart or (folded and records > MAX_FOLDED):
            break
        folded.append(job)
    return folded


def _apply_folded(stores: Stores, foldable: Sequence[Job], clock: Clock, deadline: Deadline) -> list[Job]:
    """Apply the first of these jobs, as many as fit into memory together; those that were."""
    jobs: list[Job] = []
    batches: list[Batch] = []
    characters = 0
    for job in foldable:
        changes = load_changes(stores, job)
        characters += sum(len(put.text) for put in changes.puts)
        if batches and characters > MAX_CHARACTERS:
            break
        jobs.append(job)
        batches.append(_batch(job, changes))

    def receipts(tallies: Sequence[Tally]) -> list[TableWrite]:
        return [_receipt(stores, job, tally, clock()) for job, tally in zip(jobs, tallies, strict=True)]

    write_batches(stores, jobs[0], batches, deadline, clock=clock, receipts=receipts)
    return jobs


def _apply_parts(stores: Stores, job: Job, clock: Clock, deadline: Deadline) -> None:
    """Apply a long job part by part. How far it got is kept, so that the next worker goes on there."""
    tally = Tally(**job.counts)
    for part in range(job.done, len(job.parts)):
        batch = _batch(job, load_changes(stores, job, part))
        is_last = part == len(job.parts) - 1

        def receipts(tallies: Sequence[Tally], before: Tally = tally, is_last: bool = is_last) -> list[TableWrite]:
            return [_receipt(stores, job, before.plus(tallies[0]), clock())] if is_last else []

        (written,) = write_batches(stores, job, [batch], deadline, clock=clock, receipts=receipts)
        tally = tally.plus(written)
        if not is_last:
            stores.lane.advance(job, part + 1, tally._asdict(), deadline)
            stores.lane.forget_attempts(job.dataset_id, deadline)


def _drop(stores: Stores, jobs: Sequence[Job], now: datetime, deadline: Deadline) -> None:
    """Take jobs of a former generation off the lane: the records they were for are out of reach."""
    for job in jobs:
        stores.activity.put_receipt(job.dataset_uid, job.batch_id, failed_receipt(job.receipt, DROPPED), now, deadline)
    stores.lane.finish(jobs, deadline)
    discard_payloads(stores, jobs)
    discard_staged_copies(stores, jobs)


def _batch(job: Job, changes: Changes) -> Batch:
    renews = job.options.get("renews", False)
    return Batch(origin=Origin(job.accepted_at, job.resource_uid), changes=changes, renews=renews)


def _receipt(stores: Stores, job: Job, tally: Tally, now: datetime) -> TableWrite:
    return stores.activity.batch_write(job.dataset_uid, job.batch_id, applied_receipt(job.receipt, tally, now), now)
