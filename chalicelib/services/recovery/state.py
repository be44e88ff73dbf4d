"""How a recovery stands: the one item that requests, the worker and the lane share.

queued ──worker──▶ reading ──job──▶ applying ──lane──▶ done
                             (each of them) ──▶ failed | aborted
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import EditConflict
from chalicelib.domain.receipt import FAILED as RECEIPT_FAILED
from chalicelib.store.catalog.keys import RECOVERY, RECOVERY_ABORT, dataset_pk
from chalicelib.store.catalog.recovery import RecoveryAbortItem, RecoveryItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

QUEUED, READING, APPLYING, DONE, FAILED, ABORTED = "queued", "reading", "applying", "done", "failed", "aborted"
UNDER_WAY = (QUEUED, READING, APPLYING)
MAX_OUTCOMES = 10
GONE_MESSAGE = "Its job was dropped, or has waited longer than receipts are kept: recover again."
ABORTED_MESSAGE = "The recovery was aborted; records that it had written by then stay."


def load_recovery(dataset_uid: str) -> RecoveryItem | None:
    """The recovery of a dataset, read strongly; None when there has been none."""
    try:
        return RecoveryItem.get(dataset_pk(dataset_uid), RECOVERY, consistent_read=True)
    except DoesNotExist:
        return None


def is_aborting(item: RecoveryItem) -> bool:
    """Whether somebody has asked this recovery to stop."""
    try:
        return RecoveryAbortItem.get(item.pk, RECOVERY_ABORT, consistent_read=True).nonce == item.nonce
    except DoesNotExist:
        return False


def job_failure(stores: Stores, item: RecoveryItem, deadline: Deadline) -> str | None:
    """Why the job of a recovery will not be applied: it was dropped with its generation, or discarded in a paused
    lane. None when it was applied or will be. Its receipt, which tells, is kept for a limited time."""
    if item.state != APPLYING or item.batch_id is None:
        return None
    dataset_uid = item.pk.removeprefix(dataset_pk(""))
    receipt = stores.activity.batch(dataset_uid, item.batch_id, deadline)
    if receipt is None:
        return GONE_MESSAGE
    return receipt["message"] if receipt["state"] == RECEIPT_FAILED else None


def settle(
    item: RecoveryItem,
    state: str,
    now: datetime,
    *,
    message: str | None = None,
    counts: Mapping[str, int] | None = None,
) -> None:
    """End a recovery, unless another one has taken its place, or another worker this one's."""
    known = {**item.counts, **(counts or {})}
    actions: list[Action] = [
        RecoveryItem.state.set(state),
        RecoveryItem.moved_at.set(now.isoformat(timespec="milliseconds")),
        RecoveryItem.counts.set(known),
        RecoveryItem.message.set(message) if message else RecoveryItem.message.remove(),
        RecoveryItem.due.remove(),
        RecoveryItem.due_at.remove(),
    ]
    with suppress(EditConflict), conflicts_as_edit_conflict():
        item.update(actions, condition=(RecoveryItem.nonce == item.nonce) & (RecoveryItem.visit == item.visit))


def outcome_of(item: RecoveryItem, failure: str | None = None) -> dict[str, Any]:
    """What a recovery came to until now, as it is shown. `failure` is why its job will not be applied."""
    return {
        "resource_uid": item.resource_uid,
        "state": FAILED if failure else item.state,
        "dry_run": item.is_dry,
        "all_resources": item.scope["resource_uid"] is None,
        "from": _moment(item.scope["start"]),
        "to": _moment(item.scope["end"]),
        "started_at": item.started_at,
        "moved_at": item.moved_at,
        "message": failure or item.message,
        "batch_id": item.batch_id,
        "counts": {name: item.counts.get(name, 0) for name in _COUNTS},
        "errors": {
            name.removeprefix("errors."): count for name, count in item.counts.items() if name.startswith("errors.")
        },
        "details": item.details,
    }


def _moment(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


_COUNTS = ("entries", "records", "suppressed", "errors", "created", "updated", "unchanged")
