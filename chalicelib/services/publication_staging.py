"""Staging a publication: its files are read to their end and prepared under the new configuration, part by part, and
then accepted as one job. What is broken further down has changed nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from chalicelib.domain.errors import PublicationAborted, RecordLimitReached, RecordRefusal, TemporarilyUnavailable
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.job import PUBLISH, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.services.bells import ring_lane
from chalicelib.services.dataset_status import is_aborting
from chalicelib.services.job_payload import discard_parts
from chalicelib.services.publication_plan import Limits, Plan, Source
from chalicelib.services.source_files import read_source
from chalicelib.services.staging import Stager, prepared_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_ERRORS = 100


@dataclass(kw_only=True)
class Staged:
    """A staged publication: the parts of its job with the resource of each, how many records were read and how many
    the parts hold, and what did not fit."""

    stores: Stores
    batch_id: str
    parts: list[str] = field(default_factory=list)
    part_resources: list[str] = field(default_factory=list)
    read: int = 0
    records: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def discard(self) -> None:
        """Remove the parts: they will not be applied."""
        discard_parts(self.stores, self.parts)


def stage_sources(
    stores: Stores, live: LiveDataset, plan: Plan, now: datetime, deadline: Deadline, *, limits: Limits
) -> Staged:
    """Read and prepare all files. Records that do not fit are errors and left out; a file that is broken is a
    ValidationFailed, more records than the limit are a RecordLimitReached, and PublicationAborted is raised soon
    after somebody has asked to stop."""
    staged = Staged(stores=stores, batch_id=new_batch_id(now))
    try:
        for source in plan.sources:
            _stage(staged, live, plan, source, deadline, limits=limits)
    except BaseException:
        staged.discard()
        raise
    return staged


def commit_publication(live: LiveDataset, plan: Plan, staged: Staged, now: datetime, deadline: Deadline) -> None:
    """Accept the publication as a job: from here on, pushes are prepared with its configuration and queue behind it.
    Raises ConfigurationMoved when something else was published or unpublished since `live` was read."""
    job = Job(
        kind=PUBLISH,
        batch_id=staged.batch_id,
        dataset_id=live.dataset_id,
        dataset_uid=live.dataset_uid,
        generation=live.generation,
        version=live.version + 1,
        resource_uid="",
        accepted_at=int(now.timestamp() * 1000),
        receipt={"batch_id": staged.batch_id, "records": staged.records},
        parts=staged.parts,
        options={
            "part_resources": staged.part_resources,
            "realtime": sorted(plan.realtime),
            "kept": plan.kept,
            "errors": staged.errors[:MAX_ERRORS],
            "is_first": not live.is_published and live.coming is None,
            "waits": bool(plan.realtime or live.configuration.intakes.keys() - plan.configuration.intakes.keys()),
        },
    )
    assignments = {
        "version": {"N": str(live.version + 1)},
        "coming": {"S": orjson.dumps(plan.configuration.as_json()).decode()},
    }
    stores = staged.stores
    committed = stores.lane.commit(live, job, [], deadline, assignments=assignments)
    ring_lane(stores, live, committed, deadline)


def _stage(
    staged: Staged, live: LiveDataset, plan: Plan, source: Source, deadline: Deadline, *, limits: Limits
) -> None:
    stores, before = staged.stores, 0
    stager = Stager(stores, live.partition, staged.batch_id, first=len(staged.parts))
    try:
        records = read_source(stores, live.dataset_uid, source)
        for batch, prepared in prepared_batches(records, plan.configuration.preparer(source.uid), deadline.has_passed):
            _check(live.dataset_uid, deadline)
            staged.read += len(batch)
            if staged.read > limits.records:
                raise RecordLimitReached(limits.records)
            stager.take(prepared)
            staged.records += len(prepared.records)
            staged.errors += [
                _record_error(refusal, before, batch[refusal.index].place)
                for refusal in prepared.refusals[: MAX_ERRORS - len(staged.errors)]
            ]
            before += len(batch)
        stager.finish()
    finally:
        staged.parts += stager.keys
        staged.part_resources += [source.uid] * len(stager.keys)


def _check(dataset_uid: str, deadline: Deadline) -> None:
    if deadline.remaining() <= 0:
        raise TemporarilyUnavailable(_TOO_LONG)
    if is_aborting(dataset_uid):
        raise PublicationAborted


def _record_error(refusal: RecordRefusal, before: int, place: str) -> dict[str, Any]:
    return {
        "record_id": None,
        "field_uid": refusal.field,
        "processor_uid": None,
        "message": f"record {before + refusal.index + 1} ({place}): {refusal.message}",
    }


_TOO_LONG = "The uploaded files take longer to read than there is time: split them, or push their records."
