"""Joins the values of several fields into one text.

Missing and null fields are left out, and their separators with them; when all of them are, the result is null.
Numbers and booleans are taken as JSON writes them.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, field_names, parameters, text
from chalicelib.domain.processors._values import check_length, text_of

LABEL = "Join fields"
PARAMETERS = parameters(
    {
        "fields": field_names("The fields to join, in this order.", most=100),
        "separator": text("The text to put between them; nothing unless given.", most=100, default=""),
        "output_field": field_name("The field for the result; it may be one of the joined ones."),
    },
    required=["fields", "output_field"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that joins `fields` into `output_field`."""
    fields, separator = tuple(parameters["fields"]), parameters.get("separator", "")
    output = parameters["output_field"]

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        parts = [part for field in fields if (part := text_of(record, field)) is not None]
        check_length(sum(map(len, parts)) + len(separator) * len(parts), output)
        return {**record, output: separator.join(parts) if parts else None}

    return Processor(apply=apply, outputs=((output, "text"),), inputs=tuple(dict.fromkeys(fields)))
