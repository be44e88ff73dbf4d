"""The status of a dataset: what is being done to it, by one worker at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import EditConflict, InvalidDatasetStatus, PublicationAborted, Refused
from chalicelib.services.datasets import find_dataset
from chalicelib.store.catalog import DatasetItem, conflicts_as_edit_conflict

READY = ("idle", "error", "limit_reached")
WORKING = ("queued", "processing")
ABORTING = "aborting_processing"
LEASE = timedelta(seconds=60)  # longer than a request may live: a status older than this belongs to nobody
TRIES = 3  # of a write that an edit of the dataset at the same moment makes fail


def status_of(dataset_uid: str) -> dict[str, Any]:
    """The status as the API shows it."""
    dataset = find_dataset(dataset_uid)
    return {
        "status": dataset.status,
        "previous": dataset.previous_status,
        "next": None if dataset.status in READY else "idle",
        "since": dataset.status_since,
        "is_published": dataset.is_published,
        "message": dataset.status_message,
        "records_errors": dataset.records_errors or [],
        "params": {},
    }


@contextmanager
def held(dataset: DatasetItem, working: str, now: datetime) -> Iterator[None]:
    """Hold the dataset while something is done to it: the claim is a conditional write, so of two only one works.
    A refusal leaves the status as it was, a failure shows as `error`, and a dead worker's claim expires."""
    expired = now - datetime.fromisoformat(dataset.status_since) > LEASE
    if dataset.status not in READY and not expired:
        raise InvalidDatasetStatus(dataset.status, READY)
    before = dataset.status if dataset.status in READY else "error"
    try:
        with conflicts_as_edit_conflict():
            dataset.update(_status_actions(dataset, working, None, now))
    except EditConflict:
        raise InvalidDatasetStatus(find_dataset(dataset.uid).status, READY) from None
    try:
        yield
    except Refused as refused:
        aborted = PublicationAborted() if find_dataset(dataset.uid).status == ABORTING else None
        _release(dataset.uid, before, (aborted or refused).message, now)
        raise (aborted or refused) from None
    except Exception:
        _release(dataset.uid, "error", "It did not finish: publish again.", now)
        raise
    _release(dataset.uid, "idle", None, now)


def _release(dataset_uid: str, status: str, message: str | None, now: datetime) -> None:
    """Let go of the dataset. Its title may be edited at the same moment, which is no reason to stay stuck."""
    for _ in range(TRIES):
        dataset = find_dataset(dataset_uid)
        with suppress(EditConflict), conflicts_as_edit_conflict():
            dataset.update(_status_actions(dataset, status, message, now))
            return
    raise EditConflict


def _status_actions(dataset: DatasetItem, status: str, message: str | None, now: datetime) -> list[Action]:
    return [
        DatasetItem.previous_status.set(dataset.status),
        DatasetItem.status.set(status),
        DatasetItem.status_since.set(now.isoformat(timespec="milliseconds")),
        DatasetItem.status_message.set(message) if message else DatasetItem.status_message.remove(),
    ]


def abort(dataset_uid: str, now: datetime) -> None:
    """Ask the worker of a publication to stop; it does so before its next batch, and always before it publishes."""
    dataset = find_dataset(dataset_uid)
    if dataset.status not in WORKING:
        raise InvalidDatasetStatus(dataset.status, WORKING)
    with conflicts_as_edit_conflict():
        dataset.update(_status_actions(dataset, ABORTING, None, now))
