"""The trigger of runs: called by EventBridge Scheduler when a schedule falls due, and by the application for a run that
is registered already.

Nothing is raised once a run is registered: another attempt has its own time, which Lambda's retries know nothing of.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalicelib import wiring
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.run_state import FAILED, SKIPPED, SUCCEEDED, Run
from chalicelib.services.refresh.refresh import refresh_dataset
from chalicelib.services.runs.occurrences import Refresh, attempt, register_occurrence
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, logger

MAX_SECONDS = 270.0  # a run starts nothing later: the function is stopped after 300
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
    run_id = event.get("run_id") or _registered(stores, event, clock(), deadline)
    if run_id is None:
        return
    fields = {"action": "refresh", "dataset_uid": dataset_uid, "run_id": run_id}
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


def _registered(stores: Stores, event: Mapping[str, Any], now: datetime, deadline: Deadline) -> str | None:
    due = datetime.fromisoformat(event["scheduled_time"])
    return register_occurrence(stores, event["dataset_uid"], event["schedule_uid"], due, deadline, now=now)


def _report(run: Run, fields: Mapping[str, str]) -> None:
    more = {"state": run.state, "attempts": run.attempts, "error_code": run.code}
    logger.info("run attempted", extra={**fields, **more})
    if run.state in _METRICS:
        count({_METRICS[run.state]: 1})


def _now() -> datetime:
    return datetime.now(UTC)
