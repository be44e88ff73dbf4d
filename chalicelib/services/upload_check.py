"""Checking an upload: what the worker does with a file that was committed. It is read to its end and prepared part by
part, in constant memory; when all of it fits it is accepted as one job, else nothing of it is."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.backup import PUSH, Entry
from chalicelib.domain.errors import (
    MAX_DETAILS,
    ConfigurationMoved,
    DatasetNotPublished,
    EditConflict,
    Refused,
    TemporarilyUnavailable,
    UploadRefused,
)
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import WRITE, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import QUEUED, Counts, Receipt, noted_refusal
from chalicelib.domain.record import PreparedPayload
from chalicelib.services.backup import back_up_upload
from chalicelib.services.bells import ring_lane
from chalicelib.services.sign_of_life import note_sign_of_life
from chalicelib.services.staging import Stager, prepared_batches
from chalicelib.services.upload_file import Unacceptable, read_upload
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import ACCEPTED, CHECKING, REFUSED, UPLOADED, dataset_pk
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores

WRITTEN_A_SECOND = 4000  # records, of one write unit each: what a new table takes
MAX_ATTEMPTS = 5  # to check a file, after which it is refused
TRIES = 3  # of a check that a publication overtakes


@dataclass(frozen=True, kw_only=True)
class UploadOutcome:
    """What the check of an upload came to: the receipt of the batch that it was accepted as, or None when it was
    refused."""

    dataset_id: str
    receipt: Receipt | None


@dataclass(kw_only=True)
class _Check:
    """One reading of an uploaded file under the configuration that `live` takes pushes with."""

    stores: Stores
    live: LiveDataset
    item: UploadItem
    now: datetime
    deadline: Deadline
    records: int = 0
    rejected: int = 0
    skipped: int = 0
    details: list[dict[str, Any]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def run(self, records: Iterable[SourceRecord]) -> Receipt:
        """Read all records and accept them as a batch; Unacceptable when some do not fit and are not to be left out."""
        batch_id = new_batch_id(self.now)
        stager = Stager(self.stores, self.live.intake_partition, batch_id)
        try:
            self._stage(records, stager)
            parts = stager.finish()
            self._back_up(batch_id)
            return self._commit(batch_id, parts)
        except (Unacceptable, ConfigurationMoved):
            stager.discard()
            self.stores.backups.withdraw(self.kept)
            raise

    def _stage(self, records: Iterable[SourceRecord], stager: Stager) -> None:
        read = 0
        preparer = self.live.intake.preparer(self.item.resource_uid)
        for batch, prepared in prepared_batches(records, preparer, self.deadline.has_passed):
            if self.deadline.remaining() <= 0:
                raise TemporarilyUnavailable
            self._note_refusals(batch, prepared, read)
            read += len(batch)
            self.records += len(prepared.ids)
            self.skipped += prepared.skipped
            self.ignored |= prepared.ignored_fields
            if self._is_refused and len(self.details) >= MAX_DETAILS:
                break  # enough to mend
            if not self._is_refused:
                stager.take(prepared)
        if self._is_refused:
            more = " or more" if len(self.details) >= MAX_DETAILS else ""
            raise Unacceptable(
                f"{self.rejected}{more} records are refused; nothing was written. Mend what the details name and "
                "upload the file again.",
                self.details,
            )

    @property
    def _is_refused(self) -> bool:
        return self.rejected > 0 and not self.item.is_lenient

    def _note_refusals(self, batch: Sequence[SourceRecord], prepared: PreparedPayload, before: int) -> None:
        indexes = sorted({refusal.index for refusal in prepared.refusals})
        self.rejected += len(indexes)
        self.refused += [before + index for index in indexes]
        for refusal in prepared.refusals[: MAX_DETAILS - len(self.details)]:
            said = {**refusal.as_json(), "index": before + refusal.index}
            self.details.append({**said, "message": f"{batch[refusal.index].place}: {refusal.message}"})

    def _back_up(self, batch_id: str) -> None:
        """Keep the file while recovery is on, as a push is kept before it is accepted."""
        live, item = self.live, self.item
        is_on = any(known.recovery for known in live.switches.values() if known.resource_uid == item.resource_uid)
        if is_on and (self.records or self.skipped):
            entry = Entry(
                batch_id=batch_id,
                resource_uid=item.resource_uid,
                operation=PUSH,
                accepted_at=int(self.now.timestamp() * 1000),
                version=live.version,
                refused=self.refused,
                upload={"format": item.format},
            )
            key = upload_key(live.dataset_uid, item.sk.removeprefix(UPLOADED))
            self.kept = back_up_upload(self.stores, live, entry, key, self.deadline)

    def _commit(self, batch_id: str, parts: Sequence[str]) -> Receipt:
        """Accept the job, its receipt and the upload's new state, in one transaction."""
        live, item, receipt = self.live, self.item, self._receipt(batch_id)
        stored = {**receipt.as_stored(), "details": self.details}
        job = Job.of(
            live,
            kind=WRITE,
            batch_id=batch_id,
            generation=live.intake_generation,
            resource_uid=item.resource_uid,
            now=self.now,
            receipt=stored,
            parts=parts,
        )
        riders = [
            self.stores.activity.batch_write(live.dataset_uid, batch_id, stored, self.now),
            TableWrite(self.stores.names.catalog_table, self._accepted(batch_id).to_dynamodb_dict()),
        ]
        committed = self.stores.lane.commit(live, job, riders, self.deadline)
        ring_lane(self.stores, live, committed, self.deadline)
        acknowledged_at = self.now + timedelta(seconds=self.deadline.elapsed())  # reading it may have taken minutes
        note_sign_of_life(self.stores, live, item.resource_uid, acknowledged_at, self.deadline)
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

    def _receipt(self, batch_id: str) -> Receipt:
        return Receipt(
            batch_id=batch_id,
            resource_uid=self.item.resource_uid,
            received_at=self.now,
            operation="push",
            state=QUEUED,
            counts=Counts(
                records=self.records + self.rejected + self.skipped, rejected=self.rejected, skipped=self.skipped
            ),
            ignored_fields=sorted(self.ignored),
        )


