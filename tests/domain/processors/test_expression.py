"""The language of expressions: what it computes, what it refuses, and what bounds it."""

from typing import Any

import pytest

from chalicelib.domain.processors import ProcessorFailed
from tests.domain.processors.processing import a_processor, failure, processed

RECORD: dict[str, Any] = {
    "price": 3,
    "rate": 0.5,
    "name": " Ada ",
    "is_open": True,
    "nothing": None,
    "tags": ["a", 1, None],
    "odd name": "odd",
    "record": "itself",
    "class": "first",
    "µg": 7,
    "place": {"lat": 1},
}


def value_of(expression: str, record: dict[str, Any] = RECORD) -> Any:
    result = processed(record, type="expression", output_field="result", expression=expression, output_type="json_blob")
    assert result is not None
    return result["result"]


VALUES: list[tuple[str, Any]] = [
    ("price * 2 + 1", 7),
    ("price / 2", 1.5),
    ("price // 2", 1),
    ("price % 2", 1),
    ("-price ** 2", -9),
    ("2 ** -1", 0.5),
    ("2 ** 62", 2**62),
    ("1 ** 9999999999", 1),
    ("(-1) ** 9999999999", -1),
    ("price * (rate + 1.5)", 6.0),
    ("+price", 3),
    ('"a" + "b"', "ab"),
    ("price == 3 and rate < 1", True),
    ("1 < price <= 3", True),
    ("1 < price < 3", False),
    ("price != 3 or not is_open", False),
    ("'a' < 'b'", True),
    ("is_open == 1", False),
    ("is_open == true", True),
    ("'3' == price", False),
    ("'high' if price > 2 else 'low'", "high"),
    ("'d' in 'Ada'", True),
    ("'a' in tags", True),
    ("null in tags", True),
    ("true in tags", False),
    ("price not in [1, 2, 'x', null, -1]", True),
    ("-1 in [-1]", True),
    ("nothing in 'abc'", False),
    ("'a' in nothing", False),
    ("missing", None),
    ("missing == null", True),
    ("missing + 1", None),
    ("1 - nothing", None),
    ("nothing + 'a'", None),
    ("-nothing", None),
    ("nothing < 1", False),
    ("nothing >= 1", False),
    ("nothing or 'unknown'", "unknown"),
    ("not nothing", True),
    ("upper(nothing)", None),
    ("min(1, nothing)", None),
    ('record["odd name"]', "odd"),
    ('record["class"] + "!"', "first!"),
    ('record["record"]', "itself"),
    ('record["no such"]', None),
    ("µg", 7),
    ("place", {"lat": 1}),
    ("abs(-2.5)", 2.5),
    ("ceil(1.2) + floor(1.8)", 3),
    ("round(2.5)", 2),
    ("round(3.14159, 2)", 3.14),
    ("int(-2.7)", -2),
    ("int('12')", 12),
    ("int(' 2.9 ')", 2),
    ("float('1e3')", 1000.0),
    ("min(3, 1.5, 2)", 1.5),
    ("max('a', 'b')", "b"),
    ("text(1.5) + text(true)", "1.5true"),
    ("len(name) + len(tags) + len(place)", 9),
    ("lower(trim(name))", "ada"),
    ("upper(name)", " ADA "),
    ("replace(name, 'a', 'e')", " Ade "),
    ("contains(name, 'da')", True),
    ("contains(tags, 1)", True),
    ("startswith(trim(name), 'A') and not endswith(name, 'a')", True),
    ("substr('abcdef', 2)", "cdef"),
    ("substr('abcdef', 1, 2)", "bc"),
    ("substr('abcdef', -2, 1)", "e"),
    ("substr('abc', 9)", ""),
    ("coalesce(nothing, missing, price, 1)", 3),
    ("  price\n", 3),
    ("(price\n  + 1)", 4),
    ("None == null and True and not False", True),
]


@pytest.mark.parametrize(("expression", "result"), VALUES)
def test_an_expression_has_the_documented_value(expression: str, result: Any) -> None:
    value = value_of(expression)
    assert value == result
    assert type(value) is type(result)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("price / 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("price % 0", "divides by zero"),
        ("name + price", "convert"),
        ("price + name", "convert"),
        ("name - 1", "no number"),
        ("'%s' % price", "no number"),
        ("name * 1000000", "no number"),
        ("tags * 1000000", "no number"),
        ("is_open + 1", "no number"),
        ("name < price", "no number"),
        ("tags + tags", "no number"),
        ("2 ** 63", "64 bits"),
        ("2 ** 64 ** 1", "64 bits"),
        ("10 ** 10 ** 10", "64 bits|finite"),
        ("9999999999 ** 9999999999", "finite"),
        ("9e307 * 10", "finite"),
        ("(-8) ** 0.5", "finite"),
        ("9223372036854775807 + 1", "64 bits"),
        ("round(price, 10 ** 9)", "0 to 15 digits"),
        ("round(price, -9)", "0 to 15 digits"),
        ("round(price, 1.5)", "0 to 15 digits"),
        ("int('x')", "expected a number"),
        ("int(1e300)", "64 bits"),
        ("float(tags)", "expected a number"),
        ("max(1, 'a')", "no number"),
        ("upper(tags)", "no text"),
        ("replace(name, '', 'x')", "look for"),
        ("substr(name, 0.5)", "whole start"),
        ("substr(name, 0, -1)", "whole length"),
        ("1 in 5 + 5 and tags in name", "no text"),
        ("tags", "expected text"),
    ],
)
def test_what_cannot_be_computed_fails_with_a_sentence_and_the_output(expression: str, sentence: str) -> None:
    error = failure(RECORD, type="expression", output_field="result", expression=expression)
    assert error.field == "result"
    with pytest.raises(ProcessorFailed, match=sentence):
        raise error


def test_the_name_of_a_function_alone_is_a_field() -> None:
    assert value_of("upper", {"upper": 1}) == 1
    assert value_of("upper", {}) is None


@pytest.mark.parametrize(
    ("expression", "output_type", "result"),
    [
        ("price * 2", "text", "6"),
        ("rate * 2", "text", "1.0"),
        ("is_open", "text", "true"),
        ("rate * 2", "int", 1),
        ("price", "double", 3.0),
        ("'2014-01-' + '27'", "date", "2014-01-27"),
        ("'2014-01-27'", "datetime", "2014-01-27T00:00:00+00:00"),
        ("'48.85,2.35'", "geo_point_2d", {"lon": 2.35, "lat": 48.85}),
        ("nothing", "int", None),
    ],
)
def test_the_result_is_of_the_type_asked_for(expression: str, output_type: str, result: Any) -> None:
    computed = processed(
        RECORD, type="expression", output_field="price", expression=expression, output_type=output_type
    )
    assert computed == {**RECORD, "price": result}


def test_a_result_that_does_not_fit_its_type_fails() -> None:
    error = failure({}, type="expression", output_field="b", expression="1.5", output_type="int")
    assert (error.field, "expected a whole number" in error.message) == ("b", True)


def test_it_tells_which_fields_it_reads() -> None:
    processor = a_processor(
        type="expression", output_field="b", expression='max(a, record["x y"]) if upper(c) in ["d"] and true else a'
    )
    assert processor.inputs == ("a", "c", "x y")
    assert processor.outputs == (("b", "text"),)
