"""The runs of a dataset, as those see them who manage it: what came of each, asking for one, and stopping one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain.errors import (
    DatasetNotPublished,
    InvalidDatasetStatus,
    NotFound,
    RunIsOver,
    ValidationFailed,
)
from chalicelib.domain.identifiers import is_batch_id, new_batch_id
from chalicelib.domain.run import UNCHANGED, SourceOutcome
from chalicelib.domain.run_state import ABORTED, RUNNING, STATES, WAITING, Run
from chalicelib.services.datasets import status
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.runs.occurrences import call
from chalicelib.services.runs.results import close
from chalicelib.services.schedules.schedules import Offer
from chalicelib.services.schedules.scheduling import has_remote
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_LISTED = 1000  # of the newest runs; older ones are found by their id until they expire
_COUNTS = {"added": "created", "changed": "updated", "removed": "deleted", "unchanged": "unchanged"}
_TRIES = 3
_NOTHING_REMOTE = "the dataset has no remote resource to refresh: add one, then publish; realtime ones need no run"


def list_runs(
    stores: Stores, dataset_uid: str, deadline: Deadline, *, schedule_uid: str | None = None, state: str | None = None
) -> list[Run]:
    """The newest runs of a dataset, newest first: all, or those of a schedule or in a state."""
    find_dataset(dataset_uid)
    if state is not None and state not in STATES:
        raise ValidationFailed({"state": [f"expected one of {', '.join(STATES)}"]})
    runs = {run.run_id: run for run in stores.runs.unfinished(dataset_uid, deadline)}
    for entry in stores.activity.newest(dataset_uid, "run", MAX_LISTED, deadline):
        runs[entry["run_id"]] = Run.from_json(entry)  # it may have ended between the two
    wanted = [run for run in runs.values() if schedule_uid in (None, run.schedule_uid) and state in (None, run.state)]
    return sorted(wanted, key=lambda run: run.run_id, reverse=True)[:MAX_LISTED]


def find_run(stores: Stores, dataset_uid: str, run_id: str, deadline: Deadline) -> Run:
    """One run of this dataset, else NotFound."""
    find_dataset(dataset_uid)
    run = stores.runs.find(dataset_uid, run_id, deadline) if is_batch_id(run_id) else None
    entry = stores.activity.run(dataset_uid, run_id, deadline) if is_batch_id(run_id) and run is None else None
    if entry is not None:
        run = Run.from_json(entry)
    if run is None:
        raise NotFound(f"This dataset has no run '{run_id[:40]}', or not any more: list them with GET runs/.")
    return run


def run_now(stores: Stores, dataset_uid: str, offer: Offer, now: datetime, deadline: Deadline) -> Run:
    """Ask for a run, out of turn. It is recorded as skipped if another one is under way when it is to begin. Refused of
    a dataset without a remote resource, be it published or in the draft, as its schedules are."""
    offer.check()
    if not find_dataset(dataset_uid).is_published:
        raise DatasetNotPublished
    if not has_remote(dataset_uid):
        raise ValidationFailed({"resources": [_NOTHING_REMOTE]})
    run = Run(run_id=new_batch_id(now), dataset_uid=dataset_uid, scheduled_time=now)
    stores.runs.register(run, now, deadline)
    call(stores, dataset_uid, run.run_id)
    return run


def abort_run(stores: Stores, dataset_uid: str, run_id: str, now: datetime, deadline: Deadline) -> None:
    """Stop a run: one that waits at once, one that is under way between two parts of a file. RunIsOver when it is."""
    for _ in range(_TRIES):  # it may begin, or go on to wait, at the same moment
        run = find_run(stores, dataset_uid, run_id, deadline)
        if run.state == WAITING:
            aborted = replace(run, state=ABORTED)
            if close(stores, aborted, run, now, deadline, holds=False) is not None:
                return
        elif run.state != RUNNING:
            raise RunIsOver
        elif run.is_aborting or stores.runs.ask_to_abort(run, deadline):
            return
    raise RunIsOver


def abort(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Stop what is being done to a dataset: its publication, or its run."""
    try:
        status.abort(dataset_uid, now)
    except InvalidDatasetStatus:
        run_id = stores.runs.refreshing(dataset_uid, deadline).holder(now)
        if run_id is None:
            raise
        abort_run(stores, dataset_uid, run_id, now, deadline)


