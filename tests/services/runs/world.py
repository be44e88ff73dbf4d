"""A dataset with two schedules whose function may die between any two calls, be called twice, or overtaken.

`World` does what a history says and watches what must always be true: one run of the dataset at a time, no attempt of
a run that is over, and an outcome that never changes.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from chalicelib.domain.errors import RunIsOver, RunSkipped
from chalicelib.domain.run import SourceOutcome
from chalicelib.domain.run_state import Run
from chalicelib.services.runs.runs import abort_run, run_now
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.triggers.schedule import handle
from tests.deployment import NOW, PatientDeadline
from tests.faults import Crash, WriteCounter, counted
from tests.services.runs.place import OFFER, a_place, publish

HOUR = timedelta(hours=1)


def an_outcome(state: str = "unchanged", **more: Any) -> SourceOutcome:
    """What a resource's refresh came to."""
    return SourceOutcome(resource_uid="re_000000", state=state, **more)


OUTCOMES: Mapping[str, Sequence[SourceOutcome]] = {
    "unchanged": [an_outcome()],
    "transient": [an_outcome("failed", code="unreachable", message="No answer.", may_succeed_later=True)],
    "asks_to_wait": [
        an_outcome("failed", code="server_failed", message="HTTP 503.", may_succeed_later=True, retry_after=4500)
    ],
    "permanent": [an_outcome("failed", code="not_found", message="HTTP 404.", http_status=404)],
    "held_back": [an_outcome("held_back", code="too_few", message="Half of it is gone.")],
}


class World:
    """The dataset, its function, and what is known of its runs."""

    def __init__(self, stores: Stores) -> None:
        self.place = a_place(stores)
        publish(self.place)
        self.schedules = [self.place.add("0 * * * *"), self.place.add("0 */2 * * *")]
        self.outcomes: deque[str] = deque()
        self.meanwhile: deque[Callable[[], None]] = deque()  # what happens during the next attempts
        self.wrong: list[str] = []
        self.stands_still = False
        self.attempts: list[str] = []
        self.under_way: str | None = None
        self.ended: dict[str, Run] = {}
        self.accepted: set[str] = set()

    def refresh(self, *given: Any, is_aborting: Callable[[], bool]) -> Sequence[SourceOutcome]:
        """Takes the place of the refresh: does what it is told to, and asks once whether to stop."""
        run_id = given[2]
        if self.under_way is not None:
            self.wrong.append("two runs of a dataset at a time")
        if run_id in self.ended:
            self.wrong.append("a run that is over was attempted")
        self.attempts.append(run_id)
        self.under_way = run_id
        try:
            if self.meanwhile:
                self._at_once(self.meanwhile.popleft())
            if is_aborting():
                return [an_outcome("aborted", message="Aborted.")]
            outcome = self.outcomes.popleft() if self.outcomes else "unchanged"
            if outcome == "skipped":
                raise RunSkipped("no_remote_resource")
            if outcome == "bug":
                raise ZeroDivisionError
            return OUTCOMES[outcome]
        finally:
            self.under_way = None

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Call the function."""
        handle(self.place.stores, event, self.refresh, lambda: self.place.now, PatientDeadline(60))
        self.look()

    def fire(self, number: int = 0, hours: int = 0) -> None:
        """A schedule falls due: at NOW's full hour, or some hours later."""
        due = NOW.replace(minute=0) + HOUR * hours
        self._pass(max(due - self.place.now, timedelta()))
        self.deliver(self.event(number, hours))

    def event(self, number: int, hours: int = 0) -> dict[str, str]:
        """What Scheduler calls the function with."""
        due = NOW.replace(minute=0) + HOUR * hours
        return {
            "dataset_uid": self.place.dataset_uid,
            "schedule_uid": self.schedules[number],
            "scheduled_time": due.isoformat().replace("+00:00", "Z"),
        }

    def ask(self) -> str:
        """Somebody asks for a run."""
        with self.place.calling():
            run = run_now(self.place.stores, self.place.dataset_uid, OFFER, self.place.now, PatientDeadline(5))
        self.accepted.add(run.run_id)
        return run.run_id

    def abort(self) -> None:
        """Stop the newest run that is not over."""
        place = self.place
        for run in place.stores.runs.unfinished(place.dataset_uid, Deadline(5))[:1]:
            with suppress(RunIsOver):
                abort_run(place.stores, place.dataset_uid, run.run_id, place.now, PatientDeadline(5))

    def called(self) -> None:
        """The calls of the function that were asked for come through."""
        calls, self.place.calls[:] = list(self.place.calls), []
        for event in calls:
            self.deliver(event)

    def tick(self, minutes: int = 1) -> None:
        """The tick, some minutes later."""
        self._pass(timedelta(minutes=minutes))
        self.place.tick()
        self.look()

    def outcome(self, name: str) -> None:
        """One of the next attempts ends so."""
        self.outcomes.append(name)

    def during(self, act: Callable[[], None]) -> None:
        """One of the next attempts has something done while it is under way."""
        self.meanwhile.append(act)

    def dying(self, call: int, act: Callable[[], object]) -> None:
        """Do something, and die before a call."""
        with suppress(Crash), counted(self.place.stores, WriteCounter(call), schedules=True):
            act()
        self.under_way = None

    def overtaken(self, call: int, act: Callable[[], object], other: Callable[[], None]) -> None:
        """Do something, and something else before one of its calls."""
        with counted(self.place.stores, WriteCounter(call, lambda: self._at_once(other)), schedules=True):
            act()

    def _at_once(self, act: Callable[[], None]) -> None:
        """Do something while something else is under way: no time passes, or the worker of that would be dead."""
        before, self.stands_still = self.stands_still, True
        try:
            act()
        finally:
            self.stands_still = before

    def _pass(self, time: timedelta) -> None:
        if not self.stands_still:
            self.place.now += time

    def look(self) -> None:
        """Nothing has gone wrong, and what is over stays as it is."""
        assert self.wrong == []
        history = {run.run_id: run for run in self.place.history()}
        for run_id, run in self.ended.items():
            assert history.get(run_id) == run, "an outcome never changes"
        self.ended = history

    def settle(self) -> None:
        """However it was left, every run is over in the end, and the dataset is free."""
        place = self.place
        for _ in range(100):  # a server may have asked to be left alone for long
            self.called()
            is_quiet = place.tick(timedelta(minutes=10)) == 0 and not place.calls
            if is_quiet and not place.stores.runs.unfinished(place.dataset_uid, Deadline(5)):
                break
        else:
            raise AssertionError("something is always due, or never ends")
        self.look()
        assert place.stores.runs.refreshing(place.dataset_uid, Deadline(5)).holder(place.now) is None
        assert self.accepted <= self.ended.keys(), "what was asked for has an outcome"
        assert set(self.attempts) <= self.ended.keys(), "what was begun has an outcome"
