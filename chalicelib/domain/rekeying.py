"""Re-keying: what stored records become under a schema whose unique key, or whose identifying fields, differ.

A record keeps the values of the fields that there are; its id is computed anew, and renamed fields move. Values that
the new id is made of are cast to their new type first.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from chalicelib.domain.casting import CASTERS, CastError
from chalicelib.domain.prepared_record import content_hash
from chalicelib.domain.record import Preparer
from chalicelib.domain.schema import Field, Schema


class Rekeyed(NamedTuple):
    """A record under its new id. `moved` are the names of its file fields: old name by new name."""

    id: str
    text: str
    hash: str
    moved: Mapping[str, str]


def keeps_ids(old: Schema, new: Schema) -> bool:
    """Whether records that are stored under the old schema have the ids and names that they would get under the new."""
    now_by_source = {field.source: field for field in new.fields}
    renamed = any(f.source in now_by_source and now_by_source[f.source].name != f.name for f in old.fields)
    if renamed or old.unique_key != new.unique_key:
        return False
    # Without a unique key every value takes part in the id; a field that is added later is null in the old records.
    identifying = [f for f in old.fields if f.is_unique_key] or old.fields
    return all((g := now_by_source.get(f.source)) is not None and g.type == f.type for f in identifying)


class Rekeyer:
    """Moves records from one schema to another."""

    def __init__(self, old: Schema, new: Schema) -> None:
        before = {field.source: field for field in old.fields}
        self._pairs = [(before[field.source], field) for field in new.fields if field.source in before]
        self._identifying = frozenset(new.identifying)
        self._preparer = Preparer(new)

    def rekey(self, text: str) -> Rekeyed | None:
        """The record of this JSON text, or None when it has no id under the new schema: a field of the key is missing,
        or does not fit its type."""
        stored = orjson.loads(text)
        values: dict[str, Any] = {}
        moved: dict[str, str] = {}
        try:
            for old, new in self._pairs:
                if old.name in stored:
                    values[new.name] = self._value(stored[old.name], old, new)
                    if old.type == new.type == "file":
                        moved[new.name] = old.name
        except CastError:
            return None
        record_id = self._preparer.id_of(values)
        if record_id is None:
            return None
        raw = orjson.dumps(values, None, orjson.OPT_SORT_KEYS)
        return Rekeyed(record_id, raw.decode(), content_hash(raw), moved)

    def _value(self, value: Any, old: Field, new: Field) -> Any:
        if old.type == new.type or new.name not in self._identifying:
            return value
        cast = CASTERS.get(new.type)
        if cast is None:
            raise CastError("a stored value does not become a file")
        return cast(value)
