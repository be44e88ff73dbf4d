"""`order_by` compiled for a schema: sorting stored records by their values, nulls last, whatever their types.

Records of equal values keep the order they came in, so that sorting what comes in the order of record ids is total
and stable.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import orjson

from chalicelib.domain.odsql_condition import known_field
from chalicelib.domain.odsql_tree import Ordering
from chalicelib.domain.schema import Schema

SortKey = tuple[Any, ...]  # one part for each field of the order
Sorted = TypeVar("Sorted")


@dataclass(frozen=True, kw_only=True)
class Order:
    """The fields to sort by, the first counting most, each with whether it descends."""

    fields: Sequence[tuple[str, bool]]

    def key(self, record: Mapping[str, Any]) -> SortKey:
        """What of a record bears on its place."""
        return tuple(_part(record.get(name), descending) for name, descending in self.fields)

    def sort(self, entries: list[Sorted], key: Callable[[Sorted], SortKey]) -> None:
        """Sort in place, by the field that counts least first: every pass keeps the order of the one before."""
        for index, (_, descending) in reversed(list(enumerate(self.fields))):
            entries.sort(key=partial(_at, key, index), reverse=descending)


def compile_order(orderings: Sequence[Ordering], schema: Schema) -> Order:
    """The order; a field named again changes nothing. InvalidQuery names unknown fields."""
    fields = {known_field(schema, ordering.field).name: ordering.descending for ordering in reversed(orderings)}
    first = dict.fromkeys(ordering.field for ordering in orderings)
    return Order(fields=[(name, fields[name]) for name in first])


def _at(key: Callable[[Sorted], SortKey], index: int, entry: Sorted) -> Any:
    return key(entry)[index]


def _part(value: Any, descending: bool) -> tuple[Any, ...]:
    """Sorts nulls last in either direction, then booleans, numbers, texts, and all else by its JSON."""
    if value is None:
        return (-1,) if descending else (9,)
    if value.__class__ is bool:
        return (0, value)
    if value.__class__ is int or value.__class__ is float:
        return (1, value)
    if value.__class__ is str:
        return (2, value)
    return (3, orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
