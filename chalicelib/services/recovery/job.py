"""Applying a recovery, as a job of the lane: what was read and prepared is written where nothing newer stands.

From the job on, all that is pushed queues behind it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.domain.changes import Changes
from chalicelib.domain.errors import ProcessingTooSlow, TemporarilyUnavailable
from chalicelib.domain.job import RECOVER, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import Tally, applied_receipt, failed_receipt
from chalicelib.domain.replayed import Replayed, replayed_from_text
from chalicelib.services.recovery.catch_up import CatchUp, Stopped, Stuck
from chalicelib.services.recovery.parts import part_keys, prevailed_over
from chalicelib.services.recovery.state import (
    ABORTED,
    ABORTED_MESSAGE,
    APPLYING,
    DONE,
    FAILED,
    is_aborting,
    load_recovery,
    settle,
)
from chalicelib.services.recovery.writing import write_replayed
from chalicelib.services.writing.direct_writers import let_direct_writers_end
from chalicelib.services.writing.job_payload import discard_parts, load_text
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores


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
    if item is None or item.batch_id != job.batch_id or item.state != APPLYING:
        return  # it has ended, and a worker died before the job was off the lane; another one may be under way by now
    let_direct_writers_end(job, clock, deadline)
    applying = _Applying(stores=stores, job=job, clock=clock, deadline=deadline, item=item)
    catch_up = CatchUp(stores=stores, job=job, clock=clock, deadline=deadline, is_aborting=lambda: is_aborting(item))
    try:
        newer = catch_up.run()
    except ProcessingTooSlow:
        raise TemporarilyUnavailable from None
    except Stopped:
        applying.end(ABORTED, catch_up.tally, message=ABORTED_MESSAGE)
    except Stuck:
        applying.end(FAILED, catch_up.tally, message=_TOO_SLOW)
    else:
        applying.write_parts(catch_up.tally, newer)
    discard_parts(stores, catch_up.chunk_keys())


@dataclass(frozen=True, kw_only=True)
class _Applying:
    """One visit of a worker."""

    stores: Stores
    job: Job
    clock: Callable[[], datetime]
    deadline: Deadline
    item: RecoveryItem

    def write_parts(self, tally: Tally, newer: Mapping[bytes, int]) -> None:
        """Write the parts that were not written yet, and end the recovery."""
        job, stores = self.job, self.stores
        for part in range(job.done, len(job.parts)):
            if is_aborting(self.item):
                self.end(ABORTED, tally, message=ABORTED_MESSAGE)
                return
            if not self._is_current():
                break
            replayed = list(_not_overtaken(replayed_from_text(load_text(stores, job, part)), newer))
            tally = tally.plus(write_replayed(stores, job, replayed, self.clock, self.deadline))
            stores.lane.advance(job, part + 1, tally._asdict(), self.deadline)
            stores.lane.forget_attempts(job.dataset_id, self.deadline)
        self.end(DONE, tally)

    def end(self, state: str, tally: Tally, *, message: str | None = None) -> None:
        """Say in the receipt, and in the recovery, what has come of it: it has failed when what it wrote is out of
        reach."""
        if state == DONE and not self._is_current():
            state, message = FAILED, _UNPUBLISHED
        job, now = self.job, self.clock()
        receipt = applied_receipt(job.receipt, tally, now) if message is None else failed_receipt(job.receipt, message)
        self.stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, now, self.deadline)
        settle(self.item, state, now, message=message, counts=tally._asdict())

    def _is_current(self) -> bool:
        """Whether the dataset still has the records that are written."""
        live, job = self.stores.live.read(self.job.dataset_id, self.deadline), self.job
        return live is not None and (live.dataset_uid, live.generation) == (job.dataset_uid, job.generation)


def _not_overtaken(replayed: Sequence[Replayed], newer: Mapping[bytes, int]) -> Iterator[Replayed]:
    """What is replayed without the records that were caught up with, or that later entries touch."""
    for each in replayed:
        puts = [put for put in each.changes.puts if newer.get(bytes.fromhex(put.id), 0) < each.number]
        if puts:
            yield replace(each, changes=Changes(puts=puts))


_UNPUBLISHED = "The dataset was unpublished or deleted meanwhile: publish it, then recover again."
_TOO_SLOW = (
    "What was pushed while the backup was being read takes longer to process than there is time: simplify the "
    "processors, publish, then recover again. Records that it had written by then stay."
)
