"""Copies the value of a field to another field, of whatever type it is.

A missing or null field gives null. The new field has the type of the copied one.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, parameters

LABEL = "Copy a field"
PARAMETERS = parameters(
    {
        "field": field_name("The field to copy."),
        "output_field": field_name("The field for the copy."),
    },
    required=["field", "output_field"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that copies `field` to `output_field`."""
    field, output = parameters["field"], parameters["output_field"]

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, output: record.get(field)}

    return Processor(apply=apply, outputs=((output, "text"),), inputs=(field,), copies=((output, field),))
