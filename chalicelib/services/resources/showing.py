"""What a preview shows: as many records as an answer carries."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

SHOWN_BYTES = 5_000_000  # as JSON that is sent as a JSON string; there is room beside them for fields and errors


def shown_records(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of the records, as many as fit into an answer."""
    shown: list[dict[str, Any]] = []
    size = 0
    for values in records:
        size += len(json.dumps(orjson.dumps(values).decode()))
        if size > SHOWN_BYTES:
            break
        shown.append(values)
    return shown
