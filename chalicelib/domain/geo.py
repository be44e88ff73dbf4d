"""Geographic values: points in degrees and GeoJSON shapes (RFC 7946)."""

import math
from typing import Any

import orjson

from chalicelib.domain.nesting import MAX_DEPTH, is_deeper

_DEPTHS = {  # how many arrays are around a position in the coordinates of each geometry
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
GEOMETRY_TYPES = frozenset({*_DEPTHS, "GeometryCollection"})
MIN_POSITION, MAX_POSITION = 2, 3


def geo_point(value: Any) -> dict[str, float] | None:
    """{"lon", "lat"} of a value that is a point in one of the accepted forms, else None."""
    lat: Any
    lon: Any
    match value:
        case {"lat": lat, "lon": lon} if len(value) == MIN_POSITION:
            pass
        case {"type": "Point", "coordinates": [lon, lat, *_]}:
            pass
        case [lat, lon]:
            pass
        case str():
            parts = value.split(",")
            if len(parts) != MIN_POSITION:
                return None
            try:
                lat, lon = float(parts[0]), float(parts[1])
            except ValueError:
                return None
        case _:
            return None
    if not (_is_number(lat) and _is_number(lon) and -90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return {"lon": float(lon) + 0.0, "lat": float(lat) + 0.0}


def geo_shape(value: Any) -> dict[str, Any] | None:
    """The GeoJSON Feature of a Feature, a geometry, or the text of one; None when it is neither."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
        if is_deeper(value, MAX_DEPTH - 1):  # the record itself is a level
            return None
    properties: Any = {}
    if isinstance(value, dict) and value.get("type") == "Feature":
        value, properties = value.get("geometry"), value.get("properties") or {}
    if not _is_geometry(value):
        return None
    return {"type": "Feature", "geometry": value, "properties": properties}


def _is_geometry(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if kind == "GeometryCollection":
        parts = value.get("geometries")
        return isinstance(parts, list) and all(_is_geometry(part) for part in parts)
    if not isinstance(kind, str) or kind not in _DEPTHS:
        return False
    return _are_coordinates(value.get("coordinates"), _DEPTHS[kind])


def _are_coordinates(value: Any, depth: int) -> bool:
    if not isinstance(value, list):
        return False
    if depth == 0:
        return MIN_POSITION <= len(value) <= MAX_POSITION and all(_is_number(part) for part in value)
    return all(_are_coordinates(part, depth - 1) for part in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
