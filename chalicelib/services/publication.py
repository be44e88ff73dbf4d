"""Publish and unpublish: when a draft becomes what pushes and readers see, and when records go out of sight.

What needs no work on records is published by one conditional write. Anything else is staged first, files read to
their end, and then becomes a job of the lane (`publication_job.py`): what is pushed meanwhile is prepared with the new
configuration and queues behind it.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import (
    ConfigurationMoved,
    EditConflict,
    NotFound,
    PublicationAborted,
    Refused,
    TemporarilyUnavailable,
    UniqueKeyChangeRefused,
)
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.domain.schema import Schema
from chalicelib.services.alert_settings import settle_watches
from chalicelib.services.bells import LANE, PUBLISH, ring
from chalicelib.services.dataset_status import (
    DELETING,
    ERROR,
    IDLE,
    PROCESSING,
    QUEUED,
    SAVING,
    TRIES,
    UNFINISHED,
    WAITING_LEASE,
    WORKER_LEASE,
    claim,
    go_on_saving,
    held,
    move,
    release,
)
from chalicelib.services.datasets import find_dataset, live_item
from chalicelib.services.drafts import draft_configuration, draft_resources
from chalicelib.services.publication_plan import Plan, Source
from chalicelib.services.publication_staging import commit_publication, stage_sources
from chalicelib.services.source_files import size_of
from chalicelib.store.catalog import (
    PUBLICATION,
    DatasetItem,
    LiveItem,
    PublicationItem,
    conflicts_as_edit_conflict,
    dataset_pk,
    one_transaction,
)
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.job_item import RUNG_AGAIN_AFTER
from chalicelib.store.stores import Stores

AT_ONCE = 4 * 1024 * 1024  # bytes of files that the request reads itself; more are read by a worker
"""Whoever publishes a small file learns at once what is wrong with it."""

COMMIT_SECONDS = 5.0
MAX_ATTEMPTS = 5  # of a worker to read the files, after which the publication ends as an error


def publish(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Publish the draft: at once, or by a worker whose progress the status shows.

    Repeating it is safe: what a publish that did not finish has written is found unchanged by the next one.
    """
    dataset = find_dataset(dataset_uid)
    with held(dataset, PROCESSING, now):
        plan = _plan(dataset_uid)
        live = _live(stores, dataset, deadline)
        _check_identity(stores, live, plan.configuration.schema, deadline)
        if sum(size_of(dataset_uid, source.file_uid) for source in plan.sources) > AT_ONCE:
            _hand_over(stores, dataset, plan, now)
        elif plan.sources or live.has_jobs or _leaves_records_behind(live, plan.configuration):
            _stage_and_commit(stores, dataset, plan, now, deadline)
        else:
            _switch_over(dataset_uid, live, plan.configuration, now)


