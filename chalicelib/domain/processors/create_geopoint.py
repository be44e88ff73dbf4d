"""Makes a geographic point of a latitude and a longitude in degrees (WGS 84).

Both are numbers or their texts; a decimal comma is accepted ("48,85" is 48.85). When one of them is missing, null or
blank the point is null. Out of range (latitude -90 to 90, longitude -180 to 180), or no number, fails.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.geo import geo_point
from chalicelib.domain.processors import Processor, ProcessorFailed
from chalicelib.domain.processors._parameters import field_name, parameters
from chalicelib.domain.processors._values import cast_value, is_blank

LABEL = "Create a geographic point"
PARAMETERS = parameters(
    {
        "latitude": field_name("The field that holds the latitude."),
        "longitude": field_name("The field that holds the longitude."),
        "output_field": field_name("The field for the point, of the type geo_point_2d."),
    },
    required=["latitude", "longitude", "output_field"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that makes a point of `latitude` and `longitude` in `output_field`."""
    latitude, longitude, output = parameters["latitude"], parameters["longitude"], parameters["output_field"]

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        lat, lon = record.get(latitude), record.get(longitude)
        if is_blank(lat) or is_blank(lon):
            return {**record, output: None}
        degrees = [_degrees(lat, latitude), _degrees(lon, longitude)]
        for value, field, most in zip(degrees, (latitude, longitude), (90, 180), strict=True):
            if abs(value) > most:
                raise ProcessorFailed(
                    f"field '{field}': {value} degrees are not between -{most} and {most}", field=field
                )
        return {**record, output: geo_point(degrees)}

    return Processor(apply=apply, outputs=((output, "geo_point_2d"),), inputs=(latitude, longitude))


def _degrees(value: Any, field: str) -> float:
    return float(cast_value(value.replace(",", ".", 1) if isinstance(value, str) else value, "double", field))
