"""The bell's trigger: a message names a task and what it is for; what is to be done lies in the tables.

A failure is raised, so that the message comes back: sooner than after the queue's visibility time-out, and later each
time. After the queue's last attempt the tick takes over. What failed because AWS did not answer is not held against
the lane; anything else is, and after some failures it pauses until somebody looks.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import wiring
from chalicelib.domain.errors import TemporarilyUnavailable, UploadRefused
from chalicelib.services.bells import BACKUP, LANE, PUBLISH, RECOVERY, SWEEP, UPLOAD, ring
from chalicelib.services.datasets.sweep import sweep
from chalicelib.services.lane.worker import apply_jobs
from chalicelib.services.publication.plan import LIMITS, Limits
from chalicelib.services.publication.publication import run_publication
from chalicelib.services.recovery.backup_sweep import sweep_backups
from chalicelib.services.recovery.run import run_recovery
from chalicelib.services.uploads.check import check_upload
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, logger, report_batch

MAX_SECONDS = 270.0  # a worker starts nothing later: the function is stopped after 300
_FIRST_DELAY, _LONGEST_DELAY = 5, 300  # seconds until a message that failed comes back
_ENOUGH = 10.0  # seconds: who stopped with less left had no time, not a failure

Clock = Callable[[], datetime]
Task = Callable[[Stores, str, Clock, Deadline], None]


def on_bell(event: Mapping[str, Any], context: Any) -> None:
    """Do what one message of the bell queue (an SQS event) asks for."""
    for message in event["Records"]:
        left = context.get_remaining_time_in_millis() / 1000 - READ_TIMEOUT - 1
        deadline = Deadline(min(MAX_SECONDS, left))
        handle(wiring.worker_stores(), message, _now, deadline, wiring.limits())


def handle(
    stores: Stores, message: Mapping[str, Any], clock: Clock, deadline: Deadline, limits: Limits = LIMITS
) -> None:
    """Do what the message asks for, or raise, so that it comes back."""
    asked = orjson.loads(message["body"])
    task, name = asked["task"], asked["name"]
    fields = {"action": task, "dataset_id": name}
    try:
        tasks: Mapping[str, Task] = {**_TASKS, PUBLISH: partial(_publish, limits=limits)}
        tasks[task](stores, name, clock, deadline)
    except TemporarilyUnavailable as busy:
        if task == LANE:
            with suppress(TemporarilyUnavailable, ClientError):
                stores.lane.forget_attempts(name, Deadline(READ_TIMEOUT))
        if deadline.remaining() < _ENOUGH:
            logger.info("there is more to do than one visit has time for: ringing again", extra=fields)
            ring(stores, task, name)
            return
        logger.warning("not possible now: trying again later", extra={**fields, "reason": busy.message})
        _hush(stores, message)
        raise
    except Exception as failure:
        logger.exception("a task failed", extra=fields)
        count({"LaneFailures": 1})
        if task == LANE:
            with suppress(TemporarilyUnavailable, ClientError):
                stores.lane.note_problem(name, f"{type(failure).__name__}: {failure}", Deadline(READ_TIMEOUT))
        _hush(stores, message)
        raise


def _hush(stores: Stores, message: Mapping[str, Any]) -> None:
    attempt = int(message["attributes"]["ApproximateReceiveCount"])
    with suppress(ClientError, BotoCoreError):  # it comes back after the queue's own time-out then
        stores.bell.hush(message["receiptHandle"], min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt))


def _lane(stores: Stores, dataset_id: str, clock: Clock, deadline: Deadline) -> None:
    outcome = apply_jobs(stores, dataset_id, clock, deadline)
    fields = {"action": "apply", "dataset_id": dataset_id}
    if outcome.is_paused:
        logger.error("the lane is paused after repeated failures: resume it, or abort its first job", extra=fields)
        count({"LanePaused": 1})
    if outcome.applied or outcome.dropped:
        logger.info("jobs applied", extra={**fields, "applied": outcome.applied, "dropped": outcome.dropped})
        count({"JobsApplied": outcome.applied, "JobsDropped": outcome.dropped})


def _publish(stores: Stores, dataset_uid: str, clock: Clock, deadline: Deadline, *, limits: Limits) -> None:
    run_publication(stores, dataset_uid, clock(), deadline, limits=limits)


def _upload(stores: Stores, name: str, clock: Clock, deadline: Deadline) -> None:
    outcome = check_upload(stores, name, clock, deadline)
    if outcome is None:
        return
    if outcome.receipt is not None:
        report_batch(outcome.dataset_id, outcome.receipt)
    else:
        fields = {"action": UPLOAD, "dataset_id": outcome.dataset_id, "upload": name, "error_code": UploadRefused.code}
        logger.info("refused", extra=fields)


def _now() -> datetime:
    return datetime.now(UTC)


_TASKS: Mapping[str, Task] = {
    BACKUP: sweep_backups,
    LANE: _lane,
    RECOVERY: run_recovery,
    SWEEP: sweep,
    UPLOAD: _upload,
}
