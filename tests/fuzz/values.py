"""Values for every field type: good ones with what they are stored as, and bad ones. Written from the contract, not
from the code that casts."""

import base64
import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.world import NULL

Good = st.SearchStrategy[tuple[Any, Any]]  # (as pushed, as stored; None when it is null)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
whole = st.integers(-(2**63), 2**63 - 1)
exact_whole = st.integers(-(2**53) + 1, 2**53 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1))
zones = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)
json_values = st.recursive(
    st.none() | st.booleans() | whole | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
_TYPES = {"image/png": "image/png", "image/jpg": "image/jpeg", "Text/Plain; charset=utf-8": "text/plain"}


def _file(content: bytes, declared: str, spelling: str) -> tuple[Any, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    extension = {"image/png": "png", "image/jpeg": "jpg", "text/plain": "txt"}[_TYPES[declared]]
    stored = {
        "filename": f"{sha256[:16]}.{extension}",
        "mimetype": _TYPES[declared],
        "size": len(content),
        "sha256": sha256,
    }
    return {"content": base64.b64encode(content).decode(), spelling: declared}, stored


def _feature(geometry: Any) -> Any:
    return {"type": "Feature", "geometry": geometry, "properties": {}}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


_points = st.tuples(latitudes, longitudes).map(lambda p: (p, {"lat": p[0], "lon": p[1]}))
_lines = st.lists(st.tuples(longitudes, latitudes).map(list), min_size=2, max_size=4)
_geometries = _lines.map(lambda line: {"type": "LineString", "coordinates": line})
_nulls = st.sampled_from([None, NULL]).map(lambda value: (value, None))
_empty = st.just(("", None))

GOOD: dict[str, Good] = {
    "text": st.one_of(
        texts.filter(lambda text: text != NULL).map(lambda text: (text, text)),
        whole.map(lambda number: (number, str(number))),
        st.booleans().map(lambda flag: (flag, json.dumps(flag))),
    ),
    "int": st.one_of(
        whole.map(lambda number: (number, number)),
        whole.map(lambda number: (str(number), number)),
        whole.map(lambda number: (f" {number}.0 ", number)),
        exact_whole.map(lambda number: (float(number), number)),
        _empty,
    ),
    "double": st.one_of(
        finite.map(lambda number: (number, number)),
        exact_whole.map(lambda number: (number, float(number))),
        finite.map(lambda number: (repr(number), number)),
        _empty,
    ),
    "date": st.one_of(
        st.dates().map(lambda day: (day.isoformat(), day.isoformat())),
        st.dates(date(1000, 1, 1)).map(lambda day: (f"{day:%Y/%m/%d}", day.isoformat())),
        moments.map(lambda moment: (moment.isoformat(), moment.date().isoformat())),
        _empty,
    ),
    "datetime": st.one_of(
        moments.map(lambda moment: (moment.isoformat(), _utc(moment.replace(tzinfo=UTC)))),
        st.tuples(moments, zones).map(
            lambda pair: (pair[0].replace(tzinfo=pair[1]).isoformat(), _utc(pair[0].replace(tzinfo=pair[1])))
        ),
        st.integers(-(10**12), 10**13).map(
            lambda ms: (ms, (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat())
        ),
        _empty,
    ),
    "geo_point_2d": st.one_of(
        _points.map(lambda pair: (pair[1], pair[1])),
        _points.map(lambda pair: (list(pair[0]), pair[1])),
        _points.map(lambda pair: (f"{pair[0][0]!r}, {pair[0][1]!r}", pair[1])),
        _points.map(lambda pair: ({"type": "Point", "coordinates": [pair[0][1], pair[0][0]]}, pair[1])),
        _empty,
    ),
    "geo_shape": st.one_of(
        _geometries.map(lambda geometry: (geometry, _feature(geometry))),
        _geometries.map(lambda geometry: (_feature(geometry), _feature(geometry))),
        _geometries.map(lambda geometry: (json.dumps(geometry), _feature(geometry))),
        _empty,
    ),
    "file": st.builds(
        _file,
        st.binary(max_size=100),
        st.sampled_from(sorted(_TYPES)),
        st.sampled_from(["content-type", "content_type"]),
    ),
    "json_blob": json_values.filter(lambda value: value not in ("", NULL, None)).map(lambda value: (value, value)),
}
GOOD = {kind: strategy | _nulls for kind, strategy in GOOD.items()}

_odd = st.sampled_from([[], {}, [1, 2, 3], {"a": 1}, [[]], "\x00", "NaN", "1,2,3", "١٢", "0x10", "1_000", "1e400"])
BAD: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from([[], {}, ["a"], {"a": 1}, 1e300, 2.0**53]),
    "int": _odd
    | st.sampled_from(
        [1.5, True, False, 2**63, -(2**63) - 1, -(2**63) - 1024, 2.0**53, 1e300, "1e5", "9" * 500, "--1"]
    ),
    "double": _odd.filter(lambda value: value != "١٢") | st.sampled_from([True, "1" * 401, "inf", "-Infinity"]),
    "date": _odd.filter(lambda value: value != "١٢")
    | st.sampled_from([5, 1.5, True, "2014-13-01", "2014-02-30", "10000-01-01"]),
    "datetime": _odd
    | st.sampled_from([1.5, True, 10**18, -(10**18), "2014-01-27T25:00:00", "0001-01-01T00:00:00+14:00"]),
    "geo_point_2d": _odd.filter(lambda value: value != [1, 2, 3])
    | st.sampled_from([[91, 0], [0, 181], {"lat": "1", "lon": 2}, {"lat": True, "lon": 2}, "nan,nan", [90.1, 0]]),
    "geo_shape": _odd
    | st.sampled_from([{"type": "Point"}, {"type": "Circle", "coordinates": [1, 2]}, "{", {"type": ["Point"]}, 5])
    | st.just({"type": "Feature", "geometry": None}),
    "file": _odd
    | st.sampled_from([5, {"content": "AAAA"}, {"content": "AAA", "content-type": "image/png"}, {"content": None}])
    | st.just({"content": "AAAA", "content-type": "text/html"}),
}
