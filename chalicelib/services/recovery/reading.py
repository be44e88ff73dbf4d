"""Reading the log for a recovery: one visit of a worker, which goes on where the last one stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.backup import Entry
from chalicelib.domain.errors import ConfigurationMoved, EditConflict, TemporarilyUnavailable
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.receipt import QUEUED as RECEIPT_QUEUED
from chalicelib.domain.receipt import Counts, Receipt
from chalicelib.domain.replayed import Replayed, replayed_as_text
from chalicelib.services.bells import ring_lane
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.recovery.catch_up import CLOCKS_APART, RESERVE
from chalicelib.services.recovery.job import job_of
from chalicelib.services.recovery.parts import (
    chunk_key,
    discard_kept,
    end_unwritten,
    prevailed_over,
    settled_keys,
)
from chalicelib.services.recovery.replay import MAX_IDS, Replay, Scope
from chalicelib.services.recovery.state import ABORTED, ABORTED_MESSAGE, APPLYING, DONE, FAILED, is_aborting
from chalicelib.services.recovery.writing import replayed_batches, replayed_of
from chalicelib.services.writing.direct_writers import COMMIT_SECONDS, let_requests_end
from chalicelib.services.writing.job_payload import discard_parts
from chalicelib.services.writing.staging import Stager
from chalicelib.services.writing.writer import tally_batches
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores

NOTED_EVERY = 15.0  # seconds, or when as many records wait:
NOTED_RECORDS = 20_000
RUNG_AFTER = 120  # seconds after which a worker that has noted nothing is taken for dead


class TakenOver(Exception):  # noqa: N818 - internal signal: another worker goes on, or nobody does
    """This visit has nothing more to do."""


@dataclass(kw_only=True)
class Reading:
    """One visit of a worker: what it has read since it last noted how far it got."""

    stores: Stores
    item: RecoveryItem
    live: LiveDataset
    clock: Callable[[], datetime]
    deadline: Deadline
    stager: Stager = field(init=False)
    waiting: list[Replayed] = field(default_factory=list)
    records: int = 0
    uncounted: int = 0
    noted_at: float = 0.0

    def run(self) -> None:
        """Read on from where the last visit stopped, and end the recovery or make it a job."""
        stores, item = self.stores, self.item
        if not self._is_for(self.live):
            self._let_former_requests_end()
            self._begin()
        replay = self._replay()
        self._stage_anew()
        cursor = int(item.cursor)
        log = stores.backup_reader.newest_first(self.live.dataset_uid, below=cursor, since=self._since)
        for entry in log:
            if self._is_time_to_note() or (entry.upload and cursor != item.cursor):
                self._note(replay, cursor)
            if self.deadline.remaining() < RESERVE:
                raise TemporarilyUnavailable
            for records in replay.take(entry):
                self._wait(replay, entry, records)
            cursor = entry.number
            if len(replay.settled) > MAX_IDS:
                end_unwritten(stores, item, FAILED, self.clock, message=_TOO_MANY)
                return
        self._note(replay, 0)
        self._finish(replay)

    @property
    def _since(self) -> int:
        """From when on entries matter: older ones cannot settle what is to be recovered."""
        start = self.item.scope["start"]
        return 0 if start is None else start - 2 * CLOCKS_APART

    def _let_former_requests_end(self) -> None:
        """What is read must hold all that was prepared with another configuration: the ids of deletes that come later
        are held against those of records as they are published now."""
        since = find_dataset(self.live.dataset_uid).processed_since
        if self.live.coming is not None:  # accepted nobody knows when
            let_requests_end(self.clock(), self.clock, self.deadline)
        elif since is not None:
            let_requests_end(datetime.fromisoformat(since), self.clock, self.deadline)

    def _begin(self) -> None:
        """Begin at the newest entry, under the configuration that is published now."""
        item, uid = self.item, self.live.dataset_uid
        discard_kept(self.stores, item)
        now = self.clock()
        high = self.stores.backups.last_number(uid, self.deadline)
        self._update(
            version=self.live.version,
            generation=self.live.intake_generation,
            high=high,
            cursor=high + 1,
            since=int(now.timestamp() * 1000) - 2 * CLOCKS_APART,
            parts=0,
            chunks=0,
            counts={},
            details=[],
            deleting=[],
        )

    def _is_for(self, live: LiveDataset) -> bool:
        """Whether what was read is what a dataset that is published so takes: the next generation, when its records
        are about to get other ids."""
        return (self.item.version, self.item.generation) == (live.version, live.intake_generation)

    def _replay(self) -> Replay:
        item = self.item
        replay = Replay(
            stores=self.stores,
            dataset_uid=self.live.dataset_uid,
            configuration=self.live.intake,
            scope=Scope(**item.scope),
            is_late=self.deadline.has_passed,
            settled=settled_keys(self.stores, item),
            details=list(item.details),
            deleting=list(item.deleting or ()),
        )
        replay.counts.update(item.counts)
        return replay

    def _wait(self, replay: Replay, entry: Entry, records: Mapping[str, PreparedRecord]) -> None:
        """Take records that are to be written, in parts as they fill, so that a large file takes no more memory than
        one; of a dry run they are counted. File contents are stored at once."""
        if not records:
            return
        item, live = self.item, self.live
        keeping = None if item.is_dry else self.stores
        replayed = replayed_of(entry, records, live.intake_partition, self.stager.owner, self.deadline, stores=keeping)
        self.records += len(records)
        if not item.is_dry:
            self.stager.add_text(replayed_as_text(replayed), len(records))
            return
        self.waiting.append(replayed)
        self.uncounted += len(records)
        if self.uncounted >= NOTED_RECORDS:
            self._count(replay)

    def _stage_anew(self) -> None:
        """Begin the parts behind those that were noted; what a visit that died left of them is written over."""
        first = int(self.item.parts)
        self.stager = Stager(self.stores, self.live.intake_partition, self.item.nonce, self.deadline, first=first)

    def _is_time_to_note(self) -> bool:
        is_late = self.deadline.remaining() < RESERVE or self.deadline.elapsed() - self.noted_at > NOTED_EVERY
        return is_late or self.records >= NOTED_RECORDS

    def _note(self, replay: Replay, cursor: int) -> None:
        """Keep what waits, and how far this visit got; stop when somebody has asked for it."""
        item, stores = self.item, self.stores
        if is_aborting(item):
            end_unwritten(stores, item, ABORTED, self.clock, message=ABORTED_MESSAGE)
            raise TakenOver
        self._count(replay)
        parts = len(self.stager.finish())
        if replay.fresh:
            with aws_faults_as_unavailable():
                content = b"".join(replay.fresh)
                stores.jobs.put(chunk_key(item, int(item.chunks)), content, "application/octet-stream")
        self._update(
            cursor=cursor,
            parts=int(item.parts) + parts,
            chunks=int(item.chunks) + bool(replay.fresh),
            counts=dict(replay.counts),
            details=replay.details,
            deleting=replay.deleting,
        )
        replay.fresh.clear()
        self._stage_anew()
        self.records, self.noted_at = 0, self.deadline.elapsed()

    def _count(self, replay: Replay) -> None:
        """What writing the records of a dry run would come to."""
        batches = replayed_batches(self.waiting, prevailed_over(self.live.dataset_uid))
        for tally in tally_batches(self.stores, self.live, batches, self.deadline) if batches else ():
            replay.counts.update(tally._asdict())
        self.waiting, self.uncounted = [], 0

    def _finish(self, replay: Replay) -> None:
        item, stores = self.item, self.stores
        if item.is_dry or not item.parts:
            end_unwritten(stores, item, DONE, self.clock)
            return
        live = stores.live.read(self.live.dataset_id, self.deadline)
        if live is None or not self._is_for(live):
            raise ConfigurationMoved  # another visit begins anew
        now, within = self.clock(), self.deadline.within(COMMIT_SECONDS)
        batch_id = new_batch_id(now)
        receipt = self._receipt(batch_id, now, replay)
        job = job_of(live, item, batch_id, receipt, now)
        applying = RecoveryItem()
        applying.deserialize(item.serialize())
        applying.state, applying.batch_id = APPLYING, batch_id
        applying.moved_at, applying.due, applying.due_at = now.isoformat(timespec="milliseconds"), None, None
        riders = [
            stores.activity.batch_write(live.dataset_uid, batch_id, receipt, now),
            TableWrite(stores.names.catalog_table, applying.to_dynamodb_dict()),
        ]
        committed = stores.lane.commit(live, job, riders, within)
        ring_lane(stores, live, committed, self.deadline)
        discard_parts(stores, [chunk_key(item, chunk) for chunk in range(int(item.chunks))])

    def _receipt(self, batch_id: str, now: datetime, replay: Replay) -> dict[str, Any]:
        return Receipt(
            batch_id=batch_id,
            resource_uid=self.item.resource_uid,
            received_at=now,
            operation="recover",
            state=RECEIPT_QUEUED,
            counts=Counts(records=replay.counts["records"], rejected=replay.counts["errors"]),
        ).as_stored()

    def _update(self, **values: Any) -> None:
        """Note values on the item, as the last worker that came for it. Each is progress."""
        now = self.clock()
        values |= {
            "attempts": 0,
            "due_at": int(now.timestamp()) + RUNG_AFTER,
            "moved_at": now.isoformat("T", "milliseconds"),
        }
        try:
            with conflicts_as_edit_conflict():
                self.item.update(
                    [getattr(RecoveryItem, name).set(value) for name, value in values.items()],
                    condition=(RecoveryItem.visit == self.item.visit) & (RecoveryItem.nonce == self.item.nonce),
                )
        except EditConflict:
            raise TakenOver from None


_TOO_MANY = f"The backup holds more than {MAX_IDS} different records: recover the newest of them, with `from`."