def check_upload(stores: Stores, name: str, clock: Callable[[], datetime], deadline: Deadline) -> UploadOutcome | None:
    """Check the upload `{dataset_uid}.{upload_id}` and accept or refuse it. Told twice, it does nothing the second
    time; after a crash it is checked anew, as it is when a publication overtakes it."""
    dataset_uid, _, upload_id = name.partition(".")
    key = upload_key(dataset_uid, upload_id)
    try:
        item = UploadItem.get(dataset_pk(dataset_uid), UPLOADED + upload_id, consistent_read=True)
    except DoesNotExist:
        return None
    outcome = None
    if item.state == CHECKING:
        item.update([UploadItem.attempts.add(1)])
        try:
            receipt = _accepted(stores, item, key, clock, deadline)
            outcome = UploadOutcome(dataset_id=item.dataset_id, receipt=receipt)
        except Unacceptable as unacceptable:
            outcome = _refused(stores, item, unacceptable, clock())
        except TemporarilyUnavailable:
            if deadline.remaining() > 0:
                raise
            outcome = _refused(stores, item, Unacceptable(_TOO_LONG), clock())
        except Refused as refused:
            outcome = _refused(stores, item, Unacceptable(refused.message), clock())
    with suppress(ClientError, BotoCoreError):  # it goes by its age then
        stores.jobs.delete([key])
    return outcome


def _accepted(stores: Stores, item: UploadItem, key: str, clock: Callable[[], datetime], deadline: Deadline) -> Receipt:
    if item.attempts > MAX_ATTEMPTS:
        raise Unacceptable("The file could not be checked: split it into smaller ones, or push its records.")
    for _ in range(TRIES - 1):
        with suppress(ConfigurationMoved):
            return _checked(stores, item, key, clock(), deadline)
    return _checked(stores, item, key, clock(), deadline)


def _checked(stores: Stores, item: UploadItem, key: str, now: datetime, deadline: Deadline) -> Receipt:
    live = stores.live.read(item.dataset_id, deadline)
    is_there = live is not None and item.pk == dataset_pk(live.dataset_uid) and live.takes_pushes
    if live is None or not is_there or item.resource_uid not in live.intake.intakes:
        raise DatasetNotPublished
    check = _Check(stores=stores, live=live, item=item, now=now, deadline=deadline)
    return check.run(read_upload(stores.jobs, key, item.format))


def _refused(stores: Stores, item: UploadItem, why: Unacceptable, now: datetime) -> UploadOutcome | None:
    """Refuse the upload and note that in the activity, unless it has been accepted: of a commit that did not answer
    nobody knows."""
    try:
        with conflicts_as_edit_conflict():
            item.update(
                [
                    UploadItem.state.set(REFUSED),
                    UploadItem.message.set(why.message),
                    UploadItem.details.set(why.details),
                    UploadItem.due.remove(),
                    UploadItem.due_at.remove(),
                ],
                condition=UploadItem.state == CHECKING,
            )
    except EditConflict:
        return None
    upload_id = item.sk.removeprefix(UPLOADED)
    entry = noted_refusal(
        upload_id, item.resource_uid, now, code=UploadRefused.code, message=why.message, details=why.details
    )
    with suppress(TemporarilyUnavailable, ClientError):  # the upload's own item tells it
        dataset_uid = item.pk.removeprefix(dataset_pk(""))
        stores.activity.note_refusal(dataset_uid, upload_id, entry, now, Deadline(READ_TIMEOUT))
    return UploadOutcome(dataset_id=item.dataset_id, receipt=None)


_TOO_LONG = "The file takes longer to check than there is time: split it into smaller ones."
