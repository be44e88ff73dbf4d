"""Timetables as expressions of EventBridge Scheduler, which are to be set with the time zone Europe/Paris.

`cron(...)` differs from unix cron: it numbers weekdays from 1 (names are used here), wants `?` in one of the two day
fields and cannot choose by both of them. Evenly spaced runs within the hour become `rate(...)`, because a cron that
fires every few minutes is silent for an hour when the clocks go back. Syntax: Scheduler user guide, "Schedule types".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from chalicelib.domain.cron import DAYS, HOURS, MINUTES, MONTHS, Cron, compressed, listed
from chalicelib.domain.timetable import Timetable

_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, kw_only=True)
class SchedulerExpression:
    """One ScheduleExpression. For a rate: the minutes between runs, and a minute of the hour at which one is due."""

    kind: Literal["cron", "rate"]
    expression: str
    interval: int | None = None
    start_minute: int | None = None

    def start_date(self, now: datetime) -> datetime | None:
        """The StartDate that a rate needs, in UTC: its next matching minute. Scheduler refuses one that is more than
        five minutes past, so it is made anew for every update; a cron needs none."""
        if self.interval is None or self.start_minute is None:
            return None
        minute = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        return minute + timedelta(minutes=(self.start_minute - minute.minute) % self.interval)


def translate(timetable: Timetable) -> tuple[SchedulerExpression, ...]:
    """The expressions that together fire exactly when the timetable's crons run: one or two for each cron. Two may
    fire at the same minute. Whether a day is among every so many is left to `runs_at`."""
    if timetable.interval:
        return (_rate(timetable.interval, timetable.phase),)
    texts = dict.fromkeys(text for cron in timetable.crons for text in _crons(cron))
    return tuple(SchedulerExpression(kind="cron", expression=text) for text in texts)


def _rate(interval: int, phase: int) -> SchedulerExpression:
    minutes = {1: "1 minute", 60: "1 hour"}.get(interval, f"{interval} minutes")
    return SchedulerExpression(kind="rate", expression=f"rate({minutes})", interval=interval, start_minute=phase)


def _crons(cron: Cron) -> Iterator[str]:
    times = f"{compressed(cron.minutes, MINUTES)} {compressed(cron.hours, HOURS)}"
    months = compressed(cron.months, MONTHS)
    if cron.days is not None and cron.has_its_days:
        yield f"cron({times} {compressed(cron.days, DAYS)} {months} ? *)"
    if cron.weekdays is not None:
        yield f"cron({times} ? {months} {listed(cron.weekdays, _WEEKDAYS.__getitem__)} *)"
    if cron.days is None and cron.weekdays is None:
        yield f"cron({times} * {months} ? *)"
