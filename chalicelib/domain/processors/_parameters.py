"""The parameters of processors: pieces of their JSON Schemas, and the check of a configuration against one.

The check knows the part of JSON Schema draft 2020-12 that the processors use, no more, and answers every problem by
key in words; the tests hold it to a full implementation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.domain.schema import FIELD_TYPES
from chalicelib.domain.shape import REQUIRED

Json = dict[str, Any]

OUTPUT_TYPES = tuple(kind for kind in FIELD_TYPES if kind != "file")

_MAX_FIELD_NAME = 255
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text"),
    "integer": ((int, float), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "null": ((type(None),), "null"),
    "array": ((list,), "a list"),
}


def parameters(
    properties: Mapping[str, Json],
    *,
    required: Sequence[str] = (),
    together: Sequence[Sequence[str]] = (),
    either: Sequence[Sequence[str]] = (),
) -> Json:
    """The JSON Schema of a processor's parameters: `together` are groups given all or not at all, `either` are the
    groups of which exactly one is given."""
    schema: Json = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    if together:
        schema["dependentRequired"] = {
            name: [other for other in group if other != name] for group in together for name in group
        }
    if either:
        schema["oneOf"] = [{"required": list(group)} for group in either]
    return schema


def text(description: str, *, least: int = 0, most: int = 1000, **more: Any) -> Json:
    """A text of that many characters."""
    return {"type": "string", "minLength": least, "maxLength": most, "description": description, **more}


def field_name(description: str) -> Json:
    """The name of a field."""
    return text(description, least=1, most=_MAX_FIELD_NAME)


def field_names(description: str, *, most: int, **more: Any) -> Json:
    """A list of names of fields."""
    item = {"type": "string", "minLength": 1, "maxLength": _MAX_FIELD_NAME}
    return {"type": "array", "items": item, "minItems": 1, "maxItems": most, "description": description, **more}


def output_type(description: str) -> Json:
    """The type of a created field; text unless said otherwise."""
    return {"type": "string", "enum": list(OUTPUT_TYPES), "default": "text", "description": description}


def problems(schema: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with the body, by key: unknown and missing keys, and values that do not fit."""
    known = schema["properties"]
    found: dict[str, list[str]] = {}
    for name, value in body.items():
        problem = _problem(known[name], value) if name in known else f"unknown field; use {', '.join(known)}"
        if problem:
            found[name] = [problem]
    for name in schema.get("required", ()):
        if name not in body:
            found[name] = [REQUIRED]
    for name, others in schema.get("dependentRequired", {}).items():
        for other in others:
            if name in body and other not in body:
                found[other] = [f"{REQUIRED} with {name}"]
    return found or _alternatives(schema.get("oneOf", ()), body)


def _alternatives(alternatives: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> dict[str, list[str]]:
    groups = [alternative["required"] for alternative in alternatives]
    given = [group for group in groups if all(name in body for name in group)]
    if not groups or len(given) == 1:
        return {}
    choice = ", or ".join(" and ".join(group) for group in groups)
    named = given or groups[:1]
    return {name: [f"give either {choice}"] for group in named for name in group}


def _problem(schema: Mapping[str, Any], value: Any) -> str | None:
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kind = next((kind for kind in kinds if _is_a(kind, value)), None)
    if kind is None:
        return f"expected {' or '.join(_KINDS[kind][1] for kind in kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"expected one of {', '.join(schema['enum'])}"
    if kind == "array":
        return _problem_of_list(schema, value)
    if kind == "string":
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if len(value) < least or (most is not None and len(value) > most):
            return f"expected text of {least} to {most} characters"
    if kind in ("integer", "number") and "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        return f"expected a whole number from {schema['minimum']} to {schema['maximum']}"
    return None


def _problem_of_list(schema: Mapping[str, Any], values: Sequence[Any]) -> str | None:
    if not schema["minItems"] <= len(values) <= schema["maxItems"]:
        return f"expected a list of {schema['minItems']} to {schema['maxItems']}"
    for number, value in enumerate(values, 1):
        if problem := _problem(schema["items"], value):
            return f"number {number} of the list: {problem}"
    if schema.get("uniqueItems") and len(set(values)) < len(values):
        return "the list names one thing twice"
    return None


def _is_a(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _KINDS[kind][0])
