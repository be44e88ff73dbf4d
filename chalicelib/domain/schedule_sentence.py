"""Timetables in words, as the console shows them: "every Monday at 07:30 and every Wednesday at 14:00, Paris time"."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.cron import DAYS, HOURS, MINUTES, MONTHS, Cron, compressed, listed, spacing
from chalicelib.domain.timetable import Timetable

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FROM_MONDAY_TO_FRIDAY = (1, 2, 3, 4, 5)
_MAX_LISTED = 6  # times, or days of month; more of them do not read well
_SHORTEST_MONTH = 28


def describe(timetable: Timetable) -> str:
    """When the timetable runs, as an English phrase without a full stop."""
    return f"{_when(timetable)}, Paris time"


def _when(timetable: Timetable) -> str:
    if timetable.interval:
        return _regular(timetable.interval, timetable.phase)
    phrase = " and ".join(_cron(cron) for cron in timetable.crons)
    if timetable.starting is None:
        return phrase
    if timetable.every_days > 1:
        phrase = phrase.replace("every day", f"every {timetable.every_days} days", 1)
    return f"{phrase}, starting on {timetable.starting}"


def _regular(interval: int, phase: int) -> str:
    between = {1: "every minute", 60: "every hour"}.get(interval, f"every {interval} minutes")
    if not phase and interval < len(MINUTES):
        return between
    minutes = [str(minute) for minute in range(phase, len(MINUTES), interval)]
    return f"{between} at minute {_and(minutes)}"


def _cron(cron: Cron) -> str:
    if len(cron.days or ()) > _MAX_LISTED:
        return _explained(cron)
    if len(cron.times) <= _MAX_LISTED:
        return f"{_days(cron)} at {_and([_clock(time) for time in cron.times])}"
    step = spacing(cron.hours, HOURS)
    if step is None or len(cron.minutes) > 1:
        return _explained(cron)
    every = f"every {step} hours from {_clock(cron.times[0])}" if step > 1 else f"every hour at minute {cron.times[0]}"
    return every if cron.runs_every_day else f"{every}, {_days(cron)}"


def _days(cron: Cron) -> str:
    months = "" if len(cron.months) == len(MONTHS) else _and([_MONTHS[month - 1] for month in cron.months])
    within = f" in {months}" if months else ""
    chosen = []
    if cron.days is not None:
        noun, exist = ("day", "it exists") if len(cron.days) == 1 else ("days", "they exist")
        numbers = _and([str(day) for day in cron.days])
        aside = "" if cron.days[-1] <= _SHORTEST_MONTH or months else f", where {exist},"
        chosen.append(f"on {noun} {numbers}{aside} of {months or 'every month'}")
    if cron.weekdays is not None:
        chosen.append(f"{_weekdays(cron.weekdays)}{within}")
    return " and ".join(chosen) or f"every day{within}"


def _weekdays(weekdays: Sequence[int]) -> str:
    if weekdays == _FROM_MONDAY_TO_FRIDAY:
        return "every Monday to Friday"
    return f"every {_and([_WEEKDAYS[weekday] for weekday in weekdays])}"


def _explained(cron: Cron) -> str:
    """The words of the cron library, for what has many times."""
    from cronsim import CronSim  # noqa: PLC0415 - only who sets up a schedule pays for it

    fields = (
        compressed(cron.minutes, MINUTES),
        compressed(cron.hours, HOURS),
        "*" if cron.days is None else compressed(cron.days, DAYS),
        compressed(cron.months, MONTHS),
        "*" if cron.weekdays is None else listed(cron.weekdays),
    )
    words = CronSim(" ".join(fields), datetime(2027, 1, 1)).explain()
    return words[0].lower() + words[1:]


def _clock(time: int) -> str:
    return f"{time // 60:02}:{time % 60:02}"


def _and(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
