"""Reads dates in any written form and writes them as ISO 8601.

`format` is one form, or a list of forms tried in order, in the directives of strptime: `%d %m %Y %y %j %b %B %a %A`
for the day, `%H %I %M %S %f %p` for the time, `%z` for an offset from UTC. A blank stands for any number of blanks.
Names of months and days are English, whatever the machine's language. Years of two digits are 1969 to 2068. Forms
without a time give a date (2014-01-27); when one of them has a time the result is a datetime in UTC
(2014-01-27T04:15:00+00:00).

A time without `%z` is local to `timezone` (UTC unless given): in the hour that comes twice in autumn the first one is
meant, in the one that spring leaves out the clock goes on as if it had not. A missing, null or blank field gives null;
a value of none of the forms fails. Numbers are read as JSON writes them: 20140127 is of the form `%Y%m%d`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.processors import Processor, ProcessorFailed
from chalicelib.domain.processors._dates import FormError, compile_form, has_time
from chalicelib.domain.processors._parameters import field_name, parameters, text
from chalicelib.domain.processors._values import is_blank, text_of

LABEL = "Normalize a date"
_MAX_DATE = 100  # characters of a date and of a form: reading one is a regular expression's work
_FORMAT = "The form of the dates, in the directives of strptime, or a list of forms."
PARAMETERS = parameters(
    {
        "field": field_name("The field that holds the date."),
        "format": {
            "type": ["string", "array"],
            "minLength": 1,
            "maxLength": _MAX_DATE,
            "minItems": 1,
            "maxItems": 20,
            "items": {"type": "string", "minLength": 1, "maxLength": _MAX_DATE},
            "description": _FORMAT,
            "examples": ["%d/%m/%Y", ["%d/%m/%Y %H:%M", "%d/%m/%Y"]],
        },
        "timezone": text("The IANA time zone of times without an offset.", least=1, most=100, default="UTC"),
        "output_field": field_name("The field for the result; the same field unless given."),
    },
    required=["field", "format"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that reads `field` in the forms of `format`."""
    field, given = parameters["field"], parameters["format"]
    output = parameters.get("output_field", field)
    forms = [given] if isinstance(given, str) else list(given)
    readers = [_reader(form) for form in forms]
    is_date = not any(map(has_time, forms))
    zone = _zone(parameters.get("timezone", "UTC"))

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        value = text_of(record, field)
        if value is None or is_blank(value):
            return {**record, output: None} if field in record or output != field else record
        try:
            return {**record, output: _iso(_read(value.strip(), readers), zone, is_date=is_date)}
        except (ValueError, OverflowError):
            shown = value if len(value) <= 60 else value[:57] + "..."
            raise ProcessorFailed(
                f"field '{field}': '{shown}' is no date of the form {' or '.join(forms)}: mend it, or add its form to "
                "the processor",
                field=field,
            ) from None

    return Processor(apply=apply, outputs=((output, "date" if is_date else "datetime"),), inputs=(field,))


def _read(text: str, readers: Sequence[Callable[[str], datetime | None]]) -> datetime:
    for read in readers if len(text) <= _MAX_DATE else ():
        if moment := read(text):
            return moment
    raise ValueError(text)


def _iso(moment: datetime, zone: tzinfo, *, is_date: bool) -> str:
    if is_date:
        return moment.date().isoformat()
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).isoformat()


def _reader(form: str) -> Callable[[str], datetime | None]:
    try:
        return compile_form(form)
    except FormError as error:
        raise ValidationFailed({"format": [f"'{form}': {error}"]}) from None


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only this processor needs it

    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValidationFailed({"timezone": ["no IANA time zone: write it as in Europe/Paris"]}) from None
