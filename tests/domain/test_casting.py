"""Casting: each field type takes what the contract lists and refuses the rest with a sentence."""

import tracemalloc
from typing import Any

import pytest

from chalicelib.domain.casting import CASTERS, CastError

GOOD: list[tuple[str, Any, Any]] = [
    ("text", "", ""),
    ("text", "¡Hola Mundo!", "¡Hola Mundo!"),
    ("text", 1, "1"),
    ("text", 1.5, "1.5"),
    ("text", True, "true"),
    ("int", 1, 1),
    ("int", 1.0, 1),
    ("int", "1", 1),
    ("int", " 1.0 ", 1),
    ("int", "-0", 0),
    ("int", 2**63 - 1, 2**63 - 1),
    ("int", str(-(2**63)), -(2**63)),
    ("double", 1, 1.0),
    ("double", "1e3", 1000.0),
    ("double", 10.357019999999999, 10.357019999999999),
    ("double", ".5", 0.5),
    ("date", "2014-01-27", "2014-01-27"),
    ("date", "2014/01/27", "2014-01-27"),
    ("date", "2014-01-27T23:15:00-05:00", "2014-01-27"),
    ("datetime", "2014-01-27", "2014-01-27T00:00:00+00:00"),
    ("datetime", "2014/01/27T04:15:00", "2014-01-27T04:15:00+00:00"),
    ("datetime", "2013-01-01T06:00:00Z", "2013-01-01T06:00:00+00:00"),
    ("datetime", " 2013-01-01T06:00:00Z\n", "2013-01-01T06:00:00+00:00"),
    ("datetime", f"2013-01-01T06:00:00.{'5' * 1000}Z", "2013-01-01T06:00:00.555555+00:00"),
    ("datetime", "2013-01-01T06:00:00+02:00", "2013-01-01T04:00:00+00:00"),
    ("datetime", 1388802900123, "2014-01-04T02:35:00.123000+00:00"),
    ("datetime", -1, "1969-12-31T23:59:59.999000+00:00"),
    ("geo_point_2d", {"lat": 48.85, "lon": 2.35}, {"lon": 2.35, "lat": 48.85}),
    ("geo_point_2d", [48.85, 2.35], {"lon": 2.35, "lat": 48.85}),
    ("geo_point_2d", "48.85, 2.35", {"lon": 2.35, "lat": 48.85}),
    ("geo_point_2d", {"type": "Point", "coordinates": [2.35, 48.85]}, {"lon": 2.35, "lat": 48.85}),
    (
        "geo_shape",
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "properties": {}},
    ),
    ("json_blob", {"a": [1, None]}, {"a": [1, None]}),
]
BAD: list[tuple[str, Any]] = [
    ("text", {"a": 1}),
    ("text", [1]),
    ("text", 1.8446744073709552e19),
    ("int", 1.5),
    ("int", "1.5"),
    ("int", True),
    ("int", "one"),
    ("int", "1_000"),
    ("int", "٣"),
    ("int", 2**63),
    ("int", 1e300),
    ("int", "9" * 5000),
    ("int", []),
    ("int", -(2.0**63)),
    ("double", "NaN"),
    ("double", "Infinity"),
    ("double", "1e999"),
    ("double", "1,5"),
    ("double", False),
    ("date", 20140127),
    ("date", "27/01/2014"),
    ("date", "2014-02-30"),
    ("datetime", "yesterday"),
    ("datetime", 10**20),
    ("datetime", True),
    ("datetime", "0001-01-01T00:00:00+10:00"),
    ("datetime", "2014-01-27T25:00:00Z"),
    ("geo_point_2d", {"lat": 91, "lon": 0}),
    ("geo_point_2d", [48.85]),
    ("geo_point_2d", "here"),
    ("geo_point_2d", "nan,nan"),
    ("geo_point_2d", [True, False]),
    ("geo_shape", {"type": "Circle", "coordinates": [0, 0]}),
    ("geo_shape", {"type": "Point", "coordinates": ["a", "b"]}),
    ("geo_shape", {"type": "Polygon", "coordinates": [[0, 0]]}),
    ("geo_shape", {"type": ["Point"], "coordinates": [0, 0]}),
    ("geo_shape", "{"),
    ("geo_shape", '{"type":"Feature","geometry":null,"properties":' + '{"a":' * 260 + "1" + "}" * 261),
]


@pytest.mark.parametrize(("kind", "value", "stored"), GOOD)
def test_a_value_that_fits_is_stored_in_its_type(kind: str, value: Any, stored: Any) -> None:
    cast = CASTERS[kind](value)
    assert cast == stored
    assert type(cast) is type(stored)


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_a_value_that_does_not_fit_is_refused_with_what_was_expected(kind: str, value: Any) -> None:
    with pytest.raises(CastError, match=r"expected|beyond|lost digits"):
        CASTERS[kind](value)


def test_minus_zero_and_zero_are_one_value() -> None:
    assert str(CASTERS["double"](-0.0)) == "0.0"


@pytest.mark.parametrize("text", ["{blanks}2014-01-27", "2014-01-27T04:15:00.{digits}Z"])
def test_casting_keeps_no_long_text(text: str) -> None:
    cast = CASTERS["datetime"]
    tracemalloc.start()
    for n in range(50):
        cast(text.format(blanks=" " * (100_000 + n), digits="1" * (100_000 + n)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 500_000


@pytest.mark.parametrize("number", [-(2.0**64), 2.0**63, 1e29, 2**63, str(2**63), "-99999999999999999999999999999"])
def test_a_number_that_no_int_can_hold_is_not_asked_for_as_a_string_alone(number: Any) -> None:
    with pytest.raises(CastError, match="is beyond 64 bits: give the field the type text, and send it as a string"):
        CASTERS["int"](number)
