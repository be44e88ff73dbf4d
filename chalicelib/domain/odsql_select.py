"""`select` compiled for a schema: which fields a result shows, under which names, and how a stored value is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql_condition import known_field
from chalicelib.domain.odsql_tree import Selected
from chalicelib.domain.schema import Field, Schema

FILE_ID_LENGTH = 16  # hex characters of the content's SHA-256
FileUrl = Callable[[str], str]  # from a file id to the URL of the file


@dataclass(frozen=True, kw_only=True)
class Column:
    """A field of a result, under the name that the query gives it."""

    field: Field
    name: str


@dataclass(frozen=True, kw_only=True)
class Projection:
    """What results show: their columns in order."""

    columns: Sequence[Column]

    @cached_property
    def _names(self) -> list[str]:
        return [column.name for column in self.columns]

    @cached_property
    def _sources(self) -> list[str]:
        return [column.field.name for column in self.columns]

    @cached_property
    def _files(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column.field.type == "file"]

    def values(self, record_id: str, record: Mapping[str, Any], file_url: FileUrl) -> list[Any]:
        """The record's values by column; what it lacks is None, a file is shown with its URL."""
        values = list(map(record.get, self._sources))
        for index in self._files:
            values[index] = _shown_file(record_id, values[index], file_url)
        return values

    def show(self, record_id: str, record: Mapping[str, Any], file_url: FileUrl) -> dict[str, Any]:
        """The record as a flat object."""
        return dict(zip(self._names, self.values(record_id, record, file_url), strict=True))


def compile_select(selected: Sequence[Selected], schema: Schema) -> Projection:
    """The projection; InvalidQuery names unknown fields, and two fields that would have one name."""
    columns: dict[str, Column] = {}
    for entry in selected:
        fields = schema.fields if entry.field is None else [known_field(schema, entry.field)]
        for field in fields:
            column = Column(field=field, name=entry.alias or field.name)
            if columns.setdefault(column.name, column) != column:
                raise InvalidQuery(f"select gives the name '{column.name[:60]}' to two fields: choose another.")
    return Projection(columns=list(columns.values()))


def everything(schema: Schema) -> Projection:
    """Every field of the schema under its own name, in order."""
    return compile_select([Selected(field=None)], schema)


def file_id(record_id: str, sha256: str) -> str:
    """The id of a file in URLs: it finds the record, and in it the field whose content is still this one."""
    return f"{record_id}.{sha256[:FILE_ID_LENGTH]}"


def _shown_file(record_id: str, stored: Any, file_url: FileUrl) -> Any:
    """{"filename", "mimetype", "size", "url"}; a value from when the field was none is shown as it is."""
    if not isinstance(stored, dict) or not isinstance(stored.get("sha256"), str):
        return stored
    shown = {name: value for name, value in stored.items() if name != "sha256"}
    return {**shown, "url": file_url(file_id(record_id, stored["sha256"]))}
