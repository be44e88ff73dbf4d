"""Casting: from a JSON value to the value stored under a field's type, or a CastError that says what was expected.

Every caster takes a value that is neither null nor a null token. Source of the accepted forms: the push contract,
section "Fields" and "Dates".
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import orjson

from chalicelib.domain.geo import geo_point, geo_shape

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
EXACT_FLOAT = 2**53  # beyond it a JSON number has lost its digits on the way in
_INT_TEXT = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
_FLOAT_TEXT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MAX_NUMBER_TEXT = 400  # characters; Python's own conversion of very long digits is quadratic
_MAX_REMEMBERED = 64  # characters of a text that is kept in memory; the usual ones have 20 to 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CastError(ValueError):
    """A value does not fit its field's type; the message says what was expected."""


def shown(value: Any) -> str:
    """The value for a message: JSON, cut at 60 characters."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def cast_text(value: Any) -> str:
    """Text as it is; numbers and booleans as JSON writes them."""
    if value.__class__ is str:
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) >= EXACT_FLOAT:
        raise CastError(f"the number {shown(value)} has lost digits: send it as a string")
    if isinstance(value, int | float):
        return orjson.dumps(value).decode()
    raise CastError(f"expected text, got {shown(value)}: give the field the type json_blob to keep objects and arrays")


def cast_int(value: Any) -> int:
    """A whole number of 64 bits, from 1, 1.0 or "1". An integer beyond 64 bits is parsed as a float: it must not come
    in rounded."""
    if value.__class__ is int:
        number = value
    elif value.__class__ is float:
        if not value.is_integer():
            raise CastError(f"expected a whole number, got {shown(value)}")
        if abs(value) >= EXACT_FLOAT and INT_MIN <= value <= INT_MAX:
            raise CastError(f"the number {shown(value)} has lost digits: send it as a string")
        number = int(value)
    elif isinstance(value, str) and len(value) <= _MAX_NUMBER_TEXT and _INT_TEXT.fullmatch(value.strip()):
        number = int(value.strip().partition(".")[0])
    else:
        raise CastError(f"expected a whole number, got {shown(value)}")
    if INT_MIN <= number <= INT_MAX:
        return int(number)
    raise CastError(
        f"{shown(value)} is beyond 64 bits: give the field the type text, and send it as a string, to keep it"
    )


def cast_double(value: Any) -> float:
    """A finite double, from a number or its text; minus zero is zero, so that equal values have one id."""
    if value.__class__ is float or value.__class__ is int:
        number = float(value)
    elif isinstance(value, str) and len(value) <= _MAX_NUMBER_TEXT and _FLOAT_TEXT.fullmatch(value.strip()):
        number = float(value.strip())
    else:
        raise CastError(f"expected a number, got {shown(value)}")
    if not math.isfinite(number):
        raise CastError(f"{shown(value)} is beyond a double")
    return number + 0.0


def _datetime_text(text: str) -> str:
    moment = datetime.fromisoformat(text.replace("/", "-"))
    # No zone means UTC.
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()


_remembered_datetime_text = lru_cache(maxsize=4096)(_datetime_text)


def cast_datetime(value: Any) -> str:
    """ISO 8601 in UTC, from ISO 8601 text (no zone: UTC; slashes allowed) or integer epoch milliseconds."""
    try:
        if isinstance(value, str):
            text = value.strip()
            return _remembered_datetime_text(text) if len(text) <= _MAX_REMEMBERED else _datetime_text(text)
        if value.__class__ is int or (value.__class__ is float and value.is_integer()):
            moment = datetime.fromtimestamp(int(value) // 1000, UTC)
            return moment.replace(microsecond=int(value) % 1000 * 1000).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    raise CastError(f"expected a datetime such as 2014-01-27T04:15:00Z or epoch milliseconds, got {shown(value)}")


def cast_date(value: Any) -> str:
    """YYYY-MM-DD, from ISO 8601 text; of a datetime the date as written is kept."""
    if isinstance(value, str):
        text = value.strip().replace("/", "-")
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(text).date().isoformat()
        except ValueError:
            pass
    raise CastError(f"expected a date such as 2014-01-27, got {shown(value)}")


def cast_geo_point(value: Any) -> dict[str, float]:
    """{"lon", "lat"} in degrees, from such an object, [lat, lon], "lat,lon" or a GeoJSON Point."""
    point = geo_point(value)
    if point is None:
        raise CastError(f'expected {{"lat": 48.85, "lon": 2.35}}, [lat, lon] or "lat,lon", got {shown(value)}')
    return point


def cast_geo_shape(value: Any) -> dict[str, Any]:
    """A GeoJSON Feature, from a Feature, a geometry, or either of them as text."""
    shape = geo_shape(value)
    if shape is None:
        raise CastError(f"expected a GeoJSON geometry or Feature, got {shown(value)}")
    return shape


def cast_json_blob(value: Any) -> Any:
    """Any JSON value, kept as it is."""
    return value


CASTERS: dict[str, Callable[[Any], Any]] = {
    "text": cast_text,
    "int": cast_int,
    "double": cast_double,
    "date": cast_date,
    "datetime": cast_datetime,
    "geo_point_2d": cast_geo_point,
    "geo_shape": cast_geo_shape,
    "json_blob": cast_json_blob,
}
