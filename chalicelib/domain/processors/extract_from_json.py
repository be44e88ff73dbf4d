"""Takes a value out of a field that holds JSON, either as text or as an object or array.

`path` is a JMESPath expression: `address.city`, `tags[0]`, `"odd name".x`, `items[*].price`, `items[?kind=='a'].price`.
Functions and multiple selections are left out, so that the result is never larger than what it was taken from. A path
that leads nowhere gives null, as does a missing, null or blank field. Text that is not JSON fails.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.nesting import MAX_DEPTH, is_deeper
from chalicelib.domain.processors import Processor, ProcessorFailed
from chalicelib.domain.processors._parameters import field_name, output_type, parameters, text
from chalicelib.domain.processors._values import cast_value, is_blank

LABEL = "Extract from JSON"
PARAMETERS = parameters(
    {
        "field": field_name("The field that holds the JSON."),
        "path": text("Where the value is, as a JMESPath expression.", least=1, most=250, examples=["address.city"]),
        "output_field": field_name("The field for the value."),
        "output_type": output_type("The type of the value; json_blob keeps objects and arrays."),
    },
    required=["field", "path", "output_field"],
)
_MAX_PATH_DEPTH = 50
# Multiple selections are missing on purpose: `[@, @]` doubles its input, and fifty of them in a row would fill any
# memory. Without them and without functions a path only ever picks from its input.
_STEPS = frozenset(
    {
        "field", "subexpression", "index_expression", "index", "slice", "projection", "value_projection", "flatten",
        "filter_projection", "comparator", "or_expression", "and_expression", "not_expression", "identity", "literal",
        "current", "pipe",
    }
)  # fmt: skip


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that takes `path` of the JSON in `field` to `output_field`."""
    field, output, kind = parameters["field"], parameters["output_field"], parameters.get("output_type", "text")
    path = _compiled(parameters["path"])

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        value = record.get(field)
        if is_blank(value):
            return {**record, output: None}
        found = _found(path, _loaded(value, field) if isinstance(value, str) else value, field)
        if is_deeper(found, MAX_DEPTH - 1):  # the record itself is a level
            raise ProcessorFailed(
                f"field '{field}': what is at {parameters['path']} is nested more than {MAX_DEPTH} levels deep: "
                "choose a path that leads further in",
                field=field,
            )
        return {**record, output: cast_value(found, kind, output)}

    return Processor(apply=apply, outputs=((output, kind),), inputs=(field,))


def _loaded(text: str, field: str) -> Any:
    try:
        return orjson.loads(text.removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        problem = error.msg.partition(": line ")[0]
        raise ProcessorFailed(
            f"field '{field}' is not JSON: {problem} at character {error.pos + 1}: mend it there", field=field
        ) from None


def _found(path: Any, value: Any, field: str) -> Any:
    try:
        return path.search(value)
    except (TypeError, ValueError, RecursionError):
        # A filter orders a text and a number, or compares what is nested a thousand levels deep.
        raise ProcessorFailed(
            f"field '{field}': the path compares values that cannot be compared: compare texts with texts and numbers "
            "with numbers",
            field=field,
        ) from None


def _compiled(path: str) -> Any:
    import warnings  # noqa: PLC0415 - with the library it is for

    import jmespath  # type: ignore[import-untyped]  # noqa: PLC0415 - imported when the first path is compiled

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the library warns of spellings that it will no longer take
            compiled = jmespath.compile(path)
    except (jmespath.exceptions.JMESPathError, RecursionError, Warning, ValueError) as error:
        raise ValidationFailed({"path": [f"not a JMESPath expression: {' '.join(str(error).split())[:200]}"]}) from None
    for node, depth in _nodes(compiled.parsed):
        if node["type"] not in _STEPS:
            raise ValidationFailed(
                {"path": [f"{node['type'].replace('_', ' ')} is not available here: use names, indexes and filters"]}
            )
        if depth > _MAX_PATH_DEPTH:
            raise ValidationFailed({"path": [f"more than {_MAX_PATH_DEPTH} steps: shorten it"]})
        if node["type"] == "slice" and node["children"][2] == 0:
            raise ValidationFailed({"path": ["a slice with the step 0 never ends: use another step"]})
    return compiled


def _nodes(tree: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Each node of a path's tree with its depth."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in node["children"] if isinstance(child, dict) and "type" in child]
