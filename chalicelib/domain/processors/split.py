"""Splits the text of a field at a separator and keeps one part, or the first parts, in other fields.

With `index` and `output_field` one part is kept: 0 is the first, -1 the last. With `output_fields` the first parts go
to those fields in order, and what is left over is dropped. A part that is not there is null, and so is every part of a
missing or null field. Parts are kept as they are, blanks included.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, field_names, parameters, text
from chalicelib.domain.processors._values import check_length, text_of

LABEL = "Split text"
_INDEX = "The part to keep: 0 is the first, 1 the second, -1 the last."
PARAMETERS = parameters(
    {
        "field": field_name("The field to split."),
        "separator": text("The text at which to split.", least=1, most=100),
        "index": {"type": "integer", "minimum": -1000, "maximum": 999, "description": _INDEX},
        "output_field": field_name("The field for that part."),
        "output_fields": field_names("The fields for the first parts, in order.", most=100, uniqueItems=True),
    },
    required=["field", "separator"],
    together=[["index", "output_field"]],
    either=[["index", "output_field"], ["output_fields"]],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that splits `field` at `separator`."""
    field, separator = parameters["field"], parameters["separator"]
    if "output_fields" in parameters:
        outputs = tuple(parameters["output_fields"])
        parts_of = _first(separator, len(outputs))
    else:
        outputs = (parameters["output_field"],)
        parts_of = _one(separator, int(parameters["index"]))

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        value = text_of(record, field)
        parts: list[str | None] = [None] * len(outputs) if value is None else parts_of(value)
        for name, part in zip(outputs, parts, strict=True):
            check_length(len(part or ""), name)
        return {**record, **dict(zip(outputs, parts, strict=True))}

    return Processor(apply=apply, outputs=tuple((name, "text") for name in outputs), inputs=(field,))


def _first(separator: str, count: int) -> Callable[[str], list[str | None]]:
    def parts_of(text: str) -> list[str | None]:
        # No more parts are made than are asked for: a long text may have millions.
        parts = text.split(separator, count)[:count]
        return [*parts, *[None] * (count - len(parts))]

    return parts_of


def _one(separator: str, index: int) -> Callable[[str], list[str | None]]:
    def parts_of(text: str) -> list[str | None]:
        parts = text.split(separator, index + 1) if index >= 0 else text.rsplit(separator, -index)
        return [parts[index] if -len(parts) <= index < len(parts) else None]

    return parts_of
