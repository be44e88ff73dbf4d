"""Applying a publication, as a job of the lane: its files are written, records that belong to nothing any more are
deleted, and the new configuration takes the place of the old one. Applied again after a crash, it goes on."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice

from chalicelib.domain.changes import Changes, ids_in
from chalicelib.domain.errors import EditConflict
from chalicelib.domain.job import Job
from chalicelib.services.dataset_status import go_on_saving, saved
from chalicelib.services.datasets import find_dataset, live_item
from chalicelib.services.job_payload import load_changes, load_text
from chalicelib.services.writing import Batch, write_batches
from chalicelib.store.catalog import DatasetItem, LiveItem, one_transaction
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import Origin
from chalicelib.store.stores import Stores

DIRECT_WRITERS_END_AFTER = 36.0  # seconds; a request is stopped after 28, a commit may take some to come through
DELETED_AT_ONCE = 2000  # records


def apply_publication(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Bring the records in line with the configuration, then publish it. Raises TemporarilyUnavailable at the
    deadline; the next worker goes on with the part after the last one that was written."""
    if live_item(job.dataset_id).published_version != job.version:
        go_on_saving(job.dataset_uid, clock())
        if job.options["waits"] and not job.options["is_first"]:
            let_direct_writers_end(job, clock, deadline)
        _load(stores, job, clock, deadline)
        if not job.options["is_first"]:
            _drop_others(stores, job, clock, deadline)
        _switch_over(job, clock(), deadline)
    saved(job.dataset_uid, clock())


def let_direct_writers_end(job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """What is read from here on decides what is overwritten or deleted. A request that saw no job when it began may
    still be writing, and would not be seen: wait until the last of them has ended."""
    accepted = datetime.fromtimestamp(job.accepted_at / 1000, UTC)
    deadline.sleep(DIRECT_WRITERS_END_AFTER - (clock() - accepted).total_seconds())


def _load(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    realtime = frozenset(job.options["realtime"])
    for part in range(job.done, len(job.parts)):
        batch = Batch(
            origin=Origin(job.accepted_at, job.options["part_resources"][part]),
            changes=load_changes(stores, job, part),
            yields_to=realtime,
        )
        write_batches(stores, job, [batch], deadline, clock=clock)
        stores.lane.advance(job, part + 1, {}, deadline)
        stores.lane.forget_attempts(job.dataset_id, deadline)
        go_on_saving(job.dataset_uid, clock())


def _drop_others(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Delete the records of resources that are gone, and those that vanished from a file."""
    loaded = {record_id for part in range(len(job.parts)) for record_id in ids_in(load_text(stores, job, part))}
    of_others = stores.reader.ids_of_others(job.partition, set(job.options["kept"]), deadline)
    others = (record_id for record_id in of_others if record_id not in loaded)
    while ids := list(islice(others, DELETED_AT_ONCE)):
        batch = Batch(origin=Origin(job.accepted_at, ""), changes=Changes(deletes=ids))
        write_batches(stores, job, [batch], deadline, clock=clock)


def _switch_over(job: Job, now: datetime, deadline: Deadline) -> None:
    """The moment of publication: one transaction. Pushes that are queued, and edits, at the same moment make it try
    again."""
    attempt = 0
    while True:
        dataset, item = find_dataset(job.dataset_uid), live_item(job.dataset_id)
        if (item.version, item.generation) != (job.version, job.generation):
            return  # unpublished, or published anew behind this: the lane brings that
        try:
            with one_transaction() as transaction:
                transaction.update(
                    item,
                    [
                        LiveItem.configuration.set(LiveItem.coming),
                        LiveItem.published_version.set(job.version),
                        LiveItem.is_published.set(True),
                        LiveItem.coming.remove(),
                    ],
                    condition=(LiveItem.version == job.version) & (LiveItem.generation == job.generation),
                )
                transaction.update(
                    dataset,
                    [
                        DatasetItem.is_published.set(True),
                        DatasetItem.records_errors.set(job.options["errors"]),
                        DatasetItem.updated_at.set(now.isoformat(timespec="milliseconds")),
                    ],
                )
        except EditConflict:
            deadline.pause(attempt)
            attempt += 1
        else:
            return
