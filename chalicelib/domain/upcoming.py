"""The runs of a timetable that come next, as EventBridge Scheduler will make them, and what the clocks do to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count as count_up
from itertools import groupby

from chalicelib.domain.paris_time import clock_change, instant_of, paris, wall_time
from chalicelib.domain.timetable import Timetable

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: the same instant on the clocks of Paris and in UTC, and what is to be said of it."""

    paris: datetime
    utc: datetime
    note: str | None


def next_runs(timetable: Timetable, after: datetime, count: int = 10) -> list[Run]:
    """The first `count` runs later than `after`. Notes tell of days when the clocks change, and of runs that are
    skipped before a run."""
    runs: list[Run] = []
    skipped: list[datetime] = []
    for wall, instant in _due(timetable, after):
        if instant is None:
            skipped.append(wall)
            continue
        at = instant.astimezone(paris())
        runs.append(Run(paris=at, utc=instant, note=_note(at, skipped, by_clocks=timetable.interval is None)))
        skipped = []
        if len(runs) == count:
            break
    return runs


def skipped_runs(timetable: Timetable, after: datetime, until: datetime) -> list[datetime]:
    """The wall times, without a zone, between the two instants at which a run is due that the clocks skip."""
    if timetable.interval:
        return []
    first, last = (instant.astimezone(paris()).replace(tzinfo=None) for instant in (after, until))
    days = (first.date() + _DAY * number for number in range((last.date() - first.date()).days + 1))
    walls = (wall for day in days if clock_change(day) > 0 for wall in _walls(timetable, day))
    return [wall for wall in walls if first < wall <= last and instant_of(wall) is None]


def runs_at(timetable: Timetable, instant: datetime) -> bool:
    """Whether one of the runs is due at this instant, to the minute. Who is called by Scheduler asks this first: that
    cannot count every so many days, and may still go by an older timetable. Of a time that the clocks show twice both
    are due, since which of them Scheduler takes is its choice."""
    if timetable.interval:
        return (instant.minute - timetable.phase) % timetable.interval == 0
    wall = instant.astimezone(paris())
    return wall.hour * 60 + wall.minute in timetable.times_on(wall.date())


def _due(timetable: Timetable, after: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """The wall times that are due after an instant, each with its own instant; None for one that the clocks skip."""
    if timetable.interval:
        yield from _regular(timetable.interval, timetable.phase, after)
        return
    start = after.astimezone(paris()).replace(tzinfo=None)
    first = max(start.date(), timetable.starting or start.date())
    for number in count_up():
        for wall in _walls(timetable, first + _DAY * number):
            instant = instant_of(wall)
            if wall > start if instant is None else instant > after:
                yield wall, instant


def _regular(interval: int, phase: int, after: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Runs by elapsed time. The clocks of Paris differ from UTC by whole hours, so minutes of the hour are the same."""
    minute = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    instant = minute + _MINUTE * ((phase - minute.minute) % interval)
    while True:
        yield instant.astimezone(paris()).replace(tzinfo=None), instant
        instant += _MINUTE * interval


def _walls(timetable: Timetable, day: date) -> Sequence[datetime]:
    return [wall_time(day, minute) for minute in timetable.times_on(day)]


def _note(at: datetime, skipped: Sequence[datetime], *, by_clocks: bool) -> str | None:
    said = [_skip(day, list(walls)) for day, walls in groupby(skipped, datetime.date)]
    change = clock_change(at.date())
    if change > 0:
        said.append("The clocks go forward on this day.")
    elif change < 0:
        said.append(f"The clocks go back on this day{_repeated(at, by_clocks=by_clocks)}.")
    return " ".join(said) or None


def _skip(day: date, walls: Sequence[datetime]) -> str:
    times = f"The run of {walls[0]:%H:%M} on {day} is"
    if len(walls) > 1:
        times = f"{len(walls)} runs from {walls[0]:%H:%M} to {walls[-1]:%H:%M} on {day} are"
    return f"{times} skipped: the clocks go forward and never show that time."


def _repeated(at: datetime, *, by_clocks: bool) -> str:
    """What to add for a time that the clocks show twice."""
    if not at.fold and (at.astimezone(UTC) + _HOUR).astimezone(paris()).time() != at.time():
        return ""
    if by_clocks:
        return f": they show {at:%H:%M} twice, and it runs the first time only"
    return f": they show {at:%H:%M} twice, and this is the {'second' if at.fold else 'first'} time"
