"""What a record has besides its fields, as `where` and `order_by` may name it: its id and when it was accepted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.casting import cast_datetime
from chalicelib.domain.schema import Field, Schema

Meta = Callable[[str, int], Any]  # from the record id, and when it was accepted (epoch milliseconds)

_FIELDS = (
    Field(name="_id", source="_id", type="text", label="_id"),
    Field(name="_timestamp", source="_timestamp", type="datetime", label="_timestamp"),
)
_METAS: Mapping[str, Meta] = {
    "_id": lambda record_id, _accepted_at: record_id,
    "_timestamp": lambda _record_id, accepted_at: cast_datetime(accepted_at),  # as a datetime field would be stored
}


def with_app_metas(schema: Schema) -> Schema:
    """The schema with what every record has besides; a field of the dataset's own goes before one of that name."""
    return replace(schema, fields=(*schema.fields, *(field for field in _FIELDS if schema.get(field.name) is None)))


def app_metas(asked: str, schema: Schema) -> Mapping[str, Meta]:
    """How to make those that a question may be about: a name in a literal costs a little time, and nothing else."""
    return {name: meta for name, meta in _METAS.items() if name in asked and schema.get(name) is None}
