"""What readers see of a dataset's data who have no API key that may browse. (Whether they see the dataset at all is
its `is_restricted`.)"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.schema import Schema
from chalicelib.domain.shape import Key, checked, described, flag

_MAX_NAMES, _MAX_NAME, _MAX_BYTES = 500, 255, 30_000
_UNOFFERED: Mapping[str, Any] = {"filter_query": "", "api_calls_quota": None}


@dataclass(frozen=True, kw_only=True)
class DefaultSecurity:
    """`visible_fields` are names of fields, None stands for all of them."""

    is_data_visible: bool = True
    visible_fields: tuple[str, ...] | None = None

    def changed(self, body: Any) -> "DefaultSecurity":
        """What a body makes of it; what the body leaves out stays. ValidationFailed names what is wrong."""
        values = checked(body, SECURITY_KEYS)
        shown = values.get("visible_fields", self.visible_fields)
        return DefaultSecurity(
            is_data_visible=values.get("is_data_visible", self.is_data_visible),
            visible_fields=None if shown is None else tuple(dict.fromkeys(shown)),
        )

    def narrowed(self, schema: Schema) -> Schema:
        """The schema as these readers see it: what they ask, and what is shown to them, knows no other field."""
        names = self.visible_fields
        if names is None:
            return schema
        return replace(schema, fields=tuple(field for field in schema.fields if field.name in names))

    def shows_records(self, schema: Schema) -> bool:
        """Whether these readers see records of this (whole) schema. Record ids, and the order of records with them,
        come from the identifying fields: while one of those is hidden, they would tell what it holds."""
        return self.is_data_visible and not self.hidden_identity(schema)

    def hidden_identity(self, schema: Schema) -> list[str]:
        """The names of the identifying fields that are hidden."""
        shown = self.visible_fields
        return [] if shown is None else [name for name in schema.identifying if name not in shown]

    def as_json(self) -> dict[str, Any]:
        """What is stored and shown, `from_json` reads it back."""
        fields = None if self.visible_fields is None else list(self.visible_fields)
        return {"is_data_visible": self.is_data_visible, "visible_fields": fields, **_UNOFFERED}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "DefaultSecurity":
        """The security that `as_json` stored; None stands for a dataset that never had one."""
        if stored is None:
            return EVERYTHING
        fields = stored["visible_fields"]
        return cls(is_data_visible=stored["is_data_visible"], visible_fields=None if fields is None else tuple(fields))


EVERYTHING = DefaultSecurity()


@described(
    {
        "type": ["array", "null"],
        "minItems": 1,
        "maxItems": _MAX_NAMES,
        "items": {"type": "string", "maxLength": _MAX_NAME},
        "description": "names of fields; null: all of them",
    }
)
def _visible_problem(value: Any) -> str | None:
    if value == []:
        return "name at least one field, or set is_data_visible to false"
    is_names = isinstance(value, list) and all(isinstance(name, str) and len(name) <= _MAX_NAME for name in value)
    if not (value is None or (is_names and len(value) <= _MAX_NAMES)):
        return f"expected null, or a list of at most {_MAX_NAMES} names of fields"
    size = sum(len(name.encode()) for name in value or ())
    return None if size <= _MAX_BYTES else f"{size} bytes of names, the limit is {_MAX_BYTES}: rename some shorter"


@described({"enum": ["", None]})
def _filter_problem(value: Any) -> str | None:
    return None if value in ("", None) else "not offered by this version: leave it empty, or hide fields instead"


@described({"type": "null"})
def _quota_problem(value: Any) -> str | None:
    return None if value is None else "not offered by this version: leave it null"


SECURITY_KEYS = {
    "is_data_visible": Key(problem=flag),
    "visible_fields": Key(problem=_visible_problem),
    "filter_query": Key(problem=_filter_problem),
    "api_calls_quota": Key(problem=_quota_problem),
}
