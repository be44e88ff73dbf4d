"""How many records are in memory at once: as many as it takes easily, whatever they look like."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from chalicelib.sources.formats.source_record import SourceRecord

PORTION_CHARACTERS = 8_000_000  # of the records as JSON, about; nested values take some twenty times as much memory
_CHARACTERS_OF_A_VALUE = 16  # beside its text


def portion_of(records: Iterator[SourceRecord], most: int) -> Iterator[SourceRecord]:
    """The next records, at most that many."""
    characters = 0
    for record in islice(records, most):
        yield record
        characters += _size(record.values)
        if characters >= PORTION_CHARACTERS:
            return


def _size(values: Mapping[str, Any]) -> int:
    """About how many characters a record has as JSON. Only nested values are written out to tell."""
    size = _CHARACTERS_OF_A_VALUE * len(values)
    for value in values.values():
        if value.__class__ is str:
            size += len(value)
        elif value.__class__ is dict or value.__class__ is list:
            size += len(orjson.dumps(value))
    return size
