"""Real records to measure with: hourly weather at the airports of New York, typed as a device would send them."""

import csv
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from chalicelib.domain.schema import Schema
from tests.builders import a_schema

DATA = Path(__file__).parent.parent.parent / "infra" / "demo" / "weather.csv"
UNIQUE_KEY = ("origin", "time_hour")
TYPES = {
    "origin": "text",
    **dict.fromkeys(("year", "month", "day", "hour"), "int"),
    **dict.fromkeys(("temp", "dewp", "humid"), "double"),
    "wind_dir": "int",
    **dict.fromkeys(("wind_speed", "wind_gust", "precip", "pressure", "visib"), "double"),
    "time_hour": "datetime",
}
_PYTHON: Mapping[str, Callable[[str], Any]] = {"text": str, "datetime": str, "int": int, "double": float}


def weather_records(count: int) -> list[dict[str, Any]]:
    """The first records of the file with numbers as numbers and `NA` as None; all of different unique keys."""
    with DATA.open(newline="") as lines:
        rows = [row for row, _ in zip(csv.DictReader(lines), range(count), strict=False)]
    records = [
        {name: None if text == "NA" else _PYTHON[TYPES[name]](text) for name, text in row.items()} for row in rows
    ]
    if len({tuple(record[name] for name in UNIQUE_KEY) for record in records}) != count:
        raise ValueError(f"the first {count} weather records are fewer, or not unique: use another part of the file")
    return records


def weather_schema() -> Schema:
    """The schema they are pushed under."""
    return a_schema(unique_key=UNIQUE_KEY, **TYPES)


def as_typed_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as boto3's table resource wants it: floats as decimals, nulls left out."""
    return {
        name: Decimal(repr(value)) if isinstance(value, float) else value
        for name, value in record.items()
        if value is not None
    }
