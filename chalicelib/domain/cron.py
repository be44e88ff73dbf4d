"""Unix cron expressions of five fields: which are accepted, and on which days and minutes they run.

A day of month and a day of week that are both given mean either of them; `*` and `*/1` give none, `*/2` does.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby

MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS = range(60), range(24), range(1, 32), range(1, 13), range(7)
_VALUE = r"(?:[0-9]{1,4}|[A-Z]{3})"
_PART = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/[0-9]{{1,4}})?"
_FIELD = re.compile(rf"{_PART}(?:,{_PART})*", re.IGNORECASE)
_EXAMPLE = '"0 2 * * *" (every day at 02:00)'
_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day-of-month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day-of-week", "0 to 7 (0 and 7 are Sunday) or SUN to SAT"),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class NoCron(ValueError):  # noqa: N818 - it says what the text is
    """The text is no cron expression; the message says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A cron expression: its text, and the values of each field in order. Sunday is 0. `days` and `weekdays` are None
    when they are not given."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...] | None
    months: tuple[int, ...]
    weekdays: tuple[int, ...] | None

    @cached_property
    def times(self) -> tuple[int, ...]:
        """The minutes of the day (0 to 1439) at which it runs."""
        return tuple(hour * 60 + minute for hour in self.hours for minute in self.minutes)

    @property
    def runs_every_day(self) -> bool:
        """Whether no day of the year is left out."""
        return self.days is None and self.weekdays is None and len(self.months) == len(MONTHS)

    @property
    def has_its_days(self) -> bool:
        """Whether one of its months is long enough for one of its days of month."""
        return self.days is None or self.days[0] <= max(_LONGEST[month - 1] for month in self.months)

    def runs_on(self, day: date) -> bool:
        """Whether it runs on this day."""
        if day.month not in self.months:
            return False
        if self.days is None and self.weekdays is None:
            return True
        return day.day in (self.days or ()) or day.isoweekday() % 7 in (self.weekdays or ())


def parse_cron(expression: str) -> Cron:
    """The expression, parsed: minute, hour, day of month, month, day of week. NoCron when it is none, or never runs."""
    fields = expression.split()
    if len(fields) != len(_FIELDS) or not all(_FIELD.fullmatch(field) for field in fields):
        raise NoCron(f"expected five fields of digits, names, * , - and /, such as {_EXAMPLE}")
    minutes, hours, days, months, weekdays = (_values(place, field) for place, field in enumerate(fields))
    chosen_days, chosen_weekdays = _chosen_days(fields[2], days, fields[4], {weekday % 7 for weekday in weekdays})
    cron = Cron(
        text=" ".join(fields),
        minutes=_ordered(minutes),
        hours=_ordered(hours),
        days=chosen_days,
        months=_ordered(months),
        weekdays=chosen_weekdays,
    )
    if cron.weekdays is None and not cron.has_its_days:
        raise NoCron(f"it never runs, its months have no such day of month: use a date that exists, such as {_EXAMPLE}")
    return cron


def spacing(values: Sequence[int], field: range) -> int | None:
    """The distance between the ordered values of a field when they are evenly spread around it, else None."""
    distance, left = divmod(len(field), len(values))
    return None if left or tuple(values) != tuple(range(values[0], field.stop, distance)) else distance


def compressed(values: Sequence[int], field: range) -> str:
    """The ordered values of a field as cron text: `*`, `5/15` (from 5 on every 15th), or a list of values and ranges.

    Unix and Scheduler read it alike.
    """
    if len(values) == len(field):
        return "*"
    step = values[1] - values[0] if len(values) > 2 else 0
    if step > 1 and tuple(values) == tuple(range(values[0], field.stop, step)):
        return f"{values[0]}/{step}"
    return listed(values)


def listed(values: Sequence[int], label: Callable[[int], str] = str) -> str:
    """Ordered values as a list of values and, of three in a row or more, ranges."""
    # Values in a row have the same distance to their place in the list.
    rows = [[value for _, value in row] for _, row in groupby(enumerate(values), lambda pair: pair[1] - pair[0])]
    return ",".join(
        f"{label(row[0])}-{label(row[-1])}" if len(row) > 2 else ",".join(label(value) for value in row) for row in rows
    )


def _values(place: int, text: str) -> set[int]:
    from cronsim.cronsim import CronSimError  # noqa: PLC0415 - only who sets up a schedule pays for it

    try:
        return set().union(*(_part(place, part) for part in text.upper().split(",")))
    except CronSimError:
        name, values = _FIELDS[place]
        raise NoCron(
            f'bad {name} "{text[:40]}": use {values}, with ranges from low to high, such as {_EXAMPLE}'
        ) from None


def _part(place: int, text: str) -> set[int]:
    from cronsim.cronsim import Field  # noqa: PLC0415 - only who sets up a schedule pays for it

    chosen, _, step = text.partition("/")
    values = Field(place + 1).parse(text)
    if step and "-" in chosen and len(first := Field(place + 1).parse(chosen)) == 1:
        values = first  # the library takes 5-5/2 for 5/2, which goes on to the end of the field
    return {value for value in values if isinstance(value, int)}


def _chosen_days(
    day_text: str, days: set[int], weekday_text: str, weekdays: set[int]
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """The days and weekdays that are given, None for what leaves the choice to the other or chooses all."""
    gives_days, gives_weekdays = not _is_open(day_text), not _is_open(weekday_text)
    if (gives_days and len(days) == len(DAYS)) or (gives_weekdays and len(weekdays) == len(WEEKDAYS)):
        return None, None
    return _ordered(days) if gives_days else None, _ordered(weekdays) if gives_weekdays else None


def _is_open(field: str) -> bool:
    return any(re.fullmatch(r"\*(?:/0*1)?", part) for part in field.split(","))


def _ordered(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(values))
