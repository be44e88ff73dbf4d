"""Refreshing one remote resource: its file is fetched, read to its end and staged; when it has changed, it becomes a
job of the lane, which compares it with the one before."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import run as states
from chalicelib.domain.errors import MAX_DETAILS, ConfigurationMoved, TemporarilyUnavailable
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import REFRESH, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.receipt import QUEUED, Counts, Receipt
from chalicelib.domain.run import HELD_BACK, UNCHANGED, SourceOutcome
from chalicelib.services.bells import ring_lane
from chalicelib.services.datasets.source_copies import (
    content_key,
    discard_objects,
    find_copy,
    keep_manifest,
    read_copy,
    renew_validators,
    staged_copy,
)
from chalicelib.services.publication.plan import Source
from chalicelib.services.publication.published_sources import PublishedSources
from chalicelib.services.resources.source_fetching import fetch_copy
from chalicelib.services.writing.direct_writers import COMMIT_SECONDS
from chalicelib.services.writing.staging import Stager, stage_records
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.transfer import Fetched
from chalicelib.store.catalog.incoming import AcceptedRefreshItem, CopyItem
from chalicelib.store.catalog.keys import ACCEPTED_REFRESH, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores


class RunAborted(Exception):  # noqa: N818 - internal signal, becomes an outcome
    """Somebody has asked the run to stop."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a dataset: the dataset as it was when the run began, its published sources, and what the run is given.
    `check` raises RunAborted soon after somebody has asked to stop."""

    stores: Stores
    live: LiveDataset
    published: PublishedSources
    run_id: str
    clock: Callable[[], datetime]
    deadline: Deadline
    guard: AddressGuard
    check: Callable[[], None]

    @property
    def realtime(self) -> list[str]:
        """The uids of the resources that devices push to."""
        return sorted(self.live.configuration.intakes.keys() - {source.uid for source in self.published.sources})


def accepted_refresh(dataset_uid: str, resource_uid: str) -> AcceptedRefreshItem | None:
    """The last refresh of a resource that was accepted as a job, or None."""
    try:
        return AcceptedRefreshItem.get(dataset_pk(dataset_uid), ACCEPTED_REFRESH + resource_uid, consistent_read=True)
    except DoesNotExist:
        return None


def refresh_source(run: Run, source: Source) -> SourceOutcome:
    """Fetch one source, and accept what it has become as a job. Whatever it raises, nothing has changed; but of a
    TemporarilyUnavailable nobody knows: the same run asks again whether it was accepted."""
    accepted = accepted_refresh(run.live.dataset_uid, source.uid)
    if accepted is not None and accepted.run_id == run.run_id:
        return SourceOutcome(**accepted.outcome)
    copy = find_copy(run.live.dataset_uid, source.uid)
    refresh = _Refresh(
        run=run,
        source=source,
        batch_id=new_batch_id(run.clock()),
        begun_at=run.clock(),
        copy=copy,
        base=copy if copy is not None and _is_in_line(run, copy) else None,
    )
    return refresh.outcome()


def _is_in_line(run: Run, copy: CopyItem) -> bool:
    """Whether the records are what publishing this copy gives, so that a file which equals it changes nothing."""
    published = (run.live.generation, run.published.version)
    return (copy.generation, copy.version) == published and copy.overwritten_by is None and copy.sha256 is not None


@dataclass(kw_only=True)
class _Refresh:
    """One refresh of one resource. `copy` is that of the file before, `base` the same if the records are in line with
    it."""

    run: Run
    source: Source
    batch_id: str
    begun_at: datetime
    copy: CopyItem | None
    base: CopyItem | None
    manifest: Manifest = field(default_factory=Manifest)
    read: int = 0
    rejected: int = 0
    skipped: int = 0
    details: list[dict[str, Any]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)

    def outcome(self) -> SourceOutcome:
        """Fetch, and go on with what has changed."""
        run, base = self.run, self.base
        key = content_key(run.live.dataset_uid, self.source.uid, self.batch_id)
        remote = self.source.remote or {}
        fetched = fetch_copy(run.stores, remote, key, run.deadline, guard=run.guard, check=run.check, known=base)
        if base is not None and (fetched.is_unchanged or fetched.sha256 == base.sha256):
            renew_validators(base, fetched)
            return self._described(UNCHANGED, fetched, int(base.records))
        staged = staged_copy(key, fetched)
        stager = Stager(run.stores, run.live.partition, self.batch_id, run.deadline)
        try:
            self._stage(stager, key)
            keep_manifest(run.stores, staged, self.manifest)
            run.check()
        except Exception:
            self._discard(stager, staged)
            raise
        if self._is_suspicious():
            self._discard(stager, staged)
            return replace(self._described(HELD_BACK, fetched, len(self.manifest)), code=HELD_BACK, message=self._doubt)
        return self._accept(stager, staged, fetched)

    def _stage(self, stager: Stager, key: str) -> None:
        stage_records(
            stager,
            read_copy(self.run.stores, key, self.source.type, self.source.params, self._go_on),
            self.run.live.configuration.preparer(self.source.uid),
            is_late=self.run.deadline.has_passed,
            note=self._note,
            manifest=self.manifest,
        )

    def _go_on(self) -> None:
        """Raise when there is no more time, or somebody has asked to stop."""
        if self.run.deadline.remaining() <= 0:
            raise TemporarilyUnavailable
        self.run.check()

    def _note(self, batch: Sequence[SourceRecord], prepared: PreparedPayload, before: int) -> None:
        """Count a batch, and what of it does not fit: that is left out, and the first of it kept."""
        self._go_on()
        self.read += len(batch)
        self.skipped += prepared.skipped
        self.ignored |= prepared.ignored_fields
        self.rejected += len({refusal.index for refusal in prepared.refusals})
        for refusal in prepared.refusals[: MAX_DETAILS - len(self.details)]:
            said = {**refusal.as_json(), "index": before + refusal.index}
            self.details.append({**said, "message": f"{batch[refusal.index].place}: {refusal.message}"})

    def _is_suspicious(self) -> bool:
        """Whether the file has lost so much that it is more likely to be broken than to be meant."""
        is_allowed = self.source.params.get("allow_shrinking", False) or not self.source.removes_vanished
        return not is_allowed and self.copy is not None and 2 * len(self.manifest) < self.copy.records

    @property
    def _doubt(self) -> str:
        before = int(self.copy.records) if self.copy is not None else 0
        return (
            f"The file has {len(self.manifest)} records, the one before had {before}: nothing was changed. If that is "
            "right, publish the dataset again, which takes the file as it is; to allow it always, set allow_shrinking "
            "in the params of the resource and publish."
        )

    def _accept(self, stager: Stager, staged: dict[str, Any], fetched: Fetched) -> SourceOutcome:
        """Accept the job, its receipt and the outcome of the run, in one transaction."""
        run, uid, within = self.run, self.run.live.dataset_uid, self.run.deadline.within(COMMIT_SECONDS)
        outcome = replace(self._described(states.QUEUED, fetched, len(self.manifest)), batch_id=self.batch_id)
        accepted = AcceptedRefreshItem(
            dataset_pk(uid),
            ACCEPTED_REFRESH + self.source.uid,
            run_id=run.run_id,
            batch_id=self.batch_id,
            outcome=asdict(outcome),
        )
        receipt = self._receipt()
        riders = [
            run.stores.activity.batch_write(uid, self.batch_id, receipt, run.clock()),
            TableWrite(run.stores.names.catalog_table, accepted.to_dynamodb_dict()),
        ]
        try:
            job = run.stores.lane.commit(
                run.live,
                self._job(stager, staged, receipt),
                riders,
                within,
                assignments={"refreshed": {"S": self.batch_id}},
            )
        except ConfigurationMoved:
            self._discard(stager, staged)
            raise
        ring_lane(run.stores, run.live, job, run.deadline)
        return outcome

    def _job(self, stager: Stager, staged: dict[str, Any], receipt: dict[str, Any]) -> Job:
        live = self.run.live
        return Job.of(
            live,
            kind=REFRESH,
            batch_id=self.batch_id,
            resource_uid=self.source.uid,
            now=self.run.clock(),
            receipt=receipt,
            parts=stager.keys,
            options={
                "version": self.run.published.version,
                "base": self.base.batch_id if self.base is not None else None,
                "begun_at": int(self.begun_at.timestamp() * 1000),
                "realtime": self.run.realtime,
                "removes": self.source.removes_vanished,
                "copies": {self.source.uid: staged},
            },
        )

    def _receipt(self) -> dict[str, Any]:
        receipt = Receipt(
            batch_id=self.batch_id,
            resource_uid=self.source.uid,
            received_at=self.begun_at,
            operation="refresh",
            state=QUEUED,
            counts=Counts(records=self.read, rejected=self.rejected, skipped=self.skipped),
            ignored_fields=sorted(self.ignored),
        )
        return {**receipt.as_stored(), "details": self.details}

    def _described(self, state: str, fetched: Fetched, records: int) -> SourceOutcome:
        return SourceOutcome(
            resource_uid=self.source.uid,
            state=state,
            size=fetched.size,
            http_status=fetched.http_status,
            etag=fetched.validators.etag,
            records=records,
            refused=self.rejected,
        )

    def _discard(self, stager: Stager, staged: dict[str, Any]) -> None:
        """Remove what was staged: it will not be applied."""
        stager.discard()
        discard_objects(self.run.stores, [staged["content_key"], staged["manifest_key"]])
