"""Recurrences: how publishers say when a dataset is refreshed, without cron. Times are Europe/Paris.

    {"every": 15, "unit": "minutes"}                   a number of minutes that divides the hour
    {"every": 6, "unit": "hours", "minute": 30}        a number of hours that divides the day: 00:30, 06:30, ...
    {"every": 3, "unit": "days", "at": "02:00", "starting": "2027-01-04"}       every third day from that one on
    {"weekdays": [{"day": "monday", "at": "07:30"}, {"day": "wednesday", "at": "14:00"}]}
    {"month_days": [{"day": 15, "at": "02:00"}]}       months that lack the day are passed over

All but days that are more than one apart are exactly one or more unix crons.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from chalicelib.domain import shape
from chalicelib.domain.cron import parse_cron
from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.paris_time import paris
from chalicelib.domain.shape import Json, Key, checked, described, schema_of
from chalicelib.domain.timetable import Timetable

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MAX_ENTRIES = 20
_MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_HOURS = (1, 2, 3, 4, 6, 8, 12)
_DATES = (date(2000, 1, 1), date(2099, 12, 31))
_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

Recurrence = dict[str, Any]


def checked_recurrence(body: Mapping[str, Any], now: datetime) -> Recurrence:
    """The recurrence when it fits, complete: days that are more than one apart are counted from `starting`, the day of
    the first run. ValidationFailed says what to mend."""
    form = _FORMS.get(_form_of(body))
    if form is None:
        raise ValidationFailed({"unit": [f"expected one of {', '.join(_UNITS)}; or give weekdays, or month_days"]})
    recurrence = checked(body, form.keys)
    if recurrence.get("unit") == "days" and recurrence["every"] > 1:
        recurrence.setdefault("starting", _first_day(recurrence["at"], now).isoformat())
    return recurrence


def timetable_of(recurrence: Recurrence) -> Timetable:
    """The timetable of a recurrence that was checked."""
    texts = _FORMS[_form_of(recurrence)].crons(recurrence)
    starting = recurrence.get("starting")
    return Timetable(
        crons=tuple(parse_cron(text) for text in texts),
        every_days=recurrence["every"] if starting else 1,
        starting=date.fromisoformat(starting) if starting else None,
    )


def recurrence_schemas() -> list[Json]:
    """The JSON Schema of each form."""
    return [schema_of(form.keys) for form in _FORMS.values()]


def _form_of(body: Mapping[str, Any]) -> Any:
    named = next((name for name in ("weekdays", "month_days") if name in body), None)
    unit = body.get("unit")
    return named or (unit if isinstance(unit, str) else None)


def _first_day(at: str, now: datetime) -> date:
    """The next day on which the clocks will show this time."""
    today = now.astimezone(paris())
    return today.date() if f"{today:%H:%M}" < at else today.date() + timedelta(days=1)


def _daily(recurrence: Recurrence) -> list[str]:
    return [f"{_clock(recurrence['at'])} * * *"]


def _on_weekdays(recurrence: Recurrence) -> list[str]:
    days = _by_time((entry["at"], WEEKDAYS.index(entry["day"])) for entry in recurrence["weekdays"])
    return [f"{_clock(at)} * * {chosen}" for at, chosen in days]


def _on_month_days(recurrence: Recurrence) -> list[str]:
    days = _by_time((entry["at"], entry["day"]) for entry in recurrence["month_days"])
    return [f"{_clock(at)} {chosen} * *" for at, chosen in days]


def _by_time(entries: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    """The times, each with its days as the list of a cron field."""
    groups = groupby(sorted(set(entries)), key=itemgetter(0))
    return [(at, ",".join(str(day) for _, day in group)) for at, group in groups]


def _step(every: int) -> str:
    return "*" if every == 1 else f"*/{every}"


def _clock(at: str) -> str:
    """Minute and hour as fields of a cron."""
    hour, minute = at.split(":")
    return f"{int(minute)} {int(hour)}"


@described({"type": "string", "pattern": _TIME})
def _time(value: Any) -> str | None:
    is_time = isinstance(value, str) and re.fullmatch(_TIME, value)
    return None if is_time else "expected a time of day from 00:00 to 23:59, such as 07:30"


@described({"type": "string", "format": "date"})
def _date(value: Any) -> str | None:
    problem = f"expected a date from {_DATES[0]} to {_DATES[1]}, such as 2027-01-04"
    if not isinstance(value, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return problem
    try:
        return None if _DATES[0] <= date.fromisoformat(value) <= _DATES[1] else problem
    except ValueError:
        return problem


def _entries(day: shape.Check) -> Key:
    """A list of days, each with its time."""
    keys = {"day": Key(problem=day, required=True), "at": Key(problem=_time, required=True)}

    def problem(value: Any) -> str | None:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_ENTRIES:
            return f'expected a list of 1 to {MAX_ENTRIES} days, each {{"day": ..., "at": "07:30"}}'
        for number, entry in enumerate(value, 1):
            try:
                checked(entry, keys)
            except ValidationFailed as failed:
                return f"entry {number}: {failed.message}"
        return None

    schema = {"type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": schema_of(keys)}
    return Key(problem=shape.Check(problem=problem, schema=schema), required=True)


@dataclass(frozen=True, kw_only=True)
class _Form:
    keys: Mapping[str, Key]
    crons: Callable[[Recurrence], list[str]]


def _every(unit: str, problem: shape.Check, crons: Callable[[Recurrence], list[str]], **more: Key) -> _Form:
    keys = {"every": Key(problem=problem, required=True), "unit": Key(problem=shape.one_of(unit), required=True)}
    return _Form(keys={**keys, **more}, crons=crons)


_FORMS: Mapping[Any, _Form] = {
    "minutes": _every("minutes", shape.one_of(*_MINUTES), lambda given: [f"{_step(given['every'])} * * * *"]),
    "hours": _every(
        "hours",
        shape.one_of(*_HOURS),
        lambda given: [f"{given.get('minute', 0)} {_step(given['every'])} * * *"],
        minute=Key(problem=shape.whole(0, 59)),
    ),
    "days": _every(
        "days",
        shape.whole(1, 366),
        _daily,
        at=Key(problem=_time, required=True),
        starting=Key(problem=_date),
    ),
    "weekdays": _Form(keys={"weekdays": _entries(shape.one_of(*WEEKDAYS))}, crons=_on_weekdays),
    "month_days": _Form(keys={"month_days": _entries(shape.whole(1, 31))}, crons=_on_month_days),
}
_UNITS = ("minutes", "hours", "days")
