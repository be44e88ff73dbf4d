"""Batches: what is sent as one body, for any records and limits."""

import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from freshwire_client.batches import Batches, Limits
from freshwire_client.record import Record

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\t\x01é€😀'), max_size=30)
OBJECTS = st.dictionaries(TEXTS, TEXTS, max_size=3)
RAW = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    OBJECTS, st.sampled_from([None, 1, "\t"]), st.booleans(),
)  # fmt: skip
LIMITS = st.builds(Limits, records=st.integers(1, 9), size=st.integers(1, 200), wrapped=st.integers(1, 250))


def numbered(texts: Sequence[str]) -> list[Record]:
    return [Record(text, number, number) for number, text in enumerate(texts, 1)]


def weight(body: bytes) -> int:
    """The bytes of a body within the event that the gateway hands on, less its quotes."""
    return len(json.dumps(body.decode(), ensure_ascii=False).encode()) - 2


def is_within(body: bytes, limits: Limits) -> bool:
    return len(body) <= limits.size and weight(body) <= limits.wrapped


@given(st.lists(RAW, max_size=30), LIMITS)
@example(["{}"] * 3, Limits(records=9, size=7, wrapped=7))
def test_batches_are_within_every_limit_and_as_large_as_they_may_be(texts: list[str], limits: Limits) -> None:
    records = numbered(texts)
    batches = list(Batches(records, limits))
    assert [record for batch in batches for record in batch.records] == records
    for batch in batches:
        assert json.loads(batch.body) == [json.loads(record.text) for record in batch.records]
        assert len(batch.records) == 1 or (len(batch.records) <= limits.records and is_within(batch.body, limits))
    for batch, following in pairwise(batches):
        larger = [record.text for record in [*batch.records, following.records[0]]]
        body = f"[{','.join(larger)}]".encode()
        assert len(larger) > limits.records or not is_within(body, limits)


@given(st.lists(RAW, min_size=2, max_size=20))
def test_the_halves_of_a_batch_are_its_records_and_fit_the_limits_below_it(texts: list[str]) -> None:
    (batch,) = Batches(numbered(texts), Limits())
    first, second = batch.halves()
    assert first.records + second.records == batch.records
    lowered = Limits().below(batch)
    for smaller in Batches(batch.records, lowered):
        assert len(smaller.records) == 1 or 2 * len(smaller.body) <= len(batch.body)


def test_the_limits_leave_room_below_those_of_the_service() -> None:
    """5,242,880 bytes of body, and 6,291,456 bytes of event with up to 64 KB beside the body."""
    assert Limits().size < 5_242_880
    assert Limits().wrapped < 6_291_456 - 65_536