def shown(stores: Stores, runs: Sequence[Run], deadline: Deadline) -> list[dict[str, Any]]:
    """Runs as the API shows them, with the counts of what they have changed. What is not known, or not yet, is
    null."""
    receipts = _receipts(stores, runs, deadline)
    return [_shown(run, receipts) for run in runs]


def shown_in_full(stores: Stores, run: Run, deadline: Deadline) -> dict[str, Any]:
    """One run, with why records of its sources were refused: as many of the reasons as their receipts keep."""
    receipts = _receipts(stores, [run], deadline)
    answer = _shown(run, receipts)
    for source in answer["sources"]:
        source["details"] = (receipts.get(source["batch_id"]) or {}).get("details", [])
    return answer


def _receipts(stores: Stores, runs: Sequence[Run], deadline: Deadline) -> dict[str | None, dict[str, Any] | None]:
    return {
        source.batch_id: stores.activity.batch(run.dataset_uid, source.batch_id, deadline)
        for run in runs
        for source in run.sources
        if source.batch_id
    }


def _shown(run: Run, receipts: Mapping[str | None, Mapping[str, Any] | None]) -> dict[str, Any]:
    sources = [_source(source, receipts.get(source.batch_id)) for source in run.sources]
    return {
        "run_id": run.run_id,
        "trigger": "manual" if run.schedule_uid is None else "schedule",
        "schedule_uid": run.schedule_uid,
        "scheduled_time": _text(run.scheduled_time),
        "state": run.state,
        "attempts": run.attempts,
        "started_at": _text(run.started_at),
        "ended_at": _text(run.ended_at),
        "duration_seconds": _duration(run),
        "next_attempt_at": _text(run.not_before),
        "error_code": run.code,
        "message": run.message,
        "size": sum(source.size for source in run.sources),
        "counts": _sum(run, [source["counts"] for source in sources]),
        "sources": sources,
    }


def _source(source: SourceOutcome, receipt: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "resource_uid": source.resource_uid,
        "state": receipt["state"] if receipt else source.state,
        "batch_id": source.batch_id,
        "size": source.size,
        "http_status": source.http_status,
        "etag": source.etag,
        "records": source.records,
        "counts": _counts(source, receipt),
        "error_code": source.code,
        "message": receipt.get("message", source.message) if receipt else source.message,
    }


def _counts(source: SourceOutcome, receipt: Mapping[str, Any] | None) -> dict[str, int | None]:
    """What a resource's refresh changed: nothing unless it became a job. How many records stayed because of a failure
    is not known."""
    if source.batch_id is None:
        known: dict[str, int | None] = dict.fromkeys(_COUNTS, 0)
        known["unchanged"] = source.records if source.state == UNCHANGED else None
    else:
        known = {name: receipt.get(stored) if receipt else None for name, stored in _COUNTS.items()}
    return {**known, "refused": source.refused}


def _sum(run: Run, counts: Sequence[Mapping[str, int | None]]) -> dict[str, int | None]:
    names = (*_COUNTS, "refused")
    if run.state in (WAITING, RUNNING):
        return dict.fromkeys(names)
    total: dict[str, int | None] = {}
    for name in names:
        values = [count[name] for count in counts]
        total[name] = None if None in values else sum(value or 0 for value in values)
    return total if counts else {**total, "unchanged": None}


def _duration(run: Run) -> float | None:
    """Seconds of the last attempt."""
    if run.started_at is None or run.ended_at is None:
        return None
    return round((run.ended_at - run.started_at).total_seconds(), 3)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
