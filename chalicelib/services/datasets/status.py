"""The status of a dataset: what is being done to it, by one worker at a time.

    idle | error | limit_reached ──publish──▶ (queued ─▶) processing ─▶ saving_version ─▶ idle
                                                  └─abort─▶ aborting_processing ─▶ as before
                                 ──unpublish─▶ deleting ─▶ idle

Whoever does something claims the dataset by a conditional write, until a moment. A claim that is older belongs to
nobody: its worker is dead.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import (
    EditConflict,
    InvalidDatasetStatus,
    NotFound,
    PublicationAborted,
    RecordLimitReached,
    Refused,
)
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.lane import WORKER_DEAD_AFTER

IDLE, ERROR, LIMIT_REACHED = "idle", "error", "limit_reached"
QUEUED, PROCESSING, ABORTING, SAVING, DELETING = (
    "queued",
    "processing",
    "aborting_processing",
    "saving_version",
    "deleting",
)
READY = (IDLE, ERROR, LIMIT_REACHED)
ABORTABLE = (QUEUED, PROCESSING)
REQUEST_LEASE = timedelta(seconds=60)  # longer than a request may live
WORKER_LEASE = timedelta(seconds=WORKER_DEAD_AFTER)
WAITING_LEASE = timedelta(hours=1)  # of what waits for its turn: the tick rings for it every minute
UNFINISHED = "It did not finish: publish again."
TRIES = 3  # of a write that an edit of the dataset at the same moment makes fail


def status_of(dataset_uid: str, now: datetime) -> dict[str, Any]:
    """The status as the API shows it."""
    dataset = find_dataset(dataset_uid)
    is_dead = dataset.status not in READY and _is_expired(dataset, now)
    status = ERROR if is_dead else dataset.status
    return {
        "status": status,
        "previous": dataset.status if is_dead else dataset.previous_status,
        "next": None if status in READY else IDLE,
        "since": dataset.status_since,
        "is_published": dataset.is_published,
        "message": UNFINISHED if is_dead else dataset.status_message,
        "records_errors": dataset.records_errors or [],
        "processed_since": dataset.processed_since,
        "params": {},
    }


def is_being_published(dataset: DatasetItem, now: datetime) -> bool:
    """Whether a publication is under way, and whoever is at it has not died."""
    return dataset.status in (QUEUED, PROCESSING, SAVING) and not _is_expired(dataset, now)


def claim(dataset: DatasetItem, status: str, now: datetime, lease: timedelta, *, allowed: Sequence[str] = READY) -> str:
    """Claim the dataset: of two who try, only one gets it, the other is refused with InvalidDatasetStatus. Answers
    the status to give back when nothing comes of it."""
    if dataset.status not in allowed and not _is_expired(dataset, now):
        raise InvalidDatasetStatus(dataset.status, READY)
    before = dataset.status if dataset.status in READY else ERROR
    try:
        with conflicts_as_edit_conflict():
            dataset.update(_actions(dataset, status, None, now, lease))
    except EditConflict:
        raise InvalidDatasetStatus(find_dataset(dataset.uid).status, READY) from None
    return before


def move(dataset_uid: str, status: str, now: datetime, *, message: str | None = None, lease: timedelta) -> None:
    """Go on to another status, as the one who holds the dataset; PublicationAborted when somebody has asked to stop.
    Its title may be edited at the same moment, which is no reason to stay stuck."""
    for _ in range(TRIES):
        dataset = find_dataset(dataset_uid)
        if dataset.status == ABORTING and status not in READY:
            raise PublicationAborted
        with suppress(EditConflict), conflicts_as_edit_conflict():
            dataset.update(_actions(dataset, status, message, now, lease))
            return
    raise EditConflict


def go_on_saving(dataset_uid: str, now: datetime) -> None:
    """Say that an accepted publication waits in the lane, or is being applied."""
    dataset = find_dataset(dataset_uid)
    if dataset.status == SAVING:
        with suppress(EditConflict), conflicts_as_edit_conflict():
            dataset.update([DatasetItem.status_until.set(int((now + WAITING_LEASE).timestamp()))])


def saved(dataset_uid: str, now: datetime) -> None:
    """An accepted publication is applied. Whoever holds the dataset for something else by now keeps it."""
    if find_dataset(dataset_uid).status == SAVING:
        release(dataset_uid, IDLE, now)


def release(dataset_uid: str, status: str, now: datetime, *, message: str | None = None) -> None:
    """Let go of the dataset; there is nothing to let go of when it was deleted meanwhile."""
    with suppress(NotFound):
        move(dataset_uid, status, now, message=message, lease=timedelta())


def status_after(refused: Refused, *, otherwise: str) -> str:
    """The status that a refused publication leaves behind: one that brings too many records has its own."""
    return LIMIT_REACHED if isinstance(refused, RecordLimitReached) else otherwise


@contextmanager
def held(dataset: DatasetItem, working: str, now: datetime) -> Iterator[None]:
    """Hold the dataset while a request does something to it. A refusal leaves the status as it was, a failure shows
    as `error`; what has moved on to wait for a worker stays there."""
    before = claim(dataset, working, now, REQUEST_LEASE)
    try:
        yield
    except Refused as refused:
        aborted = PublicationAborted() if is_aborting(dataset.uid) else None
        release(dataset.uid, status_after(refused, otherwise=before), now, message=(aborted or refused).message)
        raise (aborted or refused) from None
    except Exception:
        release(dataset.uid, ERROR, now, message=UNFINISHED)
        raise
    if find_dataset(dataset.uid).status == working:
        release(dataset.uid, IDLE, now)


def is_aborting(dataset_uid: str) -> bool:
    """Whether somebody has asked the holder to stop."""
    try:
        return find_dataset(dataset_uid).status == ABORTING
    except NotFound:
        return True


def abort(dataset_uid: str, now: datetime) -> None:
    """Ask the worker of a publication to stop; it does so between two parts of a file, and always before anything is
    accepted."""
    dataset = find_dataset(dataset_uid)
    if dataset.status not in ABORTABLE:
        raise InvalidDatasetStatus(dataset.status, ABORTABLE)
    status = ABORTING if dataset.status == PROCESSING else IDLE
    with conflicts_as_edit_conflict():
        dataset.update(_actions(dataset, status, None, now, WORKER_LEASE))


def _is_expired(dataset: DatasetItem, now: datetime) -> bool:
    return dataset.status_until is not None and now.timestamp() >= dataset.status_until


def _actions(dataset: DatasetItem, status: str, message: str | None, now: datetime, lease: timedelta) -> list[Action]:
    return [
        DatasetItem.previous_status.set(dataset.status),
        DatasetItem.status.set(status),
        DatasetItem.status_since.set(now.isoformat(timespec="milliseconds")),
        DatasetItem.status_until.set(int((now + lease).timestamp())),
        DatasetItem.status_message.set(message) if message else DatasetItem.status_message.remove(),
    ]
