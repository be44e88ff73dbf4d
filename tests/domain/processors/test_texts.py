"""string_replace, concatenate, split and copy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.processors._values import MAX_TEXT
from tests.domain.processors.processing import failure, processed, refusal


def replaced(value: Any, old: str, new: str) -> Any:
    result = processed({"f": value, "g": 1}, type="string_replace", field="f", old=old, new=new)
    assert result is not None
    assert result["g"] == 1
    return result["f"]


@pytest.mark.parametrize(
    ("value", "old", "new", "result"),
    [
        ("banana", "an", "o", "booa"),
        ("a.b", ".", "", "ab"),
        ("A", "a", "b", "A"),
        ("", "a", "b", ""),
        (1.5, ".", ",", "1,5"),
        (True, "true", "yes", "yes"),
        (12, "3", "4", "12"),
        (None, "a", "b", None),
    ],
)
def test_a_text_is_replaced_wherever_it_stands(value: Any, old: str, new: str, result: Any) -> None:
    assert replaced(value, old, new) == result


def test_a_field_that_is_missing_stays_missing() -> None:
    assert processed({"g": 1}, type="string_replace", field="f", old="a", new="b") == {"g": 1}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [({"a": 1}, "holds an object"), ([1], "holds an array"), (2.0**60, "lost digits"), (2**70, "beyond 64 bits")],
)
def test_what_has_no_text_fails_with_the_field(value: Any, sentence: str) -> None:
    error = failure({"f": value}, type="string_replace", field="f", old="a", new="b")
    assert (error.field, sentence in error.message) == ("f", True)


def test_a_replacement_that_grows_too_long_is_refused_before_it_is_made() -> None:
    replace = {"type": "string_replace", "field": "f", "old": "a", "new": "b" * 10_000}
    error = failure({"f": "a" * 5_000_000}, **replace)  # 50 GB, if it were made
    assert (error.field, "50000000000 characters" in error.message) == ("f", True)
    assert replaced("a" * (MAX_TEXT // 2), "a", "bb") == "b" * (MAX_TEXT // 2 * 2)
    assert "the limit is" in failure({"f": "a" * (MAX_TEXT // 2 + 1)}, **{**replace, "new": "bb"}).message


def test_nothing_cannot_be_looked_for() -> None:
    assert set(refusal(type="string_replace", field="f", old="", new="b")) == {"old"}


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ({"a": "x", "b": 2, "c": False}, "x, 2, false"),
        ({"a": "x", "c": "y"}, "x, y"),
        ({"a": "", "b": None, "c": "y"}, ", y"),
        ({"b": None}, None),
        ({}, None),
    ],
)
def test_fields_are_joined_and_nulls_left_out(record: dict[str, Any], result: Any) -> None:
    joined = processed(record, type="concatenate", fields=["a", "b", "c"], separator=", ", output_field="all")
    assert joined == {**record, "all": result}


def test_fields_are_joined_with_nothing_between_unless_told_and_may_be_overwritten() -> None:
    assert processed({"a": 1}, type="concatenate", fields=["a", "a"], output_field="a") == {"a": "11"}


def test_an_object_cannot_be_joined_and_a_result_cannot_grow_too_long() -> None:
    join = {"type": "concatenate", "fields": ["a", "b"], "output_field": "c"}
    assert failure({"a": "x", "b": {}}, **join).field == "b"
    assert failure({"a": "x" * MAX_TEXT, "b": "y"}, **join).field == "c"


@pytest.mark.parametrize(
    ("index", "part"), [(0, "a"), (1, ""), (2, "b c"), (3, None), (999, None), (-1, "b c"), (-3, "a"), (-4, None)]
)
def test_one_part_of_a_text_is_kept(index: int, part: Any) -> None:
    split = {"type": "split", "field": "f", "separator": ",", "index": index, "output_field": "g"}
    assert processed({"f": "a,,b c"}, **split) == {"f": "a,,b c", "g": part}
    assert processed({}, **split) == {"g": None}


def test_the_first_parts_go_to_fields_and_the_rest_is_dropped() -> None:
    split = {"type": "split", "field": "f", "separator": "; ", "output_fields": ["f", "g"]}
    assert processed({"f": "a; b; c"}, **split) == {"f": "a", "g": "b"}
    assert processed({"f": "a"}, **split) == {"f": "a", "g": None}
    assert processed({"f": None}, **split) == {"f": None, "g": None}


@given(st.text("a,é", max_size=12), st.integers(-6, 5))
def test_a_part_is_the_part_of_the_whole_split(text: str, index: int) -> None:
    parts = text.split(",")
    expected = parts[index] if -len(parts) <= index < len(parts) else None
    result = processed({"f": text}, type="split", field="f", separator=",", index=index, output_field="g")
    assert result is not None
    assert result["g"] == expected


def test_an_array_cannot_be_split() -> None:
    error = failure({"f": ["a"]}, type="split", field="f", separator=",", index=0, output_field="g")
    assert (error.field, "extract_from_json" in error.message) == ("f", True)


@pytest.mark.parametrize("value", ["a", 1, None, {"a": [1]}, [True]])
def test_a_copy_is_the_value_whatever_it_is(value: Any) -> None:
    assert processed({"f": value}, type="copy", field="f", output_field="g") == {"f": value, "g": value}


def test_a_copy_of_what_is_missing_is_null() -> None:
    assert processed({"g": 1}, type="copy", field="f", output_field="g") == {"g": None}
