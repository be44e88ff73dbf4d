"""Applying a publication, as a job of the lane: its files are written, records that belong to nothing any more are
deleted, and the new configuration takes the place of the old one. Applied again after a crash, it goes on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.changes import ids_in
from chalicelib.domain.errors import EditConflict
from chalicelib.domain.job import Job
from chalicelib.domain.live import Configuration
from chalicelib.domain.receipt import Tally
from chalicelib.domain.rekeying import Rekeyer
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.services.datasets.schedule_marks import publishing
from chalicelib.services.datasets.source_copies import copy_item, discard_staged_copies, drop_copies
from chalicelib.services.datasets.status import go_on_saving, saved
from chalicelib.services.datasets.sweep import sweep_later
from chalicelib.services.publication.plan import Source
from chalicelib.services.publication.published_sources import sources_item
from chalicelib.services.publication.rekeying import Rekeying
from chalicelib.services.publication.switch import write_switch
from chalicelib.services.writing.direct_writers import let_direct_writers_end
from chalicelib.services.writing.job_payload import load_changes, load_text
from chalicelib.services.writing.removal import Removal
from chalicelib.services.writing.writer import Batch, write_batches
from chalicelib.store.catalog.published import LiveItem
from chalicelib.store.catalog.transactions import one_transaction
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import Origin
from chalicelib.store.stores import Stores


def apply_publication(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Bring the records in line with the configuration, then publish it. Raises TemporarilyUnavailable at the
    deadline; the next worker goes on with the part after the last one that was written."""
    if live_item(job.dataset_id).published_version != job.version:
        go_on_saving(job.dataset_uid, clock())
        if job.options["waits"] and not job.options["is_first"]:
            let_direct_writers_end(job, clock, deadline)
        drop_copies(stores, job.dataset_uid)  # the records are about to be made of others
        _rekey(stores, job, clock, deadline)
        _load(stores, job, clock, deadline)
        if not job.options["is_first"]:
            _drop_others(stores, job, clock, deadline)
        _switch_over(stores, job, clock(), deadline)
    saved(job.dataset_uid, clock())


def _rekey(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Write the records into the next generation, which is the job's, under their new ids. How far it got is kept."""
    item, before = live_item(job.dataset_id), job.options["rekeys_from"]
    if before is None or item.coming is None:
        return  # nothing to do; or unpublished meanwhile: what is left of the job comes to nothing
    old, new = (Configuration.from_json(stored).schema for stored in (item.configuration, item.coming))
    source = replace(job, generation=before).partition
    walk = Rekeying(stores=stores, source=source, target=job.partition, batch_id=job.batch_id)
    for position in walk.from_id(job.position, Rekeyer(old, new), deadline):
        stores.lane.note_position(job, position, deadline)
        stores.lane.forget_attempts(job.dataset_id, deadline)
        go_on_saving(job.dataset_uid, clock())


def _load(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    realtime = frozenset(job.options["realtime"])
    for part in range(job.done, len(job.parts)):
        batch = Batch(
            origin=Origin(job.accepted_at, job.options["part_resources"][part]),
            changes=load_changes(stores, job, part),
            leaves=lambda mark: mark.resource_uid in realtime,
        )
        write_batches(stores, job, [batch], deadline, clock=clock)
        stores.lane.advance(job, part + 1, {}, deadline)
        stores.lane.forget_attempts(job.dataset_id, deadline)
        go_on_saving(job.dataset_uid, clock())


def _drop_others(stores: Stores, job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Delete the records of resources that are gone, and those that vanished from a file."""
    texts = (load_text(stores, job, part) for part in range(len(job.parts)))
    loaded = {bytes.fromhex(record_id) for text in texts for record_id in ids_in(text)}
    kept = frozenset(job.options["kept"])

    def is_gone(record_id: str, owner: str) -> bool:
        return owner not in kept and bytes.fromhex(record_id) not in loaded

    Removal(stores=stores, job=job, clock=clock, deadline=deadline).of_found(is_gone, Tally())


def _switch_over(stores: Stores, job: Job, now: datetime, deadline: Deadline) -> None:
    """Publish what was written. Pushes that are queued, and edits, at the same moment make it try again."""
    attempt, before, sources = 0, job.options["rekeys_from"], _sources(job)
    has_remote = any(source.remote for source in sources)
    generation = job.generation if before is None else before
    changes = [
        LiveItem.configuration.set(LiveItem.coming),
        LiveItem.published_version.set(job.version),
        LiveItem.coming.remove(),
        LiveItem.generation.set(job.generation),
        LiveItem.coming_generation.remove(),
    ]
    while True:
        dataset, item = find_dataset(job.dataset_uid), live_item(job.dataset_id)
        if (item.version, item.generation) != (job.version, generation):
            discard_staged_copies(stores, [job])
            return  # unpublished, or published anew behind this: the lane brings that
        try:
            with publishing(job.dataset_uid, now, has_remote=has_remote), one_transaction() as transaction:
                write_switch(
                    transaction,
                    dataset,
                    item,
                    changes=changes,
                    condition=(LiveItem.version == job.version) & (LiveItem.generation == generation),
                    configuration=item.coming,
                    errors=job.options["errors"],
                    sources=sources_item(job.dataset_uid, job.version, sources),
                    now=now,
                )
                if before is not None:
                    sweep_later(transaction, job.dataset_uid, before, now)
                for resource_uid, copy in job.options["copies"].items():
                    transaction.save(copy_item(job, resource_uid, job.version, copy))
        except EditConflict:
            deadline.pause(attempt)
            attempt += 1
        else:
            return


def _sources(job: Job) -> list[Source]:
    return [Source(**source) for source in job.options["sources"]]
