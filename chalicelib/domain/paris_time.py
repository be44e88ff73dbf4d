"""The clocks of Paris, by which every schedule runs: one day of the year lacks an hour, one has it twice."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache

TIMEZONE = "Europe/Paris"
_DAY = timedelta(days=1)


@cache
def paris() -> tzinfo:
    """The time zone."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only who sets up a schedule pays for it

    return ZoneInfo(TIMEZONE)


def wall_time(day: date, minute: int) -> datetime:
    """What the clocks show at a minute of the day (0 to 1439), without a zone."""
    return datetime.combine(day, time(*divmod(minute, 60)))


def instant_of(wall: datetime) -> datetime | None:
    """The instant, in UTC, at which the clocks show this: of two the first, None when the clocks skip it."""
    instant = wall.replace(tzinfo=paris(), fold=0).astimezone(UTC)
    return instant if instant.astimezone(paris()).replace(tzinfo=None) == wall else None


def clock_change(day: date) -> int:
    """By how many minutes the clocks go forward on this day: 60 in spring, -60 in autumn, else 0."""
    return _offset(day + _DAY) - _offset(day)


@lru_cache(maxsize=4)  # who goes from day to day asks for each midnight twice
def _offset(day: date) -> int:
    offset = datetime.combine(day, time(), paris()).utcoffset() or timedelta()
    return int(offset.total_seconds()) // 60
