"""Leaves out records: those for which a condition holds, or those in which a field has one of some values.

`condition` is an expression of the language of the processor `expression`, such as `status == "closed" or price > 100`;
a record is left out when its result is neither false, null, 0 nor an empty text. With `field` and `values` a record is
left out when the field's value, as text, is one of the values as text (1 and "1" are the same); null stands for a
missing or null field. Records that are left out are no errors, and are not counted as such.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, parameters
from chalicelib.domain.processors._values import scalar_text

LABEL = "Skip records"
PARAMETERS = parameters(
    {
        "condition": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "description": "The expression that holds for the records to leave out.",
            "examples": ['status == "closed"'],
        },
        "field": field_name("The field to look at."),
        "values": {
            "type": "array",
            "items": {"type": ["string", "number", "boolean", "null"], "maxLength": 1000},
            "minItems": 1,
            "maxItems": 1000,
            "description": "The values of the records to leave out.",
        },
    },
    together=[["field", "values"]],
    either=[["condition"], ["field", "values"]],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that leaves out the records for which `condition` holds, or whose `field` is in `values`."""
    if "condition" in parameters:
        from chalicelib.domain.processors._expressions import compile_expression  # noqa: PLC0415 - only this form

        condition = compile_expression(parameters["condition"], "condition")
        return _skipping(lambda record: bool(condition.evaluate(record, None)), condition.fields)
    field = parameters["field"]
    return _skipping(_has_value(field, parameters["values"]), (field,))


def _skipping(is_skipped: Callable[[Mapping[str, Any]], bool], inputs: tuple[str, ...]) -> Processor:
    return Processor(apply=lambda record: None if is_skipped(record) else record, outputs=(), inputs=inputs, skips=True)


def _has_value(field: str, values: Sequence[Any]) -> Callable[[Mapping[str, Any]], bool]:
    texts = {scalar_text(value) for value in values if value is not None}
    has_null = None in values

    def has_value(record: Mapping[str, Any]) -> bool:
        value = record.get(field)
        return has_null if value is None else scalar_text(value) in texts

    return has_value
