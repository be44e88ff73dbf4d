"""`where`: what it means, and what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql import parse_where
from chalicelib.domain.odsql_condition import Predicate, compile_condition, like
from tests.builders import a_schema
from tests.domain.odsql_questions import SCHEMA, Asked, Record, conditions, records

PIECES = [
    *("(", ")", "not", "and", "or", "in", "like", "is", "null", "true", "startswith", "title", "pages", "é"),
    *(",", "*", "=", "<", "1", "-1e5", "'", '"', "`", "'a'", "date'2013-01-01'", "date'x'"),
    *("\x00", "\ud800", "\u2028"),
]


def where(text: str) -> Predicate:
    return compile_condition(parse_where(text), SCHEMA)


@given(asked=conditions, stored=st.lists(records, min_size=1, max_size=5))
def test_a_condition_means_what_plain_python_says_it_means(asked: Asked, stored: list[Record]) -> None:
    holds = where(asked.text)
    assert [holds(record) for record in stored] == [asked.holds(record) for record in stored]


@given(record=st.dictionaries(st.sampled_from([f.name for f in SCHEMA.fields]), st.none() | st.from_type(object)))
def test_values_that_do_not_fit_the_schema_fail_no_condition(record: Record) -> None:
    for text in ("title < 'x'", "pages >= 1", "seen = date'2013-01-01'", "extra in (1, true)", "title like '%a%'"):
        assert where(text)(record) in (True, False)


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    holds = where("pages = 1 or pages = 2 and title = 'x'")
    assert [holds({"pages": 1}), holds({"pages": 2}), holds({"pages": 2, "title": "x"})] == [True, False, True]
    assert where("not pages = 1 and pages = 2")({"pages": 2})


def test_every_comparison_with_null_is_false_and_not_turns_it_around() -> None:
    for text in ("pages = 1", "pages != 1", "pages < 1", "pages in (1)", "pages not in (1)", "title not like 'a%'"):
        assert not where(text)({"pages": None})
    assert where("not pages = 1")({})


def test_a_field_is_named_like_a_keyword_or_a_sentence_in_backquotes() -> None:
    schema = a_schema(**{"or": "int", "date": "int", "wind speed (km/h)": "int", "odd`name": "int", "origin": "int"})
    text = "`or` = 1 and date = 2 and `wind speed (km/h)` = 3 and `odd``name` = 4 and origin = 5"
    record = {"or": 1, "date": 2, "wind speed (km/h)": 3, "odd`name": 4, "origin": 5}
    assert compile_condition(parse_where(text), schema)(record)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("isbn = 1", "There is no field 'isbn': the dataset has title, pages, weight, day, seen, extra, at."),
        ("pages = '1'", "'pages' is of type int: compare it with a number such as 12, not '1'"),
        ("pages = true", "compare it with a number"),
        ("title = 1", "compare it with a text such as 'Emma', not 1"),
        ("title = date'2013-01-01'", "compare it with a text such as 'Emma', not date'2013-01-01'"),
        ("day = 2013", "compare it with a date such as date'2014-01-27'"),
        ("day = date'yesterday'", "field 'day': expected a date such as 2014-01-27, got"),
        ("seen > 'noon'", "field 'seen': expected a datetime such as"),
        ("seen in (date'2013-01-01', 'noon')", "field 'seen': expected a datetime"),
        ("at = '48,2'", "ask for is null or is not null"),
        ("pages like '1%'", "like is for texts"),
        ("startswith(day, '2013')", "startswith is for texts"),
        ("pages < 1e999", "beyond a double"),
        ("pages < nan", "at line 1, column 9: expected a number"),
        ("title = 'a' and\n pages = = 2", "at line 2, column 10"),
        ("title = 'open", "column 9"),
        ("title", "at the end: expected a comparison such as"),
        ("count(*) = 1", "column 6"),
        ("pages = weight", "column 9: expected a number"),
        ("not " * 40 + "pages = 1", "nested more than 30 levels"),
        ("(pages = 1 and not " * 40 + "pages = 1" + ")" * 40, "nested more than 30 levels"),
        ("title = '" + "x" * 4000 + "'", "the limit is 4000"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        where(text)
    assert said in refused.value.message


@given(text=st.text(max_size=60) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        assert where(text)({"title": "a", "pages": 1}) in (True, False)
    except InvalidQuery as refused:
        assert refused.message


def test_parentheses_alone_are_no_nesting() -> None:
    assert where("(" * 1900 + "pages = 1" + ")" * 1900)({"pages": 1})


def test_a_pattern_of_many_wildcards_takes_no_longer_than_the_text() -> None:
    matches = like("%a" * 1000 + "%b")
    assert not matches("a" * 300_000)
    assert matches("a" * 300_000 + "b")