def run_publication(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Stage a publication that was handed to a worker, and make it a job. Told twice, it does nothing the second
    time; a dead worker's is taken over."""
    try:
        dataset = find_dataset(dataset_uid)
        item = PublicationItem.get(dataset_pk(dataset_uid), PUBLICATION, consistent_read=True)
    except NotFound:
        PublicationItem(dataset_pk(dataset_uid), PUBLICATION).delete()
        return
    except DoesNotExist:
        return
    if dataset.status == PROCESSING and now.timestamp() < (dataset.status_until or 0):
        return  # another worker is at it
    if dataset.status in (QUEUED, PROCESSING):
        claim(dataset, PROCESSING, now, WORKER_LEASE, allowed=(QUEUED,))
        item.update([PublicationItem.attempts.add(1)])
        try:
            if item.attempts > MAX_ATTEMPTS:
                raise TemporarilyUnavailable(UNFINISHED)
            _stage_and_commit(stores, dataset, Plan.from_json(item.plan), now, deadline)
        except Refused as refused:
            was_aborted = isinstance(refused, PublicationAborted)
            release(dataset_uid, IDLE if was_aborted else ERROR, now, message=refused.message)
        except Exception:
            release(dataset_uid, ERROR, now, message=UNFINISHED)
            raise
    with suppress(EditConflict), conflicts_as_edit_conflict():  # it may have been published anew since
        item.delete(condition=PublicationItem.nonce == item.nonce)


def unpublish(stores: Stores, dataset_uid: str, now: datetime) -> None:
    """Take the dataset off: one conditional write opens a new, empty generation, so that its records are out of
    reach at once, whatever their number, and the next publish begins empty. Pending jobs are dropped."""
    dataset = find_dataset(dataset_uid)
    with held(dataset, DELETING, now):
        live = live_item(dataset.dataset_id)
        with one_transaction() as transaction:
            transaction.update(
                live,
                [LiveItem.is_published.set(False), LiveItem.generation.add(1), LiveItem.coming.remove()],
            )
            transaction.update(dataset, [DatasetItem.is_published.set(False)])
            settle_watches(
                transaction, dataset_uid, is_published=False, configuration=None, switches=live.switches, now=now
            )
    ring(stores, LANE, dataset.dataset_id)


def _plan(dataset_uid: str) -> Plan:
    """What publishing the draft, as it is now, comes to."""
    resources = draft_resources(dataset_uid)
    return Plan(
        configuration=draft_configuration(dataset_uid, resources),
        realtime=frozenset(resource.uid for resource in resources if resource.type == "realtime"),
        sources=[
            Source(uid=resource.uid, type=resource.type, params=resource.params, file_uid=resource.file_uid)
            for resource in resources
            if resource.file_uid
        ],
    )


def _hand_over(stores: Stores, dataset: DatasetItem, plan: Plan, now: datetime) -> None:
    """Leave the publication to a worker. The draft may be edited meanwhile: what it was now is kept."""
    PublicationItem(
        dataset_pk(dataset.uid),
        PUBLICATION,
        nonce=secrets.token_hex(8),
        plan=plan.as_json(),
        due=due_shard(PUBLISH, dataset.uid),
        due_at=int(now.timestamp()) + RUNG_AGAIN_AFTER,
    ).save()
    move(dataset.uid, QUEUED, now, lease=WAITING_LEASE)
    ring(stores, PUBLISH, dataset.uid)


def _stage_and_commit(stores: Stores, dataset: DatasetItem, plan: Plan, now: datetime, deadline: Deadline) -> None:
    """Read the files to their end, then make the publication a job. A failure until there has changed nothing."""
    live = _live(stores, dataset, deadline)
    staged = stage_sources(stores, live, plan, now, deadline)
    try:
        live = _live(stores, dataset, deadline)
        _check_identity(stores, live, plan.configuration.schema, deadline)
        moment = now + timedelta(seconds=deadline.elapsed())  # reading the files may have taken minutes
        move(dataset.uid, SAVING, moment, lease=WORKER_LEASE)
    except BaseException:
        staged.discard()
        raise
    try:
        commit_publication(live, plan, staged, moment, deadline.within(COMMIT_SECONDS))
    except ConfigurationMoved:
        staged.discard()
        raise EditConflict from None
    go_on_saving(dataset.uid, moment)


def _live(stores: Stores, dataset: DatasetItem, deadline: Deadline) -> LiveDataset:
    live = stores.live.read(dataset.dataset_id, deadline)
    if live is None:
        raise EditConflict
    return live


def _check_identity(stores: Stores, live: LiveDataset, schema: Schema, deadline: Deadline) -> None:
    """Stored records keep the ids and the field names they came in under: refuse a schema that they would not fit."""
    if not live.is_published or _fits_stored(live.configuration.schema, schema):
        return
    if live.has_jobs or any(stores.reader.scan(live.partition, deadline, most=1, consistent=True)):
        raise UniqueKeyChangeRefused


def _fits_stored(old: Schema, new: Schema) -> bool:
    now_by_source = {field.source: field for field in new.fields}
    renamed = any(f.source in now_by_source and now_by_source[f.source].name != f.name for f in old.fields)
    if renamed or old.unique_key != new.unique_key:
        return False
    # Without a unique key every value takes part in the id; a field that is added later is null in the old records.
    identifying = [f for f in old.fields if f.is_unique_key] or old.fields
    return all((g := now_by_source.get(f.source)) is not None and g.type == f.type for f in identifying)


def _leaves_records_behind(live: LiveDataset, configuration: Configuration) -> bool:
    """Whether a resource that was published, and may have records, is gone."""
    return live.is_published and bool(live.configuration.intakes.keys() - configuration.intakes.keys())


def _switch_over(dataset_uid: str, live: LiveDataset, configuration: Configuration, now: datetime) -> None:
    """Publish in one transaction, on condition that nothing was published, unpublished or accepted as a job since
    `live` was read. An edit of the title at the same moment makes it try again."""
    for attempt in range(TRIES):
        dataset = find_dataset(dataset_uid)
        item = live_item(dataset.dataset_id)
        if (item.version, item.generation, item.seq) != (live.version, live.generation, live.seq):
            raise EditConflict
        try:
            with one_transaction() as transaction:
                transaction.update(
                    item,
                    [
                        LiveItem.configuration.set(configuration.as_json()),
                        LiveItem.version.set(live.version + 1),
                        LiveItem.published_version.set(live.version + 1),
                        LiveItem.is_published.set(True),
                    ],
                    condition=LiveItem.seq == live.seq,
                )
                transaction.update(
                    dataset,
                    [
                        DatasetItem.is_published.set(True),
                        DatasetItem.records_errors.set([]),
                        DatasetItem.updated_at.set(now.isoformat(timespec="milliseconds")),
                    ],
                )
                settle_watches(
                    transaction,
                    dataset_uid,
                    is_published=True,
                    configuration=configuration.as_json(),
                    switches=item.switches,
                    now=now,
                )
        except EditConflict:
            if attempt == TRIES - 1:
                raise
        else:
            return
