"""The formats of exports: how each begins, writes a record, and ends. Bytes are UTF-8.

CSV cells hold values as they are: a text that a spreadsheet would take for a formula is left alone, because altering
it would alter data. Null and the empty text look the same in CSV; the JSON formats keep them apart.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql_select import Column, FileUrl, Projection
from chalicelib.domain.schema import Schema
from chalicelib.services.reading.question import Found

FORMATS = ("csv", "geojson", "json", "jsonl")
_GEO = ("geo_point_2d", "geo_shape")
_BOM = "\ufeff"


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """How CSV is written: the delimiter between cells, a byte order mark for spreadsheets, labels as header."""

    delimiter: str = ";"
    with_bom: bool = True
    use_labels: bool = False


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format at work on one question: `record` writes one record, `separator` stands between two."""

    extension: str
    mimetype: str
    record: Callable[[Found], bytes]
    head: bytes = b""
    separator: bytes = b""
    tail: bytes = b""


def format_for(name: str, schema: Schema, projection: Projection, file_url: FileUrl, options: CsvOptions) -> Format:
    """The format of that name; InvalidQuery when there is none, or when it cannot show these records."""
    match name:
        case "csv":
            return _csv(projection, file_url, options)
        case "json":
            line = _json_record(projection, file_url)
            return Format(
                extension="json", mimetype="application/json", record=line, head=b"[\n", separator=b",\n", tail=b"\n]\n"
            )
        case "jsonl":
            line = _json_record(projection, file_url)
            return Format(extension="jsonl", mimetype="application/jsonl", record=lambda found: line(found) + b"\n")
        case "geojson":
            return _geojson(schema, projection, file_url)
    raise InvalidQuery(f"There is no export in the format '{name[:40]}': use {', '.join(FORMATS)}.")


def _json_record(projection: Projection, file_url: FileUrl) -> Callable[[Found], bytes]:
    return lambda found: orjson.dumps(projection.show(found.record.id, found.values, file_url))


def _csv(projection: Projection, file_url: FileUrl, options: CsvOptions) -> Format:
    cells = [_CELLS.get(column.field.type, _plain_cell) for column in projection.columns]
    write = _row_writer(options.delimiter)

    def line(found: Found) -> bytes:
        values = projection.values(found.record.id, found.values, file_url)
        return write([None if value is None else cell(value) for cell, value in zip(cells, values, strict=True)])

    header = write([_heading(column, options.use_labels) for column in projection.columns])
    return Format(
        extension="csv",
        mimetype="text/csv; charset=utf-8",
        record=line,
        head=_BOM.encode() + header if options.with_bom else header,
    )


def _row_writer(delimiter: str) -> Callable[[Sequence[Any]], bytes]:
    writer = csv.writer(_Echo(), delimiter=delimiter, lineterminator="\r\n")
    return writer.writerow  # it returns what _Echo.write returns


class _Echo:
    """A file for the csv module that returns each line in place of keeping it."""

    def write(self, text: str) -> bytes:
        """The line, encoded."""
        return text.encode()


def _heading(column: Column, use_labels: bool) -> str:
    is_renamed = column.name != column.field.name
    return column.field.label if use_labels and not is_renamed else column.name


def _plain_cell(value: Any) -> Any:
    """Texts and numbers as they are (the csv module writes doubles so that they read back the same)."""
    return value if value.__class__ in (str, int, float) else _json_cell(value)


def _json_cell(value: Any) -> str:
    return orjson.dumps(value).decode()


def _point_cell(value: Any) -> Any:
    match value:
        case {"lat": float(lat), "lon": float(lon)}:
            return f"{lat},{lon}"
    return _plain_cell(value)


_CELLS: Mapping[str, Callable[[Any], Any]] = {"json_blob": _json_cell, "geo_point_2d": _point_cell}


def _geojson(schema: Schema, projection: Projection, file_url: FileUrl) -> Format:
    geo = next((field for field in schema.fields if field.type in _GEO), None)
    if geo is None:
        raise InvalidQuery("The dataset has no geo_point_2d or geo_shape field to make GeoJSON of: use json or csv.")
    place = geo.name
    properties = Projection(columns=[column for column in projection.columns if column.field.name != place])

    def feature(found: Found) -> bytes:
        shown = properties.show(found.record.id, found.values, file_url)
        geometry = _geometry(found.values.get(place))
        return orjson.dumps({"type": "Feature", "geometry": geometry, "properties": shown})

    return Format(
        extension="geojson",
        mimetype="application/geo+json",
        record=feature,
        head=b'{"type":"FeatureCollection","features":[\n',
        separator=b",\n",
        tail=b"\n]}\n",
    )


def _geometry(value: Any) -> Any:
    """The GeoJSON geometry of a stored place; None when there is none."""
    match value:
        case {"lat": float(lat), "lon": float(lon)}:
            return {"type": "Point", "coordinates": [lon, lat]}
        case {"geometry": geometry}:
            return geometry
    return None
