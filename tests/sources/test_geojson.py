"""GeoJSON files: properties and places become fields."""

import json
from typing import Any

import pytest

from chalicelib.domain.inference import infer_fields
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.opening import open_records
from tests.sources.files import Dripping, read, values

POINT = {"type": "Point", "coordinates": [2.35, 48.85, 35]}
LINE = {"type": "LineString", "coordinates": [[2.3, 48.8], [2.4, 48.9]]}


def feature(properties: Any, geometry: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry, **more}


def collection(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **more}).encode()


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_features_become_records(size: int) -> None:
    content = collection(feature({"name": "Paris"}, POINT), feature({"name": "A6"}, LINE), feature(None, None))
    found = [record.values for record in open_records(Dripping(content, size), "geojson", {})]
    assert found == [
        {"name": "Paris", "geo_shape": POINT, "geo_point_2d": {"lat": 48.85, "lon": 2.35}},
        {"name": "A6", "geo_shape": LINE},
        {"geo_shape": None},
    ]
    assert infer_fields(found) == [("name", "text"), ("geo_shape", "geo_shape"), ("geo_point_2d", "geo_point_2d")]


def test_the_features_may_come_before_the_type() -> None:
    content = json.dumps({"features": [feature({"a": 1}, LINE)], "bbox": [[1], {}], "type": "FeatureCollection"})
    assert values(content.encode(), "geojson") == [{"a": 1, "geo_shape": LINE}]


def test_the_id_of_a_feature_is_a_field() -> None:
    assert values(collection(feature({"a": 1}, None, id=7)), "geojson") == [{"a": 1, "geo_shape": None, "id": 7}]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"geo_shape": "round"}, {"property_geo_shape": "round"}),
        ({"geo_point_2d": "x", "id": "mine"}, {"property_geo_point_2d": "x", "property_id": "mine"}),
        ({"id": 7, "geo_point_2d": {"lat": 48.85, "lon": 2.35}}, {}),
        ({"geo_shape": 1, "property_geo_shape": 2}, {"property_geo_shape": 2, "property_property_geo_shape": 1}),
    ],
)
def test_a_property_called_like_a_place_gets_another_name(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    place = {"geo_shape": POINT, "geo_point_2d": {"lat": 48.85, "lon": 2.35}, "id": 7}
    assert values(collection(feature(properties, POINT, id=7)), "geojson") == [{**place, **expected}]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (feature({"a": 1}, LINE), {"a": 1, "geo_shape": LINE}),
        (LINE, {"geo_shape": LINE}),
        (POINT, {"geo_shape": POINT, "geo_point_2d": {"lat": 48.85, "lon": 2.35}}),
    ],
)
def test_one_feature_or_geometry_is_one_record(document: Any, expected: dict[str, Any]) -> None:
    assert values(json.dumps(document).encode(), "geojson") == [expected]


def test_a_collection_without_features_has_no_records() -> None:
    assert read(collection(), "geojson") == []


@pytest.mark.parametrize("system", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
def test_degrees_may_be_declared(system: str) -> None:
    content = collection(feature({}, LINE), crs={"type": "name", "properties": {"name": system}})
    assert len(read(content, "geojson")) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no GeoJSON"),
        (b"[]", "no GeoJSON"),
        (b'{"a": 1}', "no GeoJSON"),
        (b'{"type": "FeatureCollection"}', "no GeoJSON"),
        (b'{"features": []}', "no GeoJSON"),
        (collection(feature({}, LINE), {"a": 1}), "entry 2 is no feature"),
        (collection(feature({}, LINE), 1), "entry 2 is no feature"),
        (collection(feature({}, {"type": "Circle"})), "entry 1 has a geometry of type 'Circle'"),
        (collection(feature({}, LINE), feature([1], LINE)), "entry 2 has properties that are no object"),
        (collection(feature({}, {"type": "Point", "coordinates": []})), "entry 1 is a point without coordinates"),
        (collection(feature({}, {"type": "Point", "coordinates": ["a", "b"]})), "entry 1 is a point without"),
        (collection(feature({}, LINE))[:-3], "cut off"),
        (collection(feature({}, LINE), crs={"properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}), "EPSG::2154"),
        (b'{"type":"FeatureCollection","features":[],"features":[]}', "'features' twice"),
    ],
)
def test_what_is_no_geojson_says_why(content: bytes, says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        read(content, "geojson")
    assert says in str(broken.value)
