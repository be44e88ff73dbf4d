"""Accepting an uploaded file: it is read to its end, prepared and staged part by part, in constant memory; when all of
it fits it is backed up and becomes one job, with one moment of acceptance for all that tells it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.backup import PUSH, Entry
from chalicelib.domain.details import kept
from chalicelib.domain.errors import MAX_DETAILS, ConfigurationMoved, TemporarilyUnavailable
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import WRITE, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.receipt import QUEUED, Counts, Receipt
from chalicelib.services.alerts.signs_of_life import note_sign_of_life
from chalicelib.services.bells import ring_lane
from chalicelib.services.push.backup import Uploaded, back_up_upload
from chalicelib.services.uploads.file import Unacceptable
from chalicelib.services.writing.staging import Stager, prepared_batches
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import ACCEPTED, UPLOADED
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores

WRITTEN_A_SECOND = 4000  # records, of one write unit each: what a new table takes
BACKUP_SECONDS = 8.0  # that a backup is given at the least, once it has begun


class CommitUnanswered(Exception):  # noqa: N818 - internal signal: the upload is refused then, unless it was accepted
    """The storage did not answer the commit until the deadline. What was kept for it must stay as long as the job may
    be there; `acceptance` discards it when it is not."""

    def __init__(self, acceptance: "UploadAcceptance") -> None:
        super().__init__()
        self.acceptance = acceptance


@dataclass(kw_only=True)
class UploadAcceptance:
    """One reading of an uploaded file under the configuration that `live` takes pushes with. At `now` the deadline
    began to run. The file is that of the ETag."""

    stores: Stores
    live: LiveDataset
    item: UploadItem
    etag: str | None
    now: datetime
    deadline: Deadline
    records: int = 0
    rejected: int = 0
    skipped: int = 0
    details: list[dict[str, Any]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    stager: Stager = field(init=False)

    def __post_init__(self) -> None:
        # The id under which it is staged is none of a batch: those tell when they were accepted, which is later.
        self.stager = Stager(self.stores, self.live.intake_partition, new_batch_id(self.now), self.deadline)

    def run(self, records: Iterable[SourceRecord]) -> Receipt:
        """Read all records and accept them as a batch; Unacceptable when some do not fit and are not to be left out.
        Whatever it raises, nothing is left of it, but for CommitUnanswered."""
        try:
            self._stage(records)
            parts = self.stager.finish()
            current = self.stores.live.read(self.live.dataset_id, self.deadline) or self.live
            # Recovery takes the times in its log for those of the commits, and reading the file has taken minutes.
            accepted_at = self.now + timedelta(seconds=self.deadline.elapsed())
            batch_id = new_batch_id(accepted_at)
            if self._has_recovery(current):
                self._back_up(batch_id, accepted_at)
            self._check_time()  # as long as nothing is sent, nobody can have accepted it
        except Exception:
            self.discard()
            raise
        return self._commit(batch_id, parts, accepted_at, renews=current.renews_at(accepted_at))

    def discard(self) -> None:
        """Take back what was kept for the job: it is not accepted."""
        self.stager.discard()
        self.stores.backups.withdraw(self.backups)

    def _stage(self, records: Iterable[SourceRecord]) -> None:
        read = 0
        preparer = self.live.intake.preparer(self.item.resource_uid)
        for batch, prepared in prepared_batches(records, preparer, self.deadline.has_passed):
            self._check_time()
            self._note_refusals(batch, prepared, read)
            read += len(batch)
            self.records += len(prepared.ids)
            self.skipped += prepared.skipped
            self.ignored |= prepared.ignored_fields
            if self._is_refused and len(self.details) >= MAX_DETAILS:
                break  # enough to mend
            if not self._is_refused:
                self.stager.take(prepared)
        if self._is_refused:
            raise self._refusal()

    def _check_time(self) -> None:
        if self.deadline.remaining() <= 0:
            raise TemporarilyUnavailable

    @property
    def _is_refused(self) -> bool:
        return self.rejected > 0 and not self.item.is_lenient

    def _refusal(self) -> Unacceptable:
        more = " or more" if len(self.details) >= MAX_DETAILS else ""
        return Unacceptable(
            f"{self.rejected}{more} records are refused; nothing was written. Mend what the details name and "
            "upload the file again.",
            kept(self.details, of=self.rejected),
        )

    def _note_refusals(self, batch: Sequence[SourceRecord], prepared: PreparedPayload, before: int) -> None:
        indexes = sorted({refusal.index for refusal in prepared.refusals})
        self.rejected += len(indexes)
        self.refused += [before + index for index in indexes]
        for refusal in prepared.refusals[: MAX_DETAILS - len(self.details)]:
            said = {**refusal.as_json(), "index": before + refusal.index}
            self.details.append({**said, "message": f"{batch[refusal.index].place}: {refusal.message}"})

    def _back_up(self, batch_id: str, accepted_at: datetime) -> None:
        """Keep the file, as a push is kept before it is accepted."""
        live, item = self.live, self.item
        entry = Entry(
            batch_id=batch_id,
            resource_uid=item.resource_uid,
            operation=PUSH,
            accepted_at=int(accepted_at.timestamp() * 1000),
            version=live.version,
            refused=self.refused,
            upload={"format": item.format},
        )
        key = upload_key(live.dataset_uid, item.sk.removeprefix(UPLOADED))
        # Of a backup that fails half-way nobody knows the keys: time alone must not be why.
        within = self.deadline.apart(max(BACKUP_SECONDS, self.deadline.remaining()))
        self.backups = back_up_upload(self.stores, live, entry, Uploaded(key, self.etag), within)

    def _has_recovery(self, current: LiveDataset) -> bool:
        """Whether the file is to be kept, as recovery stands now: it may have been switched while the file was read."""
        if not (self.records or self.skipped):
            return False
        switches = current.switches.values()
        return any(known.recovery for known in switches if known.resource_uid == self.item.resource_uid)

    def _commit(self, batch_id: str, parts: Sequence[str], accepted_at: datetime, *, renews: bool) -> Receipt:
        """Accept the job, its receipt and the upload's new state, in one transaction."""
        live, item, receipt = self.live, self.item, self._receipt(batch_id, accepted_at)
        stored = {**receipt.as_stored(), "details": kept(self.details, of=self.rejected)}
        job = Job.of(
            live,
            kind=WRITE,
            batch_id=batch_id,
            generation=live.intake_generation,
            resource_uid=item.resource_uid,
            now=accepted_at,
            receipt=stored,
            parts=parts,
            options={"renews": True} if renews else {},
        )
        riders = [
            self.stores.activity.batch_write(live.dataset_uid, batch_id, stored, accepted_at),
            TableWrite(self.stores.names.catalog_table, self._accepted(batch_id).to_dynamodb_dict()),
        ]
        try:
            committed = self.stores.lane.commit(live, job, riders, self.deadline)
        except ConfigurationMoved:
            self.discard()
            raise
        except TemporarilyUnavailable as unanswered:
            raise CommitUnanswered(self) from unanswered
        ring_lane(self.stores, live, committed, self.deadline)
        note_sign_of_life(self.stores, live, item.resource_uid, accepted_at, self.deadline)
        return receipt

    def _accepted(self, batch_id: str) -> UploadItem:
        """What the upload's item becomes."""
        return UploadItem(
            self.item.pk,
            self.item.sk,
            dataset_id=self.item.dataset_id,
            resource_uid=self.item.resource_uid,
            format=self.item.format,
            state=ACCEPTED,
            is_lenient=self.item.is_lenient,
            batch_id=batch_id,
            records=self.records,
            rejected=self.rejected,
            estimated_seconds=1 + self.records // WRITTEN_A_SECOND,
            expires_at=self.item.expires_at,
        )

    def _receipt(self, batch_id: str, accepted_at: datetime) -> Receipt:
        return Receipt(
            batch_id=batch_id,
            resource_uid=self.item.resource_uid,
            received_at=accepted_at,
            operation="push",
            state=QUEUED,
            counts=Counts(
                records=self.records + self.rejected + self.skipped, rejected=self.rejected, skipped=self.skipped
            ),
            ignored_fields=sorted(self.ignored),
        )
