"""Processors: small pure steps that change a pushed record before its fields are renamed and cast.

Each is one module of this package, found by listing it: the docstring is its documentation, `LABEL` its name for
people, `PARAMETERS` the JSON Schema of its parameters, and `compile` makes a Processor of them. So a new processor is
one new file. Modules whose names begin with an underscore are what processors share. A module is imported when it is
first used, and its libraries with it: an application without processors pays for none.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from chalicelib.domain.errors import ValidationFailed

MAX_LABEL = 255


class ProcessorFailed(ValueError):  # noqa: N818 - it says what happened, as the refusals do
    """A processor cannot process one record; the message says what to mend, `field` where, if in one field."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True, kw_only=True)
class Processor:
    """A compiled processor.

    `apply` takes a pushed JSON record and answers the processed one, or None to skip it; it never changes its
    argument and raises nothing but ProcessorFailed. `outputs` are the (name, type) of the fields it creates or
    retypes, `inputs` the names of the fields it reads. `copies` are the (output, input) pairs in which the output has
    whatever type the input has. `skips` tells that it may answer None.
    """

    apply: Callable[[dict[str, Any]], dict[str, Any] | None]
    outputs: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    copies: tuple[tuple[str, str], ...] = ()
    skips: bool = False


class _Module(Protocol):
    LABEL: str
    PARAMETERS: Mapping[str, Any]

    def compile(self, parameters: Mapping[str, Any]) -> Processor: ...


def types() -> list[str]:
    """The types of processors there are, sorted."""
    return list(_types())


def describe() -> list[dict[str, Any]]:
    """All processors for people and programs: type, label, description and the JSON Schema of the parameters."""
    return [
        {
            "type": kind,
            "label": _module(kind).LABEL,
            "description": inspect.cleandoc(_module(kind).__doc__ or ""),
            "parameters": dict(_module(kind).PARAMETERS),
        }
        for kind in _types()
    ]


def check_processor(body: Any) -> dict[str, Any]:
    """The configuration of a processor when its shape is right, else ValidationFailed with every problem by key.

    It has a `type`, may have a `label`, and holds the parameters of its type beside them.
    """
    from chalicelib.domain.processors._parameters import problems  # noqa: PLC0415 - only configuring needs it

    if not isinstance(body, dict):
        raise ValidationFailed({"body": ["expected a JSON object"]})
    found = problems(_shape(body.get("type")), body)
    if found:
        raise ValidationFailed(dict(sorted(found.items())))
    return dict(body)


def compile_processor(configuration: Mapping[str, Any]) -> Processor:
    """The processor of a checked configuration; keys that are no parameters are ignored.

    Raises ValidationFailed for what only compiling shows: a regular expression that is none, an unknown time zone.
    """
    module = _module(_known(configuration.get("type")))
    known = module.PARAMETERS["properties"]
    return module.compile({name: value for name, value in configuration.items() if name in known})


def typed_fields(fields: Sequence[tuple[str, str]], processors: Sequence[Processor]) -> list[tuple[str, str]]:
    """The (name, type) of the source's fields after the processors: created ones added, retyped ones changed.

    A copy takes the type its source has at that point; of a field nobody knows yet it is text.
    """
    typed = dict(fields)
    for processor in processors:
        copied = {output: typed[source] for output, source in processor.copies if source in typed}
        typed |= dict(processor.outputs) | copied
    return list(typed.items())


@cache
def _types() -> tuple[str, ...]:
    import pkgutil  # noqa: PLC0415 - only where processors are used

    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


@cache
def _module(kind: str) -> _Module:
    return cast(_Module, importlib.import_module(f"{__name__}.{kind}"))


def _known(kind: Any) -> str:
    if kind is None:
        raise ValidationFailed({"type": [f"This field is required: one of {', '.join(_types())}"]})
    if not isinstance(kind, str) or kind not in _types():
        raise ValidationFailed({"type": [f"unknown processor; use one of {', '.join(_types())}"]})
    return kind


def _shape(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a whole configuration of that type."""
    parameters = _module(_known(kind)).PARAMETERS
    beside = {"type": {"type": "string"}, "label": {"type": "string", "maxLength": MAX_LABEL}}
    return {**parameters, "properties": {**beside, **parameters["properties"]}}
