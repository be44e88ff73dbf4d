"""Publish and unpublish: when a draft becomes what pushes and readers see, and when records go out of sight.

What needs no work on records is published by one conditional write. Anything else is staged first, files read to
their end, and then becomes a job of the lane (`job.py`): what is pushed meanwhile is prepared with the new
configuration and queues behind it.
"""

import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import (
    ConfigurationMoved,
    EditConflict,
    InvalidDatasetStatus,
    NotFound,
    PublicationAborted,
    RecordsWouldBeLost,
    Refused,
    TemporarilyUnavailable,
)
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.services.alerts.settings import settle_watches
from chalicelib.services.bells import LANE, PUBLISH, ring
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.services.datasets.schedule_marks import publishing
from chalicelib.services.datasets.source_copies import drop_copies
from chalicelib.services.datasets.status import (
    DELETING,
    ERROR,
    IDLE,
    PROCESSING,
    QUEUED,
    READY,
    SAVING,
    UNFINISHED,
    WAITING_LEASE,
    WORKER_LEASE,
    claim,
    go_on_saving,
    held,
    move,
    release,
    status_after,
)
from chalicelib.services.datasets.sweep import sweep_generations_later
from chalicelib.services.publication.plan import LIMITS, Limits, Plan, draft_plan, uploaded_bytes
from chalicelib.services.publication.rekeying import foreseen_loss
from chalicelib.services.publication.staging import commit_publication, stage_sources
from chalicelib.services.publication.switch import switch_over
from chalicelib.services.writing.direct_writers import COMMIT_SECONDS
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.keys import PUBLICATION, SOURCES, dataset_pk
from chalicelib.store.catalog.published import LiveItem, PublicationItem, PublishedSourcesItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict, one_transaction
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.job_item import RUNG_AGAIN_AFTER
from chalicelib.store.lane_acceptance import Overtaken
from chalicelib.store.stores import Stores

LOOKING_SECONDS = 8.0  # for what another unique key would lose; with more to look at a worker does
MAX_ATTEMPTS = 5  # of a worker to read the files, after which the publication ends as an error; overtaken ones count


def publish(
    stores: Stores,
    dataset_uid: str,
    now: datetime,
    deadline: Deadline,
    *,
    limits: Limits = LIMITS,
    accepts_loss: bool = False,
) -> None:
    """Publish the draft: at once, so that whoever publishes a small file learns what is wrong with it, or by a worker
    whose progress the status shows.

    Repeating it is safe: what a publish that did not finish has written is found unchanged by the next one.
    """
    dataset = find_dataset(dataset_uid)
    with held(dataset, PROCESSING, now):
        plan = draft_plan(dataset_uid, accepts_loss=accepts_loss)
        live = _live(stores, dataset, deadline)
        if live.coming is not None:  # what is pushed now has its fields, which another one would leave behind
            raise InvalidDatasetStatus(SAVING, READY)
        has_time = _check_loss(stores, live, plan, deadline.within(LOOKING_SECONDS))
        if not has_time or _is_large(dataset_uid, plan, limits):
            _hand_over(stores, dataset, plan, now)
        elif plan.sources or live.has_jobs or plan.rekeys(live) or _leaves_records_behind(live, plan.configuration):
            _stage_and_commit(
                stores, dataset, live, plan, now=now, deadline=deadline, limits=limits, has_looked=not plan.sources
            )
        else:
            switch_over(dataset_uid, live, plan.configuration, now)


