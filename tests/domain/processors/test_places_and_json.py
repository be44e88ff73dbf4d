"""create_geopoint and extract_from_json."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.processors.processing import a_processor, failure, processed, refusal

POINT = {"type": "create_geopoint", "latitude": "y", "longitude": "x", "output_field": "place"}


@pytest.mark.parametrize(
    ("lat", "lon", "point"),
    [
        (48.85, 2.35, {"lat": 48.85, "lon": 2.35}),
        ("48.85", " 2.35 ", {"lat": 48.85, "lon": 2.35}),
        ("48,85", "-2,35", {"lat": 48.85, "lon": -2.35}),
        (90, -180, {"lat": 90.0, "lon": -180.0}),
        (-0.0, 0, {"lat": 0.0, "lon": 0.0}),
        (None, 2.35, None),
        ("", 2.35, None),
        (48.85, " ", None),
    ],
)
def test_a_latitude_and_a_longitude_make_a_point(lat: Any, lon: Any, point: Any) -> None:
    assert processed({"y": lat, "x": lon}, **POINT) == {"y": lat, "x": lon, "place": point}


def test_without_a_latitude_there_is_no_point() -> None:
    assert processed({"x": 1}, **POINT) == {"x": 1, "place": None}


@pytest.mark.parametrize(
    ("lat", "lon", "field"),
    [
        (91, 0, "y"),
        ("-90,1", 0, "y"),
        (0, 180.5, "x"),
        ("north", 0, "y"),
        (0, "1.234,5", "x"),
        (0, "1,234,5", "x"),
        (True, 0, "y"),
        ([1], 0, "y"),
        (0, "nan", "x"),
        (2**70, 0, "y"),
    ],
)
def test_degrees_that_are_none_fail_with_their_field(lat: Any, lon: Any, field: str) -> None:
    assert failure({"y": lat, "x": lon}, **POINT).field == field


DOCUMENT = {
    "address": {"city": "Paris", "odd name": 1},
    "tags": ["a", "b"],
    "items": [{"kind": "a", "price": 1}, {"kind": "b", "price": 2}, {"price": None}],
    "nested": [[1], [2, [3]]],
    "none": None,
}


def extraction(path: str, kind: str = "json_blob") -> dict[str, Any]:
    return {"type": "extract_from_json", "field": "f", "path": path, "output_field": "v", "output_type": kind}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("address.city", "Paris"),
        ('address."odd name"', 1),
        ("tags[0]", "a"),
        ("tags[-1]", "b"),
        ("tags[9]", None),
        ("tags[::-1]", ["b", "a"]),
        ("items[*].price", [1, 2]),
        ("items[?kind=='a'].price | [0]", 1),
        ("items[?price > `1`].kind", ["b"]),
        ("items[?!kind]", [{"price": None}]),
        ("nested[]", [1, 2, [3]]),
        ("address.*", ["Paris", 1]),
        ("no.such.path", None),
        ("none.x", None),
        ("tags.x", None),
        ("none || address.city", "Paris"),
        ("@", DOCUMENT),
    ],
)
@pytest.mark.parametrize("written", [json.dumps(DOCUMENT), "\ufeff" + json.dumps(DOCUMENT), DOCUMENT])
def test_what_is_at_the_path_is_taken(path: str, value: Any, written: Any) -> None:
    assert processed({"f": written}, **extraction(path)) == {"f": written, "v": value}


@pytest.mark.parametrize("value", [None, "", "  "])
def test_of_nothing_there_is_nothing_to_take(value: Any) -> None:
    assert processed({"f": value}, **extraction("a")) == {"f": value, "v": None}
    assert processed({}, **extraction("a")) == {"v": None}


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [("text", "items[0].price", "1"), ("int", "items[0].price", 1), ("double", "items[0].price", 1.0)],
)
def test_what_is_taken_is_of_the_type_asked_for(kind: str, path: str, value: Any) -> None:
    result = processed({"f": DOCUMENT}, **extraction(path, kind))
    assert result is not None
    assert (result["v"], type(result["v"])) == (value, type(value))
    assert a_processor(**extraction(path, kind)).outputs == (("v", kind),)


def test_text_is_the_type_unless_told_and_takes_no_objects() -> None:
    plain = {key: value for key, value in extraction("address").items() if key != "output_type"}
    assert a_processor(**plain).outputs == (("v", "text"),)
    error = failure({"f": DOCUMENT}, **plain)
    assert (error.field, "json_blob" in error.message) == ("v", True)


@pytest.mark.parametrize("text", ["{", "{'a': 1}", "abc", '{"a": NaN}', '{"a": 1}}', "[" * 5000, '"\ud800"'])
def test_text_that_is_not_json_fails_and_tells_where(text: str) -> None:
    error = failure({"f": text}, **extraction("a"))
    assert (error.field, "is not JSON" in error.message) == ("f", True)


def test_what_is_nested_too_deep_to_be_stored_fails() -> None:
    def nested(levels: int) -> str:
        return "[" * levels + "]" * levels

    assert processed({"f": nested(31)}, **extraction("@")) is not None
    assert failure({"f": nested(32)}, **extraction("@")).field == "f"
    assert processed({"f": nested(32)}, **extraction("[0]")) is not None
    twice = f'{{"a": {nested(1020)}, "b": {nested(1020)}}}'
    assert failure({"f": twice}, **extraction("a == b")).field == "f"


def test_comparing_a_text_with_a_number_fails() -> None:
    error = failure({"f": {"a": "x"}}, **extraction("a < `1`"))
    assert (error.field, "cannot be compared" in error.message) == ("f", True)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a.",
        "a[",
        "a b",
        "`nonsense`",
        "[@, @]",
        "{a: @, b: @}",
        "[@,@]|[@,@]|[@,@]",
        "length(a)",
        "join('x', a)",
        "sort_by(a, &b)",
        "&a",
        "a[*].[b, b]",
        "a[?length(b) > `1`]",
        "tags[::0]",
        "(" * 240,
        "!" * 240 + "a",
        "a" * 251,
    ],
)
def test_a_path_that_is_none_or_could_grow_is_refused(path: str) -> None:
    assert list(refusal(**extraction(path))) == ["path"]


PATHS = [
    "a",
    "[*]",
    "[*][*]",
    "[]",
    "a[]",
    "*",
    "a.*.b",
    "[?a]",
    "[?a==b].a",
    "a || b",
    "a && b",
    "[1:]",
    "!a",
    "@",
    "a | b",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=15,
)


@given(VALUES, st.lists(st.sampled_from(PATHS), min_size=1, max_size=3))
def test_what_is_taken_is_never_larger_than_what_it_is_taken_from(value: Any, paths: list[str]) -> None:
    result = processed({"f": value}, **extraction(" | ".join(paths)))
    assert result is not None
    assert len(json.dumps(result["v"])) <= max(len(json.dumps(value)), len("false"))
