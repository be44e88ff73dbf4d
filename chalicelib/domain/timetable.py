"""Timetables: on which days and at which times something runs, and how close two runs can come.

A timetable runs by the clocks of Paris, as EventBridge Scheduler does: a time that the clocks skip is skipped, one that
they show twice is taken once. Those that run every so many minutes of every hour go by elapsed time instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from chalicelib.domain.cron import HOURS, MINUTES, Cron, parse_cron, spacing
from chalicelib.domain.paris_time import clock_change, instant_of, wall_time

_DAY = len(MINUTES) * len(HOURS)
_FIRST_DAY = date(2026, 1, 1)
# Weekdays, leap years and changes of the clocks meet in every way within 28 years; five more hold the next leap day.
_CALENDAR = 33 * 366


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """Runs whenever one of the crons says so; with `starting` only from that day on, on every `every_days`-th day."""

    crons: tuple[Cron, ...]
    every_days: int = 1
    starting: date | None = None

    def times_on(self, day: date) -> tuple[int, ...]:
        """The minutes of the day (0 to 1439), in order, that are due by the clocks."""
        if self.starting and (day < self.starting or (day - self.starting).days % self.every_days):
            return ()
        due = [cron.times for cron in self.crons if cron.runs_on(day)]
        return due[0] if len(due) == 1 else tuple(sorted(set().union(*due)))

    @property
    def interval(self) -> int | None:
        """The minutes between runs that are equally far apart, an hour at most, day and night; else None."""
        if len(self.crons) > 1 or self.starting:
            return None
        (cron,) = self.crons
        return spacing(cron.minutes, MINUTES) if cron.runs_every_day and len(cron.hours) == len(HOURS) else None

    @property
    def phase(self) -> int:
        """The first minute of the hour at which it runs."""
        return min(cron.minutes[0] for cron in self.crons)


def cron_timetable(expression: str) -> Timetable:
    """The timetable of one cron expression; NoCron when it is none."""
    return Timetable(crons=(parse_cron(expression),))


def shortest_interval(timetable: Timetable) -> int:
    """The least number of minutes that ever pass between two runs, by elapsed time: at the change of the clocks in
    spring an hour less than the clocks show."""
    if timetable.interval:
        return timetable.interval
    least, last = _CALENDAR * _DAY, None
    for midnight, due in _due_by_day(timetable):
        least = min(least, _least_between(due), least if last is None else midnight + due[0] - last)
        last = midnight + due[-1]
    return least


def _due_by_day(timetable: Timetable) -> Iterator[tuple[int, tuple[int, ...]]]:
    """For each day with runs: minutes from the start of the calendar to its midnight, and from there to each run."""
    day, midnight = max(_FIRST_DAY, timetable.starting or _FIRST_DAY), 0
    for _ in range(_CALENDAR):
        due, change = timetable.times_on(day), clock_change(day)
        if change:
            due = _elapsed(day, due)
        if due:
            yield midnight, due
        midnight += _DAY - change
        day += timedelta(days=1)


def _elapsed(day: date, times: Sequence[int]) -> tuple[int, ...]:
    """The minutes that have passed since midnight at each of these times, without those that the clocks skip."""
    midnight = instant_of(wall_time(day, 0))
    instants = [instant for instant in (instant_of(wall_time(day, time)) for time in times) if instant]
    return tuple(int((instant - midnight).total_seconds()) // 60 for instant in instants if midnight)


@lru_cache(maxsize=16)
def _least_between(due: tuple[int, ...]) -> int:
    return min((after - before for before, after in pairwise(due)), default=_CALENDAR * _DAY)
