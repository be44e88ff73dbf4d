"""A plain model of what requests do to the records: dictionaries, and ids computed by the published formula."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.fuzz.world import KEY, Table

Records = dict[tuple[str, str], Any]  # by pk and sk, each as its JSON value
SHARDS = 8
_ID = re.compile("[0-9a-f]{40}")


def as_records(table: Table) -> Records:
    """The records table as JSON values."""
    return {place: json.loads(stored.text) for place, stored in table.items()}


def record_id(stored: Mapping[str, Any]) -> str:
    """The first 40 hex of SHA-256 over the canonical JSON of the sorted [name, value] pairs of the unique key."""
    pairs = [[name, stored[name]] for name in sorted(KEY)]
    text = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def place_of(partition: str, identifier: str) -> tuple[str, str]:
    """The pk and sk of a record."""
    return f"{partition}#{int(identifier[0], 16) * SHARDS // 16}", identifier


def after_push(before: Records, partition: str, records: Iterable[Mapping[str, Any]]) -> Records:
    """Each record overwrites the whole one of its key; the last one wins; nulls take no place."""
    after = dict(before)
    for record in records:
        stored = {name: value for name, value in record.items() if value is not None}
        after[place_of(partition, record_id(stored))] = stored
    return after


def after_delete(before: Records, partition: str, identifiers: Iterable[str]) -> Records:
    """Those ids are gone; what was not there is fine."""
    gone = {place_of(partition, identifier) for identifier in identifiers if _ID.fullmatch(identifier)}
    return {place: record for place, record in before.items() if place not in gone}
