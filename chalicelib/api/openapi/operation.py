"""What is declared of an operation and of an API, and the pieces that declarations are written with.

Json stands for a piece of an OpenAPI 3.1 document.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.errors import Refused

Json = dict[str, Any]
Content = Mapping[str, Json]  # by media type: schema and example
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the code does not tell of an operation.

    `answers` are the contents of its successes by status. `summary` stands for the docstring of a view that has
    several methods. `permission` is what the API key needs; `refusals` are those beside what the rule of the API says.
    """

    answers: Mapping[int, Content]
    summary: str = ""
    permission: str = ""
    parameters: Sequence[Json] = ()
    body: Content | None = None
    body_required: bool = True
    refusals: Sequence[type[Refused]] = ()
    headers: Mapping[int, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Api:
    """One API: `prefix` is where its paths begin, `error` the name of its error's schema, `security` the ways to show
    a key, `path_parameters` by name. `refusals` is the rule for what an operation (method, path) may refuse."""

    tag: str
    prefix: str
    description: str
    error: str
    security: Sequence[Json]
    path_parameters: Mapping[str, Json]
    operations: Mapping[str, Operation]
    refusals: Callable[[str, str, Operation], Sequence[type[Refused]]]


def ref(schema: str) -> Json:
    """A reference to a schema of the components."""
    return {"$ref": f"#/components/schemas/{schema}"}


def json_of(schema: Json, example: Any = None) -> Content:
    """Content as JSON."""
    return {JSON: {"schema": schema} if example is None else {"schema": schema, "example": example}}


def query(name: str, schema: Json, description: str, example: Any = None) -> Json:
    """A query parameter that may be left out."""
    parameter = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return parameter if example is None else {**parameter, "example": example}


def header(name: str, schema: Json, description: str) -> Json:
    """A request header that may be left out."""
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def path_parameter(description: str, example: str, pattern: str | None = None) -> Json:
    """A part of the path, to be given its name."""
    schema: Json = {"type": "string", "minLength": 1}
    if pattern:
        schema["pattern"] = pattern
    return {"in": "path", "required": True, "description": description, "schema": schema, "example": example}


def record(properties: Mapping[str, Any], *, optional: Sequence[str] = (), **more: Any) -> Json:
    """An object with these properties and no other; all are required but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
        **more,
    }


def nullable(schema: Json) -> Json:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Json, **more: Any) -> Json:
    """An array."""
    return {"type": "array", "items": schema, **more}
