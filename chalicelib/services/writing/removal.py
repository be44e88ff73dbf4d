"""Deleting the records that a job finds to be gone, so that the next worker goes on where one stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from chalicelib.domain.changes import Changes
from chalicelib.domain.job import Job
from chalicelib.domain.receipt import Tally
from chalicelib.services.writing.writer import Batch, write_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import Origin, StoredMark, shard_keys
from chalicelib.store.stores import Stores

DELETED_AT_ONCE = 2000  # records
IsGone = Callable[[str, str], bool]  # record id, uid of the resource that it belongs to


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What a job deletes once its parts are written; each step of it is noted as a further part that is done."""

    stores: Stores
    job: Job
    clock: Callable[[], datetime]
    deadline: Deadline
    at_once: int = DELETED_AT_ONCE

    def of_found(self, is_gone: IsGone, tally: Tally) -> Tally:
        """Look through all records and delete those that are gone. A step is one shard; within a shard, what is
        deleted is not found again. The tally of the job is kept with each step, and answered."""
        for number, shard in enumerate(shard_keys(self.job.partition), start=len(self.job.parts)):
            if number < self.job.done:
                continue
            owners = self.stores.reader.owners(shard, self.deadline)
            for ids in self._some(record_id for record_id, owner in owners if is_gone(record_id, owner)):
                tally = tally.plus(self._delete(ids, lambda _: False))
            self._advance(number + 1, tally)
        return tally

    def of_known(self, ids: Sequence[str], tally: Tally) -> Tally:
        """Delete these records, which are the same whenever the job is applied, but for those that belong to another
        resource by now. A step is so many of them."""
        for number, some in enumerate(self._some(iter(ids)), start=len(self.job.parts)):
            if number < self.job.done:
                continue
            tally = tally.plus(self._delete(some, lambda mark: mark.resource_uid != self.job.resource_uid))
            self._advance(number + 1, tally)
        return tally

    def _delete(self, ids: Sequence[str], leaves: Callable[[StoredMark], bool]) -> Tally:
        origin = Origin(self.job.accepted_at, self.job.resource_uid)
        batch = Batch(origin=origin, changes=Changes(deletes=ids), leaves=leaves)
        (tally,) = write_batches(self.stores, self.job, [batch], self.deadline, clock=self.clock)
        return tally

    def _advance(self, done: int, tally: Tally) -> None:
        self.stores.lane.advance(self.job, done, tally._asdict(), self.deadline)
        self.stores.lane.forget_attempts(self.job.dataset_id, self.deadline)

    def _some(self, ids: Iterator[str]) -> Iterator[list[str]]:
        while some := list(islice(ids, self.at_once)):
            yield some
