"""Staging a publication: its files are read to their end and prepared under the new configuration, part by part, and
then accepted as one job. What is broken further down has changed nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson

from chalicelib.domain.errors import (
    PublicationAborted,
    RecordLimitReached,
    RecordRefusal,
    TemporarilyUnavailable,
    ValidationFailed,
)
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import PUBLISH, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.services.bells import ring_lane
from chalicelib.services.datasets.source_copies import (
    content_key,
    discard_objects,
    keep_manifest,
    read_copy,
    staged_copy,
)
from chalicelib.services.datasets.status import is_aborting
from chalicelib.services.publication.plan import Limits, Plan, Source
from chalicelib.services.resources.source_fetching import StopCheck, fetch_copy
from chalicelib.services.resources.source_files import read_source
from chalicelib.services.writing.staging import Stager, stage_records
from chalicelib.sources.failures import FetchFailed
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_ERRORS = 100


@dataclass(kw_only=True)
class Staged:
    """A staged publication: the parts of its job with the resource of each, how many records were read and how many
    the parts hold, what did not fit, the copies of its remote sources by resource, and what staged them."""

    stores: Stores
    batch_id: str
    parts: list[str] = field(default_factory=list)
    stagers: list[Stager] = field(default_factory=list)
    part_resources: list[str] = field(default_factory=list)
    read: int = 0
    records: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    copies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove the parts, the file contents that came with them, and the copies: they will not be applied."""
        for stager in self.stagers:
            stager.discard()
        for copy in self.copies.values():
            discard_objects(self.stores, [copy["content_key"], copy["manifest_key"]])


def stage_sources(
    stores: Stores, live: LiveDataset, plan: Plan, now: datetime, deadline: Deadline, *, limits: Limits
) -> Staged:
    """Read and prepare all files, those of remote sources once they are fetched. Records that do not fit are errors
    and left out; a file that is broken, or cannot be fetched, is a ValidationFailed, more records than the limit are a
    RecordLimitReached, and PublicationAborted is raised soon after somebody has asked to stop."""
    staged = Staged(stores=stores, batch_id=new_batch_id(now))
    check = StopCheck(lambda: is_aborting(live.dataset_uid), PublicationAborted, deadline)
    staging = _Staging(staged=staged, live=live, plan=plan, deadline=deadline, limits=limits, check=check)
    try:
        for source in plan.sources:
            if source.remote:
                staging.take_remote(source, source.remote)
            else:
                staging.take(source, read_source(stores, live.dataset_uid, source, staging.go_on))
    except BaseException:
        staged.discard()
        raise
    return staged


def commit_publication(live: LiveDataset, plan: Plan, staged: Staged, now: datetime, deadline: Deadline) -> None:
    """Accept the publication as a job: from here on, pushes are prepared with its configuration and queue behind it.
    Raises ConfigurationMoved when something else was published or unpublished since `live` was read, and Overtaken when
    a run was accepted since `live.refreshed` was: then what was fetched here may be older than what the run brings."""
    job = Job.of(
        live,
        kind=PUBLISH,
        batch_id=staged.batch_id,
        generation=plan.generation(live),
        version=live.version + 1,
        resource_uid="",
        now=now,
        receipt={"batch_id": staged.batch_id, "records": staged.records},
        parts=staged.parts,
        options={
            "part_resources": staged.part_resources,
            "realtime": sorted(plan.realtime),
            "kept": plan.kept,
            "sources": [asdict(source) for source in plan.sources],
            "copies": staged.copies,
            "errors": staged.errors[:MAX_ERRORS],
            "rekeys_from": live.generation if plan.rekeys(live) else None,
            "is_first": not live.is_published and live.coming is None,
            "waits": bool(plan.realtime or live.configuration.intakes.keys() - plan.configuration.intakes.keys()),
        },
    )
    assignments = {
        "version": {"N": str(live.version + 1)},
        "coming": {"S": orjson.dumps(plan.configuration.as_json()).decode()},
        **({"coming_generation": {"N": str(plan.generation(live))}} if plan.rekeys(live) else {}),
    }
    stores = staged.stores
    committed = stores.lane.commit(live, job, [], deadline, assignments=assignments)
    ring_lane(stores, live, committed, deadline)


@dataclass(frozen=True, kw_only=True)
class _Staging:
    """The staging of one publication."""

    staged: Staged
    live: LiveDataset
    plan: Plan
    deadline: Deadline
    limits: Limits
    check: StopCheck

    def take_remote(self, source: Source, remote: Mapping[str, Any]) -> None:
        """Fetch a remote source, then read the copy."""
        stores, dataset_uid = self.staged.stores, self.live.dataset_uid
        key = content_key(dataset_uid, source.uid, self.staged.batch_id)
        try:
            fetched = fetch_copy(stores, remote, key, self.deadline, guard=self.limits.guard, check=self.check)
            copy = self.staged.copies[source.uid] = staged_copy(key, fetched)
            manifest = Manifest()
            self.take(source, read_copy(stores, key, source.type, source.params, self.go_on), manifest)
        except (FetchFailed, BrokenFile) as failure:
            raise ValidationFailed({"datasource": [str(failure)]}) from None
        keep_manifest(stores, copy, manifest)

    def take(self, source: Source, records: Iterable[SourceRecord], manifest: Manifest | None = None) -> None:
        """Read the records of a file to their end."""
        staged = self.staged
        partition = f"{self.live.dataset_uid}.{self.plan.generation(self.live)}"
        stager = Stager(staged.stores, partition, staged.batch_id, self.deadline, first=len(staged.parts))
        staged.stagers.append(stager)
        try:
            stage_records(
                stager,
                records,
                self.plan.configuration.preparer(source.uid),
                is_late=self.deadline.has_passed,
                note=self._note,
                manifest=manifest,
            )
        finally:
            staged.parts += stager.keys
            staged.part_resources += [source.uid] * len(stager.keys)

    def go_on(self) -> None:
        """Raise when there is no more time, or somebody has asked to stop."""
        if self.deadline.remaining() <= 0:
            raise TemporarilyUnavailable(_TOO_LONG)
        self.check()

    def _note(self, batch: Sequence[SourceRecord], prepared: PreparedPayload, before: int) -> None:
        self.go_on()
        self.staged.read += len(batch)
        if self.staged.read > self.limits.records:
            raise RecordLimitReached(self.limits.records)
        self.staged.records += len(prepared.records)
        self.staged.errors += [
            _record_error(refusal, before, batch[refusal.index].place)
            for refusal in prepared.refusals[: MAX_ERRORS - len(self.staged.errors)]
        ]


def _record_error(refusal: RecordRefusal, before: int, place: str) -> dict[str, Any]:
    return {
        "record_id": None,
        "field_uid": refusal.field,
        "processor_uid": None,
        "message": f"record {before + refusal.index + 1} ({place}): {refusal.message}",
    }


_TOO_LONG = "The files take longer to read than there is time: split them, or push their records."
