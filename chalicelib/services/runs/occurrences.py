"""What is done when a schedule falls due, or somebody asks for a run: each run gets exactly one outcome.

A run is registered once, whoever delivers it how often. To attempt it is to hold it, and its dataset, until a moment
after which its worker is dead; then another attempt takes over, and after the last one the tick closes it as failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import RunSkipped, TemporarilyUnavailable
from chalicelib.domain.run import SourceOutcome
from chalicelib.domain.run_state import (
    ANOTHER_RUN,
    ASKED_TO_WAIT,
    FAILED,
    MAX_ATTEMPTS,
    NOT_BEGUN,
    NOT_OFFERED,
    PAUSED,
    RUNNING,
    SKIPPED,
    UNFINISHED,
    Run,
    asked_delay,
    occurrence_id,
    with_outcome,
)
from chalicelib.domain.upcoming import runs_at
from chalicelib.services.runs.results import conclude
from chalicelib.services.schedules.plan import stored_plan
from chalicelib.store.catalog.drafts import ScheduleItem
from chalicelib.store.catalog.keys import RUN, SCHEDULE, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import BUSY, KIND, TAKEN
from chalicelib.store.stores import Stores

Clock = Callable[[], datetime]
GIVEN_UP_AFTER = 3600  # seconds that a run has been due, and nobody has begun it
_CLOSING = 15.0  # seconds that are left to say what a run came to when its time is up
_SAID = {
    NOT_OFFERED: "This deployment does not offer scheduling any more: ask the people who run it.",
    PAUSED: "The schedules of this dataset are paused: change one of them, or run it now, once its source is mended.",
    UNFINISHED: "It did not finish: its worker was stopped, or failed. It is tried again when its schedule falls due.",
    NOT_BEGUN: "It was due for an hour and could not be begun: the function that refreshes could not be called, or did "
    "not get to it. It is tried again when its schedule falls due; when that goes on, tell the people who run this "
    "deployment.",
}
_WAIT = (
    "Its server has asked to be left alone until {until}: the schedules go on after it. Run the dataset now to ask it "
    "earlier."
)


class Refresh(Protocol):
    """What a run does: refreshes the remote resources of a dataset. Raises RunSkipped when there is nothing to do."""

    def __call__(
        self,
        stores: Stores,
        dataset_uid: str,
        run_id: str,
        clock: Clock,
        deadline: Deadline,
        *,
        is_aborting: Callable[[], bool],
    ) -> Sequence[SourceOutcome]:
        """The outcome for each of them."""


def register_occurrence(
    stores: Stores, dataset_uid: str, schedule_uid: str, scheduled_time: datetime, deadline: Deadline, *, now: datetime
) -> str | None:
    """Register the run of a schedule that was due at this time, once for all who deliver it; its id. None when the
    schedule is gone, or is not due then as it is now."""
    try:
        item = ScheduleItem.get(dataset_pk(dataset_uid), SCHEDULE + schedule_uid, consistent_read=True)
    except DoesNotExist:
        return None
    scheduled_time = scheduled_time.replace(second=0, microsecond=0)
    if not runs_at(stored_plan(item).timetable, scheduled_time):
        return None
    run_id = occurrence_id(schedule_uid, scheduled_time)
    run = Run(run_id=run_id, dataset_uid=dataset_uid, schedule_uid=schedule_uid, scheduled_time=scheduled_time)
    stores.runs.register(run, now, deadline)
    return run_id


def attempt(
    stores: Stores, dataset_uid: str, run_id: str, refresh: Refresh, *, clock: Clock, deadline: Deadline, offered: bool
) -> Run | None:
    """Attempt a run; as it is afterwards: over, or waiting for another attempt. None when it is over, somebody else is
    at it, or its time has not come."""
    now = clock()
    run = stores.runs.find(dataset_uid, run_id, deadline)
    if run is None or not run.may_begin(now):
        return None
    if run.attempts >= MAX_ATTEMPTS:
        return _close_as_failed(stores, run, UNFINISHED, now, deadline)
    if over := _over_at_once(stores, run, now, deadline, offered=offered):
        return conclude(stores, over, run, now, deadline, holds=False)
    result, begun = stores.runs.begin(run, now, deadline)
    if result == TAKEN:
        return None
    if result == BUSY:
        return conclude(stores, _put_aside(run, ANOTHER_RUN, _busy(stores, run)), run, now, deadline, holds=False)
    return _perform(stores, begun, refresh, clock, deadline)


def call(stores: Stores, dataset_uid: str, run_id: str) -> Exception | None:
    """Have a run attempted, soon; why not, when the function cannot be called. A call that is lost is made again by the
    tick."""
    try:
        stores.refresh_function.call({"dataset_uid": dataset_uid, "run_id": run_id})
    except (ClientError, BotoCoreError) as failure:
        refusal: Exception = failure
        return refusal
    return None


@dataclass(kw_only=True)
class TakenUp:
    """What taking up runs came to: how many were called for or closed, and why the function cannot be called."""

    runs: int = 0
    failure: Exception | None = None


def take_up_runs(stores: Stores, now: datetime, deadline: Deadline) -> TakenUp:
    """Have those runs attempted whose next attempt is due, whose worker died, or whose call was lost, and close those
    that died too often, or that nobody could begin. A function that cannot be called is called once: that may take
    long, and fails for all runs alike."""
    taken_up = TakenUp()
    try:
        for pk, sk, due_at in stores.due.entries(KIND, int(now.timestamp()), deadline):
            run = stores.runs.find(pk.removeprefix(dataset_pk("")), sk.removeprefix(RUN), deadline)
            if run is not None and run.may_begin(now):
                _take_up(stores, run, due_at, taken_up, now=now, deadline=deadline)
    except TemporarilyUnavailable:
        if taken_up.failure is None:  # else that is what took the time, and what is to be told
            raise
    return taken_up


def _take_up(stores: Stores, run: Run, due_at: int, taken_up: TakenUp, *, now: datetime, deadline: Deadline) -> None:
    """Call for a run that has been due since a moment (epoch seconds), or close it."""
    if run.state == RUNNING and run.attempts >= MAX_ATTEMPTS:
        _close_as_failed(stores, run, UNFINISHED, now, deadline)
    elif now.timestamp() - due_at > GIVEN_UP_AFTER:
        _close_as_failed(stores, run, NOT_BEGUN, now, deadline)
    else:
        taken_up.failure = taken_up.failure or call(stores, run.dataset_uid, run.run_id)
        if taken_up.failure is not None:
            return
    taken_up.runs += 1


def _perform(stores: Stores, begun: Run, refresh: Refresh, clock: Clock, deadline: Deadline) -> Run | None:
    """Refresh, and say what it came to."""

    def is_aborting() -> bool:
        present = stores.runs.find(begun.dataset_uid, begun.run_id, deadline)
        return present is None or present.is_aborting or present.attempts != begun.attempts

    closing = deadline.apart(deadline.remaining() + _CLOSING)
    try:
        sources = refresh(stores, begun.dataset_uid, begun.run_id, clock, deadline, is_aborting=is_aborting)
        run = with_outcome(begun, sources)
        if wait := asked_delay(run):
            stores.runs.leave_alone(run.dataset_uid, clock() + wait, closing)
    except RunSkipped as skipped:
        run = _skipped(begun, skipped.reason, skipped.message)
    except TemporarilyUnavailable as busy:
        run = replace(begun, state=FAILED, code=busy.code, message=_SAID[UNFINISHED])
    except Exception:
        run = replace(begun, state=FAILED, code=UNFINISHED, message=_SAID[UNFINISHED])
        conclude(stores, run, begun, clock(), closing)
        raise
    return conclude(stores, run, begun, clock(), closing)


def _over_at_once(stores: Stores, run: Run, now: datetime, deadline: Deadline, *, offered: bool) -> Run | None:
    """The run as one that is not to be attempted, when there is a reason. What somebody has asked for is made even if
    its schedules are not to run."""
    if not offered:
        return _put_aside(run, NOT_OFFERED)
    if run.schedule_uid is None:
        return None
    refreshing = stores.runs.refreshing(run.dataset_uid, deadline)
    if refreshing.paused_because is not None:
        return _put_aside(run, PAUSED)
    if now.timestamp() < refreshing.left_alone_until:
        until = datetime.fromtimestamp(refreshing.left_alone_until, UTC)
        return _put_aside(run, ASKED_TO_WAIT, _WAIT.format(until=f"{until:%Y-%m-%d %H:%M:%S} UTC"))
    return None


def _busy(stores: Stores, run: Run) -> str:
    holder = stores.runs.refreshing(run.dataset_uid, Deadline(_CLOSING)).run_id
    return f"Another run of this dataset was under way: {holder or 'it has ended since'}."


def _close_as_failed(stores: Stores, run: Run, code: str, now: datetime, deadline: Deadline) -> Run | None:
    failed = replace(run, state=FAILED, code=code, message=_SAID[code])
    return conclude(stores, failed, run, now, deadline, holds=False)


def _put_aside(run: Run, code: str, message: str | None = None) -> Run:
    """The run as skipped for a reason. One that was attempted before has come to what that came to: it has failed."""
    if run.attempts:
        return replace(run, state=FAILED, code=run.code or UNFINISHED, message=run.message or _SAID[UNFINISHED])
    return _skipped(run, code, message)


def _skipped(run: Run, code: str, message: str | None = None) -> Run:
    return replace(run, state=SKIPPED, code=code, message=message or _SAID[code])
