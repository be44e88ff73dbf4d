"""Schema inference: the type of each field from sample records (bootstrap data, the head of a file)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.domain.casting import INT_MAX, INT_MIN, CastError, cast_date, cast_datetime, cast_double, cast_int
from chalicelib.domain.geo import GEOMETRY_TYPES, geo_point

SourceField = tuple[str, str]  # (source name, field type)

_GEO_NAME = re.compile(r"geo|point|coord|location|position|latlon|lat_lon", re.IGNORECASE)
_DATE_TEXT = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}")
_DATETIME_TEXT = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}.*")


def infer_fields(
    records: Iterable[Mapping[str, Any]], *, null_values: Sequence[str] = (), from_text: bool = False
) -> list[SourceField]:
    """The fields of the sample in order of first appearance, each with the narrowest type that fits all values.

    `from_text` reads numbers out of texts too: every cell of a CSV file is text.
    """
    nulls = {"", *null_values}
    types: dict[str, str | None] = {}
    for record in records:
        for name, value in record.items():
            seen = types.setdefault(name, None)
            if value is None or (isinstance(value, str) and value in nulls):
                continue
            types[name] = join_types(seen, _type_of(name, value, from_text=from_text))
    return [(name, kind or "text") for name, kind in types.items()]


def merge_fields(sources: Iterable[Sequence[SourceField]]) -> list[SourceField]:
    """The fields of several resources as one list; a field that two of them type differently gets the wider type."""
    merged: dict[str, str | None] = {}
    for fields in sources:
        for name, kind in fields:
            merged[name] = join_types(merged.get(name), kind)
    return [(name, kind or "text") for name, kind in merged.items()]


def join_types(one: str | None, other: str) -> str:
    """The narrowest type that holds values of both."""
    if one is None or one == other:
        return other
    pair = {one, other}
    if pair == {"int", "double"}:
        return "double"
    if pair == {"date", "datetime"}:
        return "datetime"
    return "json_blob" if pair & {"json_blob", "geo_shape", "geo_point_2d", "file"} else "text"


def _type_of(name: str, value: Any, *, from_text: bool) -> str:
    match value:
        case bool():
            return "text"
        case int():
            return "int" if INT_MIN <= value <= INT_MAX else "double"
        case float():
            return "double"
        case str():
            return _type_of_text(value, numbers=from_text)
        case {"lat": _, "lon": _} if geo_point(value):
            return "geo_point_2d"
        case {"type": "Feature"}:
            return "geo_shape"
        case {"type": str(kind)} if kind in GEOMETRY_TYPES:
            return "geo_shape"
        case {"content": str(), "content-type": str()} | {"content": str(), "content_type": str()}:
            return "file"
        case [_, _] if _GEO_NAME.search(name) and geo_point(value):
            return "geo_point_2d"
        case _:
            return "json_blob"


def _type_of_text(text: str, *, numbers: bool) -> str:
    if numbers and not re.match(r"[+-]?0\d", text):  # 01234 is a code, not a number
        for cast, kind in ((cast_int, "int"), (cast_double, "double")):
            if _fits(cast, text):
                return kind
    if _DATE_TEXT.fullmatch(text) and _fits(cast_date, text):
        return "date"
    if _DATETIME_TEXT.fullmatch(text) and _fits(cast_datetime, text):
        return "datetime"
    return "text"


def _fits(cast: Any, text: str) -> bool:
    try:
        cast(text)
    except CastError:
        return False
    return True
