"""Replaces every occurrence of a text in a field.

The text is looked for as it is, upper and lower case told apart; use regexp_replace for patterns.
The field becomes a text field: numbers and booleans are taken as JSON writes them. A missing or null field stays so.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, parameters, text
from chalicelib.domain.processors._values import replaced, text_of

LABEL = "Replace text"
PARAMETERS = parameters(
    {
        "field": field_name("The field to change."),
        "old": text("The text to look for.", least=1),
        "new": text("The text to put in its place; empty to remove it.", most=10_000),
    },
    required=["field", "old", "new"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that replaces `old` by `new` in `field`."""
    field, old, new = parameters["field"], parameters["old"], parameters["new"]

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        value = text_of(record, field)
        return record if value is None else {**record, field: replaced(value, old, new, field)}

    return Processor(apply=apply, outputs=((field, "text"),), inputs=(field,))