def run_publication(
    stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline, *, limits: Limits = LIMITS
) -> None:
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
    if dataset.status in (PROCESSING, SAVING) and now.timestamp() < (dataset.status_until or 0):
        return  # another worker is at it
    live = _live(stores, dataset, deadline)
    if dataset.status in (QUEUED, PROCESSING) or (dataset.status == SAVING and item.version == live.version):
        claim(dataset, PROCESSING, now, WORKER_LEASE, allowed=(QUEUED,))
        item.update([PublicationItem.attempts.add(1), PublicationItem.version.set(live.version)])
        try:
            if item.attempts > MAX_ATTEMPTS:
                raise TemporarilyUnavailable(UNFINISHED)
            _stage_and_commit(
                stores, dataset, live, Plan.from_json(item.plan), now=now, deadline=deadline, limits=limits
            )
        except Overtaken:
            moment = now + timedelta(seconds=deadline.elapsed())
            move(dataset_uid, QUEUED, moment, lease=WAITING_LEASE)
            ring(stores, PUBLISH, dataset_uid)
            return  # another worker, who has all of his time, reads the files anew
        except Refused as refused:
            was_aborted = isinstance(refused, PublicationAborted)
            status = status_after(refused, otherwise=IDLE if was_aborted else ERROR)
            release(dataset_uid, status, now, message=refused.message)
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
        empty = live.next_generation
        with publishing(dataset_uid, now, has_remote=False), one_transaction() as transaction:
            transaction.update(
                live,
                [
                    LiveItem.is_published.set(False),
                    LiveItem.generation.set(empty),
                    LiveItem.emptied.set(empty),
                    LiveItem.coming.remove(),
                    LiveItem.coming_generation.remove(),
                ],
            )
            transaction.update(dataset, [DatasetItem.is_published.set(False)])
            sweep_generations_later(transaction, live, now)
            transaction.delete(PublishedSourcesItem(dataset_pk(dataset_uid), SOURCES))
            settle_watches(
                transaction, dataset_uid, is_published=False, configuration=None, switches=live.switches, now=now
            )
        with suppress(TemporarilyUnavailable), aws_faults_as_unavailable():
            drop_copies(stores, dataset_uid)  # of the former generation; they say nothing about the next
    ring(stores, LANE, dataset.dataset_id)


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


def _stage_and_commit(
    stores: Stores,
    dataset: DatasetItem,
    live: LiveDataset,
    plan: Plan,
    *,
    now: datetime,
    deadline: Deadline,
    limits: Limits,
    has_looked: bool = False,
) -> None:
    """Read the files to their end, then make the publication a job. A failure until there has changed nothing.
    `has_looked` tells that what the publication would lose was looked at just now. Overtaken when a run, which had
    begun before, has fetched files meanwhile: that may have been later than here."""
    refreshed = live.refreshed
    staged = stage_sources(stores, live, plan, now=now, deadline=deadline, limits=limits)
    try:
        live = replace(_live(stores, dataset, deadline), refreshed=refreshed)
        if not has_looked and not _check_loss(stores, live, plan, deadline):
            raise TemporarilyUnavailable(_TOO_MANY)
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
    except Overtaken:
        staged.discard()
        raise
    go_on_saving(dataset.uid, moment)


def _live(stores: Stores, dataset: DatasetItem, deadline: Deadline) -> LiveDataset:
    live = stores.live.read(dataset.dataset_id, deadline)
    if live is None:
        raise EditConflict
    return live


def _check_loss(stores: Stores, live: LiveDataset, plan: Plan, deadline: Deadline) -> bool:
    """Refuse to give records other ids when some would be lost by that, and nobody has accepted it. Answers whether
    there was time to look at all of them."""
    if not plan.rekeys(live) or plan.accepts_loss:
        return True
    loss = foreseen_loss(stores, live, plan.configuration.schema, deadline)
    if loss.is_any:
        raise RecordsWouldBeLost(loss.records, loss.collisions, loss.unidentified)
    return loss.is_complete


def _is_large(dataset_uid: str, plan: Plan, limits: Limits) -> bool:
    """Whether there is more to read than a request reads."""
    return any(source.remote for source in plan.sources) or uploaded_bytes(dataset_uid, plan) > limits.bytes_at_once


def _leaves_records_behind(live: LiveDataset, configuration: Configuration) -> bool:
    """Whether a resource that was published, and may have records, is gone."""
    return live.is_published and bool(live.configuration.intakes.keys() - configuration.intakes.keys())


_TOO_MANY = (
    "There are more records than there is time to look at under another unique key: publish with "
    '{"accept_loss": true}, or unpublish first, which drops the records.'
)
