"""Looking at the lane of a dataset, and steering it when it is paused."""

from datetime import UTC, datetime
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import EditConflict, LaneNotPaused
from chalicelib.domain.job import PUBLISH, Job
from chalicelib.domain.receipt import failed_receipt
from chalicelib.services.bells import LANE, ring
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.services.datasets.source_copies import discard_staged_copies
from chalicelib.services.datasets.status import ERROR, SAVING, release
from chalicelib.services.datasets.sweep import sweep_later
from chalicelib.services.writing.job_payload import discard_payloads
from chalicelib.store.catalog.published import LiveItem
from chalicelib.store.catalog.transactions import one_transaction
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.lane import LaneHealth
from chalicelib.store.stores import Stores

ABORTED = "The batch was aborted by the people who manage the dataset: send its records again if they are wanted."
ABORTED_PUBLICATION = "The publication was aborted by the people who manage the dataset: publish again."


def show_lane(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> dict[str, Any]:
    """How the lane is: its state (`empty`, `working`, `paused`), pending jobs, failed attempts in a row and why the
    last one failed, and the first job."""
    health = stores.lane.health(find_dataset(dataset_uid).dataset_id, now, deadline)
    return {
        "state": "paused" if health.is_paused else "working" if health.jobs else "empty",
        "jobs": health.jobs,
        "attempts": health.attempts,
        "problem": health.problem,
        "first_job": None if health.first is None else _shown(health.first),
    }


def resume_lane(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Let a paused lane try its first job again."""
    dataset_id, _ = _paused(stores, dataset_uid, now, deadline)
    stores.lane.forget_attempts(dataset_id, deadline)
    ring(stores, LANE, dataset_id)


def abort_first_job(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Discard the first job of a paused lane, say so in its receipt, and go on with those behind it. What it had
    written by then stays; a dataset that was to be published for the first time begins empty."""
    dataset_id, health = _paused(stores, dataset_uid, now, deadline)
    job = health.first
    if job is not None:
        receipt = failed_receipt(job.receipt, ABORTED)
        stores.activity.put_receipt(job.dataset_uid, job.batch_id, receipt, now, deadline)
        if job.kind == PUBLISH:
            _withdraw(job, now, deadline)
        stores.lane.finish([job], deadline)
        discard_payloads(stores, [job])
        discard_staged_copies(stores, [job])
    stores.lane.forget_attempts(dataset_id, deadline)
    ring(stores, LANE, dataset_id)


def _withdraw(job: Job, now: datetime, deadline: Deadline) -> None:
    """Take back a publication that will not be applied. The version moves on, so that what is being prepared with its
    configuration is prepared anew; a publication that came after it stands."""
    attempt = 0
    while True:
        live = live_item(job.dataset_id)
        is_for_this = job.generation in (live.generation, live.coming_generation)
        if live.version != job.version or not is_for_this or live.coming is None:
            break
        actions: list[Action] = [
            LiveItem.coming.remove(),
            LiveItem.coming_generation.remove(),
            LiveItem.version.set(live.version + 1),
        ]
        if not live.is_published:
            actions.append(LiveItem.generation.set(live.next_generation))  # what was loaded is out of reach
        elif live.coming_generation:
            actions.append(LiveItem.given_up.set(live.coming_generation))  # it is swept: a later one has another number
        try:
            with one_transaction() as transaction:
                transaction.update(live, actions, condition=LiveItem.version == job.version)
                if not live.is_published:
                    sweep_later(transaction, job.dataset_uid, job.generation, now)
                elif live.coming_generation:
                    sweep_later(transaction, job.dataset_uid, live.coming_generation, now)
            break
        except EditConflict:
            deadline.pause(attempt)
            attempt += 1
    if find_dataset(job.dataset_uid).status == SAVING:
        release(job.dataset_uid, ERROR, now, message=ABORTED_PUBLICATION)


def _shown(job: Job) -> dict[str, Any]:
    return {
        "batch_id": job.batch_id,
        "kind": job.kind,
        "accepted_at": datetime.fromtimestamp(job.accepted_at / 1000, UTC).isoformat(timespec="milliseconds"),
        "records": job.receipt.get("records"),
        "parts": max(1, len(job.parts)),
        "parts_applied": job.done,
    }


def _paused(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> tuple[str, LaneHealth]:
    dataset_id = find_dataset(dataset_uid).dataset_id
    health = stores.lane.health(dataset_id, now, deadline)
    if not health.is_paused:
        raise LaneNotPaused
    return dataset_id, health
