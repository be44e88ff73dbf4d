"""What crons mean, minute by minute, written apart from the code under test: sets of matching minutes, and zoneinfo."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from chalicelib.domain.scheduler_expression import SchedulerExpression

PARIS = ZoneInfo("Europe/Paris")
MINUTE = dt.timedelta(minutes=1)
DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def change_days(first: int = 2026, last: int = 2037) -> list[dt.date]:
    """The last Sundays of March and October."""
    ends = (dt.date(year, month, 31) for year in range(first, last + 1) for month in (3, 10))
    return [end - dt.timedelta(days=end.isoweekday() % 7) for end in ends]


@cache
def minutes_of(day: dt.date) -> list[dt.datetime]:
    """Every minute that passes on a day in Paris, with its fold; to be compared in UTC, where all differ."""
    now = dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)
    minutes = []
    while (wall := now.astimezone(PARIS)).date() == day:
        minutes.append(wall)
        now += MINUTE
    return minutes


def ordinary_times(day: dt.date) -> list[dt.datetime]:
    """The 1,440 times of a day without a zone, whether they exist or not."""
    return [dt.datetime.combine(day, dt.time()) + MINUTE * number for number in range(1440)]


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """The values of each field; days and weekdays (0 is Sunday) None when the cron leaves them open."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    def matches_day(self, day: dt.date) -> bool:
        on_day = self.days is not None and day.day in self.days
        on_weekday = self.weekdays is not None and (day.weekday() + 1) % 7 in self.weekdays
        return day.month in self.months and (on_day or on_weekday or (self.days is None and self.weekdays is None))

    def matches(self, wall: dt.datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.matches_day(wall)


def unix(text: str) -> Matcher:
    """A unix cron; a day of month or of week that is not a star alone restricts."""
    minutes, hours, days, months, weekdays = (
        _unix_field(field, *bounds) for field, bounds in zip(text.upper().split(), BOUNDS, strict=True)
    )
    _, _, day_text, _, weekday_text = text.split()
    stars = ("*", "*/1")
    return Matcher(
        minutes=minutes,
        hours=hours,
        days=None if day_text in stars else days,
        months=months,
        weekdays=None if weekday_text in stars else frozenset(day % 7 for day in weekdays),
    )


def runs_evenly(text: str) -> bool:
    """Whether a cron runs every so many minutes of every hour."""
    cron = unix(text)
    times = [wall for wall in ordinary_times(dt.date(2027, 6, 1)) if cron.matches(wall)]
    every_day = all(cron.matches_day(dt.date(2028, 1, 1) + dt.timedelta(days=n)) for n in range(366))
    gaps = {(after - before) // MINUTE for before, after in pairwise(times)}
    return every_day and len(gaps) == 1 and 60 % min(gaps) == 0 and len(times) == 1440 // min(gaps)


def due_on(text: str, day: dt.date) -> list[dt.datetime]:
    """When a unix cron is to run on a day: of a time that comes twice the first, unless it runs evenly."""
    cron, evenly = unix(text), runs_evenly(text)
    return [wall for wall in minutes_of(day) if cron.matches(wall) and (evenly or not wall.fold)]


def fired_on(expression: SchedulerExpression, day: dt.date) -> list[dt.datetime]:
    """When EventBridge Scheduler fires an expression, set in Paris time the year before, on a day."""
    rate = re.fullmatch(r"rate\((?:1 (minute|hour)|([1-9][0-9]+|[2-9]) minutes)\)", expression.expression)
    if rate:
        every = {"minute": 1, "hour": 60}.get(rate[1]) or int(rate[2])
        start = expression.start_date(utc("2025-05-05 05:55:31"))
        assert start
        return [wall for wall in minutes_of(day) if (wall - start) // MINUTE % every == 0]
    assert expression.start_date(utc("2025-05-05 05:55:31")) is None
    cron = scheduler_cron(expression.expression)
    return [wall for wall in minutes_of(day) if not wall.fold and cron.matches(wall)]


def scheduler_cron(text: str) -> Matcher:
    """`cron(...)` of Scheduler, in the documented syntax alone; it has at most 256 characters."""
    assert len(text) <= 256
    found = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", text)
    assert found, text
    minutes, hours, days, months, weekdays = found.groups()
    assert [days, weekdays].count("?") == 1, "exactly one of the day fields is open"
    return Matcher(
        minutes=_aws_field(minutes, 0, 59),
        hours=_aws_field(hours, 0, 23),
        days=None if days in ("?", "*") else _aws_field(days, 1, 31),
        months=_aws_field(months, 1, 12),
        weekdays=None if weekdays in ("?", "*") else _aws_weekdays(weekdays),
    )


def _unix_field(text: str, least: int, most: int) -> frozenset[int]:
    names = {name: number for number, name in enumerate(DAY_NAMES if most == 7 else MONTH_NAMES, least)}
    values: set[int] = set()
    for part in text.split(","):
        chosen, _, step = part.partition("/")
        low, _, high = (str(least) + "-" + str(most) if chosen == "*" else chosen).partition("-")
        first = names[low] if low in names else int(low)
        last = (names[high] if high in names else int(high)) if high else most if step else first
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _aws_field(text: str, least: int, most: int) -> frozenset[int]:
    if text == "*":
        return frozenset(range(least, most + 1))
    if stepped := re.fullmatch(r"([0-9]+)/([0-9]+)", text):
        return frozenset(range(int(stepped[1]), most + 1, int(stepped[2])))
    values = frozenset(value for part in text.split(",") for value in _aws_part(part))
    assert values <= set(range(least, most + 1))
    return values


def _aws_part(part: str) -> Iterator[int]:
    assert re.fullmatch(r"[0-9]+(-[0-9]+)?", part), part
    low, _, high = part.partition("-")
    assert not high or int(low) < int(high)
    yield from range(int(low), int(high or low) + 1)


def _aws_weekdays(text: str) -> frozenset[int]:
    numbered = text
    for number, name in enumerate(DAY_NAMES, 1):
        numbered = numbered.replace(name, str(number))
    return frozenset(number - 1 for number in _aws_field(numbered, 1, 7))


@st.composite
def _parts(draw: st.DrawFn, least: int, most: int, names: tuple[str, ...] = ()) -> str:
    low = draw(st.integers(least, most))
    high = draw(st.integers(low, most))
    shown = [names[value - least] if names and value - least < len(names) else str(value) for value in (low, high)]
    step = draw(st.integers(1, most))
    forms = ["*", shown[0], str(low), f"{low}-{high}", f"*/{step}", f"{low}/{step}", f"{low}-{high}/{step}"]
    if names and high - least < len(names):
        forms.append("-".join(shown))
    return draw(st.sampled_from(forms))


def _fields(least: int, most: int, names: tuple[str, ...] = (), longest: int = 4) -> st.SearchStrategy[str]:
    parts = _parts(least, most, names)
    return parts | st.lists(parts.filter(lambda part: "*" not in part), min_size=1, max_size=longest).map(",".join)


def crons(longest: int = 4) -> st.SearchStrategy[str]:
    """Unix crons that run at some time."""
    days = st.just("*") | _fields(1, 31, longest=longest)
    weekdays = st.just("*") | _fields(0, 7, DAY_NAMES, longest=longest)
    months = st.just("*") | _fields(1, 12, MONTH_NAMES, longest=longest)
    fields = st.tuples(_fields(0, 59, longest=longest), _fields(0, 23, longest=longest), days, months, weekdays)
    return fields.map(" ".join).filter(_runs)


def _runs(text: str) -> bool:
    cron = unix(text)
    return any(cron.matches_day(dt.date(2028, 1, 1) + dt.timedelta(days=n)) for n in range(366))
