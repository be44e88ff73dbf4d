"""GeoJSON files (RFC 7946): one record for each feature."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.domain.geo import GEOMETRY_TYPES
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.json_stream import JsonStream
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.formats.text import decoded

SHAPE, POINT, ID = "geo_shape", "geo_point_2d", "id"
_DEGREES = ("CRS84", "4326")  # the ends of the names of the systems in which positions are longitude and latitude


def read_geojson(chunks: Iterable[bytes], params: Mapping[str, Any]) -> Iterator[SourceRecord]:
    """The records of a FeatureCollection, or of one Feature or geometry.

    The properties become fields, the geometry the field `geo_shape`, a point also `geo_point_2d`, the feature's id
    `id`; a property of one of these names is called `property_geo_shape` and so on, unless it says the same.
    `params`: `encoding`, optional.
    """
    stream = JsonStream(decoded(chunks, params.get("encoding")))
    if stream.peek() != "{":
        raise BrokenFile("the file is no GeoJSON: it must hold an object of type FeatureCollection or Feature")
    rest: dict[str, Any] = {}
    has_features = False
    for name in stream.members():
        if name == "features" and stream.peek() == "[":
            if has_features:
                raise BrokenFile(f"the file has 'features' twice (line {stream.line}): leave one of them")
            has_features = True
            for number in stream.elements():
                yield _record(stream.value(f"entry {number}"), number)
        elif name in ("type", "geometry", "properties", "id", "crs", "coordinates", "geometries"):
            rest[name] = stream.value(f"'{name}'")
            _check_system(rest.get("crs"))
        else:
            stream.skip()
    stream.finish()
    kind = rest.get("type")
    if has_features and kind == "FeatureCollection":
        return
    if kind == "Feature":
        yield _record(rest, 1)
    elif isinstance(kind, str) and kind in GEOMETRY_TYPES:
        yield _record({"type": "Feature", "geometry": rest, "properties": None}, 1)
    else:
        raise BrokenFile("the file is no GeoJSON: it must be a FeatureCollection with features, or a Feature")


def _record(feature: Any, number: int) -> SourceRecord:
    match feature:
        case {"type": "Feature", "geometry": None | {"type": str()}, **rest}:
            geometry = feature["geometry"]
            properties = rest.get("properties")
        case _:
            raise BrokenFile(f"entry {number} is no feature: it must have type Feature, geometry and properties")
    if geometry is not None and geometry["type"] not in GEOMETRY_TYPES:
        raise BrokenFile(f"entry {number} has a geometry of type '{geometry['type'][:40]}': GeoJSON has none such")
    if not isinstance(properties, dict | None):
        raise BrokenFile(f"entry {number} has properties that are no object: mend it")
    places = {SHAPE: geometry}
    if geometry is not None and geometry["type"] == "Point":
        places[POINT] = _point(geometry, number)
    if "id" in rest:
        places[ID] = rest["id"]
    values: dict[str, Any] = dict(properties or {})
    for name in places.keys() & values.keys():
        if values[name] != places[name]:
            values[_free_name(name, values)] = values[name]
    return SourceRecord({**values, **places}, "entry", number)


def _point(geometry: Mapping[str, Any], number: int) -> dict[str, Any]:
    match geometry.get("coordinates"):
        case [int() | float() as lon, int() | float() as lat, *_]:
            return {"lat": lat, "lon": lon}
    raise BrokenFile(f"entry {number} is a point without coordinates: give it [longitude, latitude]")


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Another name for a property that is called like a place."""
    while name in taken:
        name = f"property_{name}"
    return name


def _check_system(system: Any) -> None:
    """Positions in metres cannot be told from degrees later; GeoJSON has had no other system since 2016."""
    match system:
        case {"properties": {"name": str(name)}} if not name.endswith(_DEGREES):
            raise BrokenFile(f"the coordinates are in {name[:60]}: convert the file to longitude and latitude (WGS 84)")
