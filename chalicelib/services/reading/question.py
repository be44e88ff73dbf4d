"""What readers ask of a dataset's records (`select`, `where`, `order_by`), and finding the records that answer it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from chalicelib.domain.app_metas import Meta, app_metas, with_app_metas
from chalicelib.domain.errors import InvalidQuery, TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.odsql import parse_order_by, parse_select, parse_where
from chalicelib.domain.odsql_condition import Predicate, compile_condition
from chalicelib.domain.odsql_order import Order, SortKey, compile_order
from chalicelib.domain.odsql_select import Projection, compile_select, everything
from chalicelib.domain.schema import Schema
from chalicelib.services.reading.counting import EXACT, is_settled, usable_count
from chalicelib.store.counts import LastSeen
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.record_reader import StoredRecord
from chalicelib.store.stores import Stores

MAX_READ = EXACT  # records that a bounded question reads
MAX_SORTED = 64_000_000  # characters of the records that a sort holds in memory
_CUT_FROM = 1000  # entries; fewer are not worth sorting before the end


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which records, in which order (None: by record id), and what to show of each."""

    projection: Projection
    condition: Predicate | None = None
    order: Order | None = None
    metas: Mapping[str, Meta] = field(default_factory=dict)  # what they look at besides the fields


class Found(NamedTuple):
    """A record that answers a question, and its values."""

    record: StoredRecord
    values: Mapping[str, Any]


def compile_question(schema: Schema, *, select: str | None, where: str | None, order_by: str | None) -> Question:
    """The question that these parameters ask; None and blank ask nothing. InvalidQuery says what is wrong."""
    known = with_app_metas(schema)
    return Question(
        projection=compile_select(parse_select(select), schema) if select and select.strip() else everything(schema),
        condition=compile_condition(parse_where(where), known) if where and where.strip() else None,
        order=compile_order(parse_order_by(order_by), known) if order_by and order_by.strip() else None,
        metas=app_metas(f"{where} {order_by}", schema),
    )


@contextmanager
def reading_all(
    stores: Stores, live: LiveDataset, seen: LastSeen, now: datetime, deadline: Deadline, *, bounded: bool
) -> Iterator[Iterator[StoredRecord]]:
    """All records of the dataset by their ids. Bounded: InvalidQuery when there are more than 50,000."""
    count = usable_count(live, seen, now)
    if bounded and count is not None and count > MAX_READ:
        raise InvalidQuery(_TOO_MANY)
    consistent = not is_settled(seen.mark, now)
    try:
        with closing(stores.reader.stream(live.partition, deadline, consistent=consistent)) as records:
            yield _at_most(MAX_READ, records) if bounded else records
    except TemporarilyUnavailable as error:
        if deadline.remaining() > 0:
            raise
        raise TemporarilyUnavailable(_TOO_SLOW) from error


class Matching:
    """The records that meet a question's condition, in the order they come; `count` says how many were passed on."""

    def __init__(self, records: Iterable[StoredRecord], question: Question) -> None:
        self._found = self._matching(records, question.condition, question.metas)
        self.count = 0

    def __iter__(self) -> Iterator[Found]:
        return self._found

    def count_all(self) -> int:
        """How many there are, passing over those still to come."""
        for _ in self._found:
            pass
        return self.count

    def _matching(
        self, records: Iterable[StoredRecord], condition: Predicate | None, metas: Mapping[str, Meta]
    ) -> Iterator[Found]:
        for record in records:
            values = orjson.loads(record.text)
            for name, meta in metas.items():
                values[name] = meta(record.id, record.accepted_at)
            if condition is None or condition(values):
                self.count += 1
                yield Found(record, values)


def in_order(found: Iterable[Found], order: Order, most: int | None = None) -> Iterator[Found]:
    """The records sorted, only the first `most` of them when said. InvalidQuery when those take too much memory."""
    entries: list[tuple[SortKey, StoredRecord]] = []
    by_key: Callable[[tuple[SortKey, StoredRecord]], SortKey] = itemgetter(0)
    size = 0
    for record, values in found:
        entries.append((order.key(values), record))
        size += len(record.text)
        if size > MAX_SORTED or (most is not None and len(entries) >= max(2 * most, _CUT_FROM)):
            order.sort(entries, by_key)
            entries = entries if most is None else entries[:most]
            size = sum(len(record.text) for _, record in entries)
            if size > MAX_SORTED // 2:  # half, so that the next sort is not due at the next record
                raise InvalidQuery(_TOO_LARGE)
    order.sort(entries, by_key)
    for _, record in entries[:most]:
        yield Found(record, orjson.loads(record.text))


def _at_most(bound: int, records: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
    for number, record in enumerate(records):
        if number >= bound:
            raise InvalidQuery(_TOO_MANY)
        yield record


_TOO_MANY = (
    f"where and order_by read at most {MAX_READ:,} records here, and the dataset has more: use an export "
    "(exports/csv, exports/jsonl) with where and without order_by."
)
_TOO_LARGE = "The records are too large to be sorted: ask for a smaller offset, or leave order_by out."
_TOO_SLOW = (
    "The records could not all be read in the time a request has: ask for fewer (an export takes where and limit), "
    "or send the request again later."
)
