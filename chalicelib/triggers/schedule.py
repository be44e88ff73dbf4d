"""The trigger of runs: called by EventBridge Scheduler when a schedule falls due, and by the application for a run that
is registered already.

Nothing is raised once a run is registered: another attempt has its own time, which Lambda's retries know nothing of.
Until then it goes on trying while it has time: Lambda delivers a call three times, within minutes, and drops it then.
Three functions that use all of theirs bridge about a quarter of an hour.
"""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalicelib import wiring
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.run_state import FAILED, SKIPPED, SUCCEEDED, Run
from chalicelib.services.refresh.refresh import refresh_dataset
from chalicelib.services.runs.occurrences import Refresh, attempt, register_occurrence
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline, aws_faults_as_unavailable
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, logger

MAX_SECONDS = 270.0  # a run starts nothing later: the function is stopped after 300
_LONGEST_WAIT = 5.0  # seconds, until it is tried again to register a run
_METRICS = {SUCCEEDED: "RunsSucceeded", FAILED: "RunsFailed", SKIPPED: "RunsSkipped"}


def on_schedule(event: Mapping[str, Any], context: Any) -> None:
    """Make the run that an event asks for."""
    left = context.get_remaining_time_in_millis() / 1000 - READ_TIMEOUT - 15
    known = wiring.settings()
    refresh = partial(refresh_dataset, guard=wiring.address_guard())
    offered = "scheduling" in known.features
    handle(wiring.worker_stores(), event, refresh, _now, Deadline(min(MAX_SECONDS, left)), offered=offered)


def handle(
    stores: Stores,
    event: Mapping[str, Any],
    refresh: Refresh,
    clock: Callable[[], datetime],
    deadline: Deadline,
    *,
    offered: bool = True,
) -> None:
    """Make the run: `{"dataset_uid", "schedule_uid", "scheduled_time"}`, or `{"dataset_uid", "run_id"}`."""
    dataset_uid = event["dataset_uid"]
    run_id = event.get("run_id") or _registered(stores, event, clock, deadline)
    if run_id is None:
        return
    fields = {"action": "refresh", "dataset_uid": dataset_uid, "run_id": run_id}
    if deadline.remaining() < deadline.elapsed():
        logger.warning("the run was registered late: the tick takes it up", extra=fields)
        return
    try:
        run = attempt(stores, dataset_uid, run_id, refresh, clock=clock, deadline=deadline, offered=offered)
    except TemporarilyUnavailable as busy:
        logger.warning("the run is taken up again later", extra={**fields, "reason": busy.message})
    except Exception:
        logger.exception("a run failed on our side", extra=fields)
        count({"RunsFailed": 1})
    else:
        if run is not None:
            _report(run, fields)


def _registered(
    stores: Stores, event: Mapping[str, Any], clock: Callable[[], datetime], deadline: Deadline
) -> str | None:
    """The id of the run that is due, if it is, as soon as AWS answers; TemporarilyUnavailable at the deadline."""
    dataset_uid, schedule_uid = event["dataset_uid"], event["schedule_uid"]
    due = datetime.fromisoformat(event["scheduled_time"])
    while True:
        try:
            with aws_faults_as_unavailable():
                return register_occurrence(stores, dataset_uid, schedule_uid, due, deadline, now=clock())
        except TemporarilyUnavailable:
            deadline.sleep(random.uniform(0, _LONGEST_WAIT))  # noqa: S311 - jitter, not a secret


def _report(run: Run, fields: Mapping[str, str]) -> None:
    more = {"state": run.state, "attempts": run.attempts, "error_code": run.code}
    logger.info("run attempted", extra={**fields, **more})
    if run.state in _METRICS:
        count({_METRICS[run.state]: 1})


def _now() -> datetime:
    return datetime.now(UTC)
