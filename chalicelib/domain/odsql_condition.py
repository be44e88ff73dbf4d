"""Conditions of `where`, compiled for a schema into a function from a stored record to whether it matches.

A comparison is false on null, `!=` included. Stored values need not fit the schema (the type of a field may have
changed since they were written): a value that cannot be compared with the literal is simply not equal to it.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.domain.casting import CastError, cast_date, cast_datetime
from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql_tree import (
    Absence,
    Comparison,
    Condition,
    Junction,
    Literal,
    Membership,
    Moment,
    Negation,
    Pattern,
    Prefix,
)
from chalicelib.domain.schema import Field, Schema

Predicate = Callable[[Mapping[str, Any]], bool]

MAX_NAMED = 50  # fields named in a message
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS: tuple[type, ...] = (int, float)  # compared by class, so that true is no number
_EXPECTED = {
    "text": "a text such as 'Emma'",
    "int": "a number such as 12",
    "double": "a number such as 12.5",
    "date": "a date such as date'2014-01-27'",
    "datetime": "a datetime such as date'2014-01-27T04:15:00Z'",
    "json_blob": "a text, a number, true or false",
}


def compile_condition(condition: Condition, schema: Schema) -> Predicate:
    """The predicate over stored records; InvalidQuery names unknown fields and literals that do not fit."""
    match condition:
        case Junction():
            return _junction(condition.every, [compile_condition(part, schema) for part in condition.conditions])
        case Negation():
            negated = compile_condition(condition.condition, schema)
            return lambda record: not negated(record)
        case Absence():
            name = known_field(schema, condition.field).name
            return lambda record: record.get(name) is None
        case Comparison():
            return _comparison(known_field(schema, condition.field), condition)
        case Membership():
            field = known_field(schema, condition.field)
            return _membership(field.name, [_fitting(field, literal) for literal in condition.literals])
        case Pattern():
            return _textual(known_field(schema, condition.field), "like", like(condition.pattern))
        case Prefix():
            prefix = condition.prefix
            field = known_field(schema, condition.field)
            return _textual(field, "startswith", lambda value: value.startswith(prefix))


def known_field(schema: Schema, name: str) -> Field:
    """The field of that name; InvalidQuery names the known ones."""
    field = schema.get(name)
    if field is None:
        names = [f.name for f in schema.fields]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        known = ", ".join(names[:MAX_NAMED])
        raise InvalidQuery(f"There is no field '{name[:60]}': the dataset has {known}{more}.")
    return field


def like(pattern: str) -> Callable[[str], bool]:
    """Whether a text has the pattern, % standing for any text and case not mattering. Takes no longer than looking
    for each part once, whatever the pattern."""
    first, *rest = pattern.casefold().split("%")
    if not rest:
        return lambda value: value.casefold() == first
    *middle, last = rest

    def has_pattern(value: str) -> bool:
        text = value.casefold()
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:
            found = text.find(part, at, max(at, end))
            if found < 0:
                return False
            at = found + len(part)
        return at <= end

    return has_pattern


def _junction(every: bool, parts: Sequence[Predicate]) -> Predicate:
    if every:
        return lambda record: all(part(record) for part in parts)
    return lambda record: any(part(record) for part in parts)


def _comparison(field: Field, comparison: Comparison) -> Predicate:
    name, wanted = field.name, _fitting(field, comparison.literal)
    classes = _comparable(wanted)
    if comparison.operator == "=":
        return lambda record: (value := record.get(name)).__class__ in classes and value == wanted
    if comparison.operator == "!=":
        return lambda record: (
            (value := record.get(name)) is not None and not (value.__class__ in classes and value == wanted)
        )
    compare = _ORDERED[comparison.operator]
    return lambda record: (value := record.get(name)).__class__ in classes and compare(value, wanted)


def _membership(name: str, wanted: Sequence[str | int | float | bool]) -> Predicate:
    # 1 and true are equal to Python, and 1 and 1.0: values are looked up beside the class they compare with.
    members: set[tuple[Any, Any]] = {(_comparable(value), value) for value in wanted}

    def is_member(record: Mapping[str, Any]) -> bool:
        value: Any = record.get(name)
        return value.__class__ in _SCALARS and (_comparable(value), value) in members

    return is_member


def _textual(field: Field, what: str, holds: Callable[[str], bool]) -> Predicate:
    if field.type not in ("text", "json_blob"):
        raise InvalidQuery(f"{what} is for texts, and the field '{field.name}' is of type {field.type}.")
    name = field.name
    return lambda record: (value := record.get(name)).__class__ is str and holds(value)


_SCALARS: tuple[type, ...] = (str, int, float, bool)


def _comparable(value: Any) -> tuple[type, ...]:
    """The classes of stored values that may be compared with this one."""
    return _NUMBERS if value.__class__ in _NUMBERS else (value.__class__,)


def _fitting(field: Field, literal: Literal) -> str | int | float | bool:
    """The literal as the field's values are stored, else InvalidQuery saying what was expected."""
    text = literal.text if isinstance(literal, Moment) else literal
    is_number = text.__class__ in _NUMBERS
    match field.type:
        case "date" | "datetime" if isinstance(text, str):
            try:
                return cast_date(text) if field.type == "date" else cast_datetime(text)
            except CastError as error:
                raise InvalidQuery(f"field '{field.name}': {error}") from None
        case "int" | "double" if is_number:
            return text
        case "text" if isinstance(literal, str):
            return literal
        case "json_blob" if not isinstance(literal, Moment):
            return literal
        case "geo_point_2d" | "geo_shape" | "file":
            raise InvalidQuery(f"The field '{field.name}' is of type {field.type}: ask for is null or is not null.")
    shown = f"date'{text}'" if isinstance(literal, Moment) else repr(literal)
    raise InvalidQuery(
        f"The field '{field.name}' is of type {field.type}: compare it with {_EXPECTED[field.type]}, not {shown[:60]}."
    )
