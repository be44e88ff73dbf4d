"""skip_records: which records are left out."""

from typing import Any

import pytest

from tests.domain.processors.processing import failure, processed


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"status": "closed"}, False),
        ({"status": "open", "price": 101}, False),
        ({"status": "open", "price": 100}, True),
        ({"price": None}, True),
        ({}, True),
    ],
)
def test_records_for_which_the_condition_holds_are_left_out(record: dict[str, Any], kept: bool) -> None:
    skip = {"type": "skip_records", "condition": 'status == "closed" or price > 100'}
    assert processed(record, **skip) == (record if kept else None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a", False),
        ("A", True),
        (1, False),
        ("1", False),
        (1.0, True),
        (True, False),
        (None, False),
        ({}, True),
        ("", True),
    ],
)
def test_records_with_one_of_the_values_are_left_out(value: Any, kept: bool) -> None:
    skip = {"type": "skip_records", "field": "f", "values": ["a", 1, True, None]}
    assert processed({"f": value}, **skip) == ({"f": value} if kept else None)


def test_a_missing_field_is_left_out_only_when_null_is_among_the_values() -> None:
    assert processed({}, type="skip_records", field="f", values=[None]) is None
    assert processed({}, type="skip_records", field="f", values=[""]) == {}


def test_a_condition_that_cannot_be_computed_fails_without_a_field() -> None:
    error = failure({"price": "x"}, type="skip_records", condition="price > 1")
    assert (error.field, "price > 1" in error.message) == (None, True)
