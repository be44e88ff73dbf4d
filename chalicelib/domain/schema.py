"""The schema of a dataset: its fields, their types, and which of them form the unique key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

FieldType = Literal["text", "int", "double", "date", "datetime", "geo_point_2d", "geo_shape", "file", "json_blob"]
FIELD_TYPES: tuple[str, ...] = get_args(FieldType)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: `source` is the key in pushed records, `name` the key in stored ones (a rename moves them apart)."""

    name: str
    source: str
    type: FieldType
    label: str
    description: str | None = None
    annotations: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def is_unique_key(self) -> bool:
        """Whether the field takes part in the record id."""
        return "id" in self.annotations

    def as_json(self) -> dict[str, Any]:
        """The field as the reading API shows it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "annotations": {name: list(args) for name, args in self.annotations.items()},
            "description": self.description,
        }


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The fields of a dataset in their order. `removed` are source names that field configurations took out:
    pushed values under them are dropped without being reported as unknown."""

    fields: tuple[Field, ...] = ()
    removed: frozenset[str] = frozenset()

    @cached_property
    def unique_key(self) -> tuple[str, ...]:
        """Names of the unique-key fields, sorted; empty when none is marked."""
        return tuple(sorted(f.name for f in self.fields if f.is_unique_key))

    @property
    def identifying(self) -> tuple[str, ...]:
        """Names of the fields that record ids are made of: the unique key, or all of them when none is marked."""
        return self.unique_key or tuple(f.name for f in self.fields)

    def get(self, name: str) -> Field | None:
        """The field of that name, if any."""
        return next((f for f in self.fields if f.name == name), None)

    def with_field(self, changed: Field) -> "Schema":
        """The schema with the field of that source replaced, or added at the end."""
        fields = tuple(changed if f.source == changed.source else f for f in self.fields)
        if changed not in fields:
            fields += (changed,)
        return replace(self, fields=fields)

    def as_json(self) -> dict[str, Any]:
        """What is stored of a published schema; `from_json` reads it back."""
        fields = [{**f.as_json(), "source": f.source} for f in self.fields]
        return {"fields": fields, "removed": sorted(self.removed)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Schema":
        """The schema that `as_json` stored."""
        return cls(fields=tuple(Field(**f) for f in stored["fields"]), removed=frozenset(stored["removed"]))
