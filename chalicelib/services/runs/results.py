"""What a run leads to: another attempt, its place in the history, and what many failures in a row lead to."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import notice
from chalicelib.domain.run_state import (
    ABORTED,
    FAILED,
    HELD_BACK,
    PAUSE_AFTER,
    SUCCEEDED,
    WAITING,
    WARN_AFTER,
    Run,
    next_attempt,
)
from chalicelib.domain.upcoming import next_runs
from chalicelib.services.datasets.schedule_marks import marked
from chalicelib.services.runs.notices import mails_of, report_failure
from chalicelib.services.schedules.plan import stored_plan
from chalicelib.store.catalog.drafts import ScheduleItem
from chalicelib.store.catalog.keys import SCHEDULE, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import ADD, END_ROW, RESET
from chalicelib.store.stores import Stores

WARNED, HELD, PAUSED = "warned", "held_back", "paused_because"  # noted once each, until a run succeeds
_RESUME = "Mend its source, then run the dataset or change one of its schedules: they go on after that."
_MAILS = {WARNED: notice.FAILING, HELD: notice.HELD_BACK, PAUSED: notice.PAUSED}
_EFFECTS = {SUCCEEDED: RESET, HELD_BACK: END_ROW, FAILED: ADD}


def conclude(
    stores: Stores, run: Run, before: Run, now: datetime, deadline: Deadline, *, holds: bool = True
) -> Run | None:
    """Put an attempt that failed back for another one, or close the run; as it is then, None when somebody else has
    concluded it. `before` is the run as it is stored; `holds` tells whether it holds its dataset."""
    if run.state == FAILED and holds:
        at = next_attempt(run, now, _following(run, now))
        if at is not None:
            waiting = replace(run, state=WAITING, not_before=at, until=None)
            if stores.runs.put_back(waiting, before, int(at.timestamp()), deadline):
                return waiting
            present = stores.runs.find(run.dataset_uid, run.run_id, deadline)
            if present is not None and present.is_aborting:
                run = replace(run, state=ABORTED)
    return close(stores, run, before, now, deadline, holds=holds)


def close(stores: Stores, run: Run, before: Run, now: datetime, deadline: Deadline, *, holds: bool) -> Run | None:
    """Move a run that is over to the history, and see to what it leads to."""
    over = replace(run, ended_at=now, until=None, not_before=None)
    resumes = over.state == SUCCEEDED and stores.runs.refreshing(run.dataset_uid, deadline).paused_because is not None
    with marked(run.dataset_uid, now) if resumes else nullcontext():
        is_closed = stores.runs.close(over, before, now, deadline, effect=_EFFECTS.get(over.state, ""), holds=holds)
    if not is_closed:
        return None
    if over.state == FAILED:
        report_failure(stores, over, now, deadline)
        _heed_failures(stores, over, now, deadline)
    elif over.state == HELD_BACK:
        _note(stores, over, HELD, over.message or "A new file was held back.", deadline)
    return over


def _heed_failures(stores: Stores, run: Run, now: datetime, deadline: Deadline) -> None:
    refreshing = stores.runs.refreshing(run.dataset_uid, deadline)
    said = f"The last {refreshing.failures} runs have failed. The last one: {run.message}"
    if refreshing.failures >= WARN_AFTER and not refreshing.warned:
        _note(stores, run, WARNED, f"{said} After {PAUSE_AFTER} the schedules pause.", deadline)
    if refreshing.failures >= PAUSE_AFTER and refreshing.paused_because is None:
        with marked(run.dataset_uid, now):
            _note(stores, run, PAUSED, f"{said} {_RESUME}", deadline)


def _note(stores: Stores, run: Run, name: str, message: str, deadline: Deadline) -> None:
    """Put the notice of what a run led to, and the mail that tells of it: once for all runs until one succeeds."""
    now = run.ended_at or run.scheduled_time
    entry = {
        "kind": name,
        "at": now.isoformat(timespec="milliseconds"),
        "run_id": run.run_id,
        "schedule_uid": run.schedule_uid,
        "message": message,
    }
    notice = stores.activity.notice_write(run.dataset_uid, entry, now)
    writes = [notice, *mails_of(stores, run, _MAILS[name], message, now)]
    stores.runs.note(run.dataset_uid, name, message, writes, deadline)


def _following(run: Run, now: datetime) -> datetime | None:
    """When the schedule of a run falls due next."""
    if run.schedule_uid is None:
        return None
    try:
        item = ScheduleItem.get(dataset_pk(run.dataset_uid), SCHEDULE + run.schedule_uid, consistent_read=True)
    except DoesNotExist:
        return None
    return next_runs(stored_plan(item).timetable, now, 1)[0].utc
