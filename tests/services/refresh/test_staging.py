"""How much of a file is prepared at once: what memory takes, whatever its records look like."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.record import Preparer
from chalicelib.services.writing.staging import PREPARED_AT_ONCE, prepared_batches
from chalicelib.sources.formats.portion import PORTION_CHARACTERS
from chalicelib.sources.formats.source_record import SourceRecord
from tests.builders import a_schema

LONG = PORTION_CHARACTERS // 100  # so long are the records of which a hundred fit, about


def a_polygon(number: int) -> dict[str, Any]:
    ring = [[2.25, 48.75]] * (LONG // len("[2.25,48.75],"))
    return {"code": str(number), "shape": {"type": "Polygon", "coordinates": [ring]}}


def sizes(count: int, values: Callable[[int], dict[str, Any]]) -> list[int]:
    """How many of so many records are prepared at once, one batch after the other."""
    schema = a_schema(unique_key=["code"], code="text", shape="json_blob")
    records = (SourceRecord(values(number), "entry", number) for number in range(count))
    return [len(batch) for batch, _ in prepared_batches(records, Preparer(schema), lambda: False)]


@pytest.mark.parametrize(
    "values",
    [
        a_polygon,
        lambda number: {"code": str(number), "shape": ["x" * LONG]},
        lambda number: {"code": str(number), "shape": "x" * LONG},
        lambda number: {"code": str(number), **{f"n{place}": 0.5 for place in range(LONG // 16)}},
    ],
    ids=["polygons", "nested texts", "texts", "numbers"],
)
def test_of_large_records_fewer_are_prepared_at_once_however_they_are_large(
    values: Callable[[int], dict[str, Any]],
) -> None:
    first, second, *_ = sizes(250, values)
    assert 90 <= first == second <= 110


def test_of_small_records_as_many_are_prepared_at_once_as_there_would_be_memory_for_if_processors_made_them_long() -> (
    None
):
    assert sizes(2 * PREPARED_AT_ONCE + 1, lambda number: {"code": str(number), "shape": {"a": [1]}}) == [
        PREPARED_AT_ONCE,
        PREPARED_AT_ONCE,
        1,
    ]
