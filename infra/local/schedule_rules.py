"""When a schedule of EventBridge Scheduler falls due: time zones, summer time, and no catching up.

Instants are seconds since the epoch; wall times are naive datetimes of the schedule's own zone. Behaviour from the
Scheduler user guide, "Daylight savings time": a wall time that does not exist is skipped, one that happens twice is
taken once, the first time.
"""

import datetime as dt
import math
import re
import zoneinfo
from collections.abc import Callable

STEPS = 1000
"""How many wall times in a row may be skipped before a schedule counts as never due again."""


def next_cron(next_wall: Callable[[dt.datetime], dt.datetime | None], zone: dt.tzinfo, after: float) -> float | None:
    """The first instant later than `after` at which a cron schedule of `zone` falls due, or None.

    `next_wall` answers the first matching wall time in a later minute than the one given.
    """
    wall = dt.datetime.fromtimestamp(after, zone).replace(tzinfo=None, fold=0)
    for _ in range(STEPS):
        candidate = next_wall(wall)
        if candidate is None:
            return None
        instant = candidate.replace(tzinfo=zone).timestamp()  # fold 0: the first of two
        exists = dt.datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0) == candidate
        if exists and instant > after:
            return instant
        wall = candidate
    return None


def next_rate(seconds: int, start: float, after: float) -> float:
    """The first instant later than `after` among `start`, `start + seconds`, and so on."""
    if after < start:
        return start
    return start + (math.floor((after - start) / seconds) + 1) * seconds


def at_instant(expression: str, zone: dt.tzinfo) -> float | None:
    """The instant that `at(yyyy-mm-ddThh:mm:ss)` names in `zone`, or None when it is no such expression."""
    match = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", expression.strip())
    if match is None:
        return None
    try:
        return dt.datetime.fromisoformat(match.group(1)).replace(tzinfo=zone).timestamp()
    except ValueError:
        return None


def find_zone(name: str | None) -> dt.tzinfo | None:
    """The IANA zone `name` (UTC when there is none), or None when there is no such zone."""
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def filled(target_input: str, *, due: float, arn: str, execution_id: str) -> str:
    """The target's input with Scheduler's context attributes in place (`<aws.scheduler.scheduled-time>` and others)."""
    when = dt.datetime.fromtimestamp(due, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = {"scheduled-time": when, "schedule-arn": arn, "execution-id": execution_id, "attempt-number": "1"}
    for name, value in attributes.items():
        target_input = target_input.replace(f"<aws.scheduler.{name}>", value)
    return target_input
