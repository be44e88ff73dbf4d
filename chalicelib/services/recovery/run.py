"""Running a recovery: what the worker does when its bell rings.

The log is read from its newest entry on, before anything is written; what is to be written is prepared and kept in
parts, and how far it got is noted every now and then, with the ids that are settled. A worker that dies, or has no more
time, is followed by another one that goes on there. When the log is read the parts become a job of the lane.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from chalicelib.domain.errors import (
    ConfigurationMoved,
    DatasetNotPublished,
    EditConflict,
    NotFound,
    ProcessingTooSlow,
    TemporarilyUnavailable,
)
from chalicelib.domain.live import LiveDataset
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.recovery.parts import end_unwritten
from chalicelib.services.recovery.reading import RUNG_AFTER, Reading, TakenOver
from chalicelib.services.recovery.state import FAILED, QUEUED, READING, load_recovery
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_ATTEMPTS = 5  # visits without any progress
TRIES = 3  # of a visit that publications overtake

Clock = Callable[[], datetime]


def run_recovery(stores: Stores, dataset_uid: str, clock: Clock, deadline: Deadline) -> None:
    """Read the log for the recovery of a dataset and make it a job. Told twice, it does nothing the second time; when
    a publication overtakes it, it begins anew. Raises TemporarilyUnavailable when there is more to read than there is
    time."""
    for _ in range(TRIES - 1):
        with suppress(ConfigurationMoved):
            return _run(stores, dataset_uid, clock, deadline)
    return _run(stores, dataset_uid, clock, deadline)


def _run(stores: Stores, dataset_uid: str, clock: Clock, deadline: Deadline) -> None:
    item = load_recovery(dataset_uid)
    if item is None or item.state not in (QUEUED, READING):
        return
    try:
        dataset_id = find_dataset(dataset_uid).dataset_id
    except NotFound:
        item.delete()
        return
    if stores.backups.is_being_swept(dataset_uid, deadline):
        raise TemporarilyUnavailable(_SWEPT)
    with suppress(TakenOver, EditConflict):
        _claim(item, clock())
        _visit(stores, item, stores.live.read(dataset_id, deadline), clock, deadline)


def _claim(item: RecoveryItem, now: datetime) -> None:
    """Become the last worker that came for a recovery; EditConflict when another one did at the same moment."""
    with conflicts_as_edit_conflict():
        item.update(
            [
                RecoveryItem.state.set(READING),
                RecoveryItem.visit.set(item.visit + 1),
                RecoveryItem.attempts.set(item.attempts + 1),
                RecoveryItem.due_at.set(int(now.timestamp()) + RUNG_AFTER),
            ],
            condition=(RecoveryItem.visit == item.visit) & (RecoveryItem.nonce == item.nonce),
        )


def _visit(stores: Stores, item: RecoveryItem, live: LiveDataset | None, clock: Clock, deadline: Deadline) -> None:
    if live is None or not live.is_published or live.emptied > (item.generation or live.generation):
        end_unwritten(stores, item, FAILED, clock, message=DatasetNotPublished().message)
    elif item.attempts > MAX_ATTEMPTS:
        end_unwritten(stores, item, FAILED, clock, message=_STUCK)
    else:
        reading = Reading(stores=stores, item=item, live=live, clock=clock, deadline=deadline)
        try:
            reading.run()
        except ProcessingTooSlow:
            raise TemporarilyUnavailable from None


_SWEPT = "The nightly sweep works on the backup: the recovery begins when it has ended."
_STUCK = "The backup could not be read: try again, with a shorter range of time if a single file takes too long."
