"""Forms of dates: strptime's directives, read the same on every machine.

The standard library's strptime names months in the language of its process and keeps the five last forms compiled; a
list of forms would be compiled again for each record. Here a form is compiled once and its names are English.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_READ = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"1[0-2]|0[1-9]|[1-9]",
    "d": r"3[01]|[12]\d|0[1-9]|[1-9]",
    "j": r"36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
    "H": r"2[0-3]|[01]\d|\d",
    "I": r"1[0-2]|0[1-9]|[1-9]",
    "M": r"[0-5]\d|\d",
    "S": r"[0-5]\d|\d",
    "f": r"\d{1,6}",
    "p": "am|pm",
    "z": r"z|[+-]\d\d:?[0-5]\d",
    "B": "|".join(MONTHS),
    "b": "|".join(month[:3] for month in MONTHS),
    "A": "|".join(_DAYS),
    "a": "|".join(day[:3] for day in _DAYS),
}
_TIMES = frozenset("HIMSfpz")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


class FormError(ValueError):
    """A form that could never be read; the message says why."""


def has_time(form: str) -> bool:
    """Whether the form says more than a day."""
    return not _TIMES.isdisjoint(_DIRECTIVE.findall(form))


def compile_form(form: str) -> Callable[[str], datetime | None]:
    """The reader of texts of that form: a datetime, naive when the form has no %z, or None for any other text.

    Raises FormError. As each directive stands in a form once, reading a short text takes a bounded number of steps.
    """
    names = [name for name in _DIRECTIVE.findall(form) if name != "%"]
    _check(names)
    pieces = []
    end = 0
    for directive in _DIRECTIVE.finditer(form):
        name = directive[1]
        pieces += [_literal(form[end : directive.start()]), "%" if name == "%" else f"(?P<{name}>{_READ[name]})"]
        end = directive.end()
    expression = re.compile("".join([*pieces, _literal(form[end:])]), re.ASCII | re.IGNORECASE)

    def read(text: str) -> datetime | None:
        found = expression.fullmatch(text)
        try:
            return _moment({name: part.lower() for name, part in found.groupdict().items()}) if found else None
        except (ValueError, OverflowError):
            return None

    return read


def _check(names: list[str]) -> None:
    unknown = [name for name in names if name not in _READ]
    if unknown:
        known = " ".join(f"%{name}" for name in _READ)
        raise FormError(f"%{unknown[0]} is no directive here; use {known}")
    given = set(names)
    if len(given) < len(names):
        raise FormError("a directive stands twice")
    if not given & {"Y", "y"} or not ("j" in given or ("d" in given and given & {"m", "b", "B"})):
        raise FormError("it needs a year (%Y or %y), a month (%m, %b or %B) and a day (%d), or a year and %j")
    if ("p" in given) != ("I" in given):
        raise FormError("%I, the hour of 12, and %p go together; the hour of 24 is %H")


def _literal(text: str) -> str:
    """Blanks stand for any number of blanks, all else for itself."""
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


def _moment(parts: dict[str, str]) -> datetime:
    day = _day(parts)
    hour = int(parts.get("H", 0))
    if "I" in parts:
        hour = int(parts["I"]) % 12 + (12 if parts["p"] == "pm" else 0)
    return datetime(
        day.year,
        day.month,
        day.day,
        hour,
        int(parts.get("M", 0)),
        int(parts.get("S", 0)),
        int(parts.get("f", "0").ljust(6, "0")),
        tzinfo=_offset(parts.get("z")),
    )


def _day(parts: dict[str, str]) -> date:
    year = int(parts["Y"]) if "Y" in parts else int(parts["y"]) + (1900 if int(parts["y"]) >= 69 else 2000)
    if "j" in parts:
        day = date(year, 1, 1) + timedelta(days=int(parts["j"]) - 1)
        if day.year != year:
            raise ValueError("that year has no 366th day")
        return day
    if "m" in parts:
        return date(year, int(parts["m"]), int(parts["d"]))
    name = parts.get("B") or parts["b"]
    month = next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name))
    return date(year, month, int(parts["d"]))


def _offset(text: str | None) -> timezone | None:
    if text is None or text == "z":
        return None if text is None else UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
