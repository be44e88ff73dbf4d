"""Looking at the lane of a dataset, and steering it when it is paused."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.errors import LaneNotPaused
from chalicelib.domain.job import PUBLISH
from chalicelib.domain.receipt import failed_receipt
from chalicelib.services.bells import LANE, ring
from chalicelib.services.dataset_status import ERROR, release
from chalicelib.services.datasets import find_dataset, live_item
from chalicelib.services.job_payload import discard_payloads
from chalicelib.store.catalog import LiveItem, conflicts_as_edit_conflict
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.lane import LaneHealth
from chalicelib.store.stores import Stores

ABORTED = "The batch was aborted by the people who manage the dataset: send its records again if they are wanted."


def show_lane(stores: Stores, dataset_uid: str, deadline: Deadline) -> dict[str, Any]:
    """How the lane is: its state (`empty`, `working`, `paused`), pending jobs, failed attempts in a row and why the
    last one failed, and the first job."""
    health = stores.lane.health(find_dataset(dataset_uid).dataset_id, deadline)
    first = health.first
    return {
        "state": "paused" if health.is_paused else "working" if health.jobs else "empty",
        "jobs": health.jobs,
        "attempts": health.attempts,
        "problem": health.problem,
        "first_job": None
        if first is None
        else {
            "batch_id": first.batch_id,
            "kind": first.kind,
            "accepted_at": datetime.fromtimestamp(first.accepted_at / 1000, UTC).isoformat(timespec="milliseconds"),
            "records": first.receipt.get("records"),
            "parts": max(1, len(first.parts)),
            "parts_applied": first.done,
        },
    }


def resume_lane(stores: Stores, dataset_uid: str, deadline: Deadline) -> None:
    """Let a paused lane try its first job again."""
    dataset_id, _ = _paused(stores, dataset_uid, deadline)
    stores.lane.forget_attempts(dataset_id, deadline)
    ring(stores, LANE, dataset_id)


def abort_first_job(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Discard the first job of a paused lane, say so in its receipt, and go on with those behind it. What it had
    written by then stays."""
    dataset_id, health = _paused(stores, dataset_uid, deadline)
    job = health.first
    if job is not None:
        receipt = failed_receipt(job.receipt, ABORTED)
        stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, now, deadline)
        if job.kind == PUBLISH:
            live = live_item(dataset_id)
            with conflicts_as_edit_conflict():
                live.update([LiveItem.coming.remove()], LiveItem.version == job.version)
            release(dataset_uid, ERROR, now, message=ABORTED)
        stores.lane.finish([job], deadline)
        discard_payloads(stores, [job])
    stores.lane.forget_attempts(dataset_id, deadline)
    ring(stores, LANE, dataset_id)


def _paused(stores: Stores, dataset_uid: str, deadline: Deadline) -> tuple[str, LaneHealth]:
    dataset_id = find_dataset(dataset_uid).dataset_id
    health = stores.lane.health(dataset_id, deadline)
    if not health.is_paused:
        raise LaneNotPaused
    return dataset_id, health
