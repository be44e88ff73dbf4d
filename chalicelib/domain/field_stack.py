"""Field configurations: an ordered stack that turns the source's fields into the dataset's schema.

Each configuration is a JSON object with a `type`; the contract, "Fields", lists them. `compile_schema` applies them
in order and is where every mistake in them is found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.inference import SourceField
from chalicelib.domain.schema import FIELD_TYPES, Field, FieldType, Schema
from chalicelib.domain.shape import REQUIRED, Json, Key, anything_list, checked, one_of, schema_of, text, texts

MAX_FIELDS = 500
ANNOTATIONS = (  # the unique key, and what clients know from elsewhere: of that nothing follows but that readers see it
    "id", "facet", "facetsort", "disjunctive", "hierarchical", "multivalued", "sortable", "timeserie_precision",
    "timerangeFilter", "unit", "decimals",
)  # fmt: skip
Configuration = Mapping[str, Any]


def compile_schema(source_fields: Sequence[SourceField], stack: Sequence[Configuration]) -> Schema:
    """The schema of the source's fields after the whole stack; ValidationFailed names the first one that cannot be."""
    schema = Schema(
        fields=tuple(Field(name=n, source=n, type=cast(FieldType, kind), label=n) for n, kind in source_fields)
    )
    for configuration in stack:
        schema = _STEPS[configuration["type"]](schema, configuration)
    if len(schema.fields) > MAX_FIELDS:
        raise ValidationFailed(
            {"fields": [f"the dataset would have {len(schema.fields)} fields, the limit is {MAX_FIELDS}: delete some"]}
        )
    return schema


def check_configuration(configuration: Any) -> dict[str, Any]:
    """The configuration when its shape is right, else ValidationFailed naming every bad, missing or unknown key."""
    kind = configuration.get("type") if isinstance(configuration, dict) else None
    if kind is None:
        raise ValidationFailed({"type": [f"{REQUIRED}: one of {', '.join(_SHAPES)}"]})
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise ValidationFailed({"type": [f"unknown field configuration; use one of {', '.join(_SHAPES)}"]})
    return checked(configuration, _keys(kind))


def configuration_schemas() -> list[Json]:
    """The JSON Schema of each type of configuration."""
    return [schema_of(_keys(kind)) for kind in _SHAPES]


def _keys(kind: str) -> dict[str, Key]:
    return {"type": Key(problem=one_of(kind), required=True), **_SHAPES[kind], "label": _OPTIONAL_TEXT}


def _rename(schema: Schema, configuration: Configuration) -> Schema:
    renamed = _existing(schema, configuration["from_name"], "from_name")
    to_name = configuration["to_name"]
    taken = schema.get(to_name)
    if taken is not None and taken is not renamed:
        raise ValidationFailed({"to_name": [f"there is already a field '{to_name}': choose another name"]})
    label = configuration.get("field_label") or renamed.label
    return schema.with_field(replace(renamed, name=to_name, label=label))


def _type(schema: Schema, configuration: Configuration) -> Schema:
    """Set the type of a field; one that no source has yet is declared by it."""
    name = configuration["field"]
    typed = schema.get(name)
    if typed is None:
        if any(f.source == name for f in schema.fields) or name in schema.removed:
            raise ValidationFailed({"field": [f"there is no field '{name}': use its present name"]})
        typed = Field(name=name, source=name, type="text", label=name)
    return schema.with_field(replace(typed, type=configuration["type_param"]))


def _annotate(schema: Schema, configuration: Configuration) -> Schema:
    annotated = _existing(schema, configuration["field"], "field")
    annotations = {**annotated.annotations, configuration["annotation"]: list(configuration.get("args", []))}
    return schema.with_field(replace(annotated, annotations=annotations))


def _describe(schema: Schema, configuration: Configuration) -> Schema:
    described = _existing(schema, configuration["field"], "field")
    return schema.with_field(replace(described, description=configuration["description"]))


def _order(schema: Schema, configuration: Configuration) -> Schema:
    first = [_existing(schema, name, "args") for name in configuration["args"]]
    by_source = {f.source: f for f in (*first, *schema.fields)}  # a dict keeps the place of first appearance
    return replace(schema, fields=tuple(by_source.values()))


def _delete(schema: Schema, configuration: Configuration) -> Schema:
    deleted = _existing(schema, configuration["field"], "field")
    return replace(
        schema,
        fields=tuple(f for f in schema.fields if f is not deleted),
        removed=schema.removed | {deleted.source},
    )


def _existing(schema: Schema, name: Any, key: str) -> Field:
    found = schema.get(name) if isinstance(name, str) else None
    if found is None:
        names = ", ".join(f.name for f in schema.fields) or "none yet: add a source with bootstrap data first"
        raise ValidationFailed({key: [f"there is no field '{name}'; the fields are: {names}"]})
    return found


_STEPS: Mapping[str, Callable[[Schema, Configuration], Schema]] = {
    "rename": _rename,
    "type": _type,
    "annotate": _annotate,
    "description": _describe,
    "order": _order,
    "delete": _delete,
}
_TEXT = Key(problem=text(least=1, most=255), required=True)
_OPTIONAL_TEXT = Key(problem=text())
# For each configuration the keys it has beside `type` and `label`.
_SHAPES: Mapping[str, Mapping[str, Key]] = {
    "rename": {"from_name": _TEXT, "to_name": _TEXT, "field_label": _OPTIONAL_TEXT},
    "type": {"field": _TEXT, "type_param": Key(problem=one_of(*FIELD_TYPES), required=True)},
    "annotate": {
        "field": _TEXT,
        "annotation": Key(problem=one_of(*ANNOTATIONS), required=True),
        "args": Key(problem=anything_list),
    },
    "description": {"field": _TEXT, "description": Key(problem=text(most=5000), required=True)},
    "order": {"args": Key(problem=texts(most=MAX_FIELDS, each=255), required=True)},
    "delete": {"field": _TEXT},
}
