"""`order_by`: a total and stable order over whatever values are stored."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql import parse_order_by
from chalicelib.domain.odsql_order import Order, compile_order
from tests.domain.odsql_questions import SCHEMA, Record, records

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)  # fmt: skip


def order_by(text: str) -> Order:
    return compile_order(parse_order_by(text), SCHEMA)


def ordered(text: str, stored: list[Record]) -> list[Record]:
    order = order_by(text)
    entries = [(order.key(record), record) for record in stored]
    order.sort(entries, lambda entry: entry[0])
    return [record for _, record in entries]


@given(stored=st.lists(records, max_size=12))
def test_records_are_sorted_as_sorted_sorts_them_with_nulls_last(stored: list[Record]) -> None:
    by_pages = sorted(stored, key=lambda r: (r.get("pages") is None, r.get("pages") or 0))
    assert ordered("pages", stored) == by_pages
    falling = sorted(stored, key=lambda r: (r.get("seen") is not None, r.get("seen") or ""), reverse=True)
    assert ordered("-seen", stored) == falling


@given(stored=st.lists(records, max_size=12))
def test_the_first_field_counts_most_and_equal_records_keep_their_order(stored: list[Record]) -> None:
    after = ordered("pages desc, title ASC", stored)
    places = {id(record): place for place, record in enumerate(stored)}
    for one, next_ in pairwise(after):
        assert (one.get("pages") is None) <= (next_.get("pages") is None)
        if one.get("pages") == next_.get("pages"):
            titles = (one.get("title"), next_.get("title"))
            assert None in titles[1:] or (titles[0] is not None and titles[0] <= titles[1])
            if titles[0] == titles[1]:
                assert places[id(one)] < places[id(next_)]


@given(values=st.lists(_ANYTHING, max_size=8), text=st.sampled_from(["extra", "-extra", "title", "pages desc, extra"]))
def test_values_of_any_kind_have_an_order_and_none_is_lost(values: list[Any], text: str) -> None:
    stored: list[Record] = [{"extra": value, "title": value, "pages": value, "n": n} for n, value in enumerate(values)]
    after = ordered(text, stored)
    assert sorted(record["n"] for record in after) == list(range(len(values)))
    assert ordered(text, after) == after
    nulls = [record["extra"] is None for record in after]
    assert nulls == sorted(nulls)


def test_a_field_named_again_changes_nothing() -> None:
    stored = [{"pages": 2}, {"pages": 1}]
    assert ordered("pages, -pages", stored) == [{"pages": 1}, {"pages": 2}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("isbn", "There is no field 'isbn'"),
        ("pages up", "at line 1, column 7: expected the end, ',', 'asc' or 'desc', got 'up'"),
        ("pages,", "at the end"),
        ("random(1)", "column 7"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        order_by(text)
    assert said in refused.value.message
