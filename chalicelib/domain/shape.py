"""The shape of JSON bodies: which keys they may have, and what is wrong with one, all of it at once.

A check is a function that answers what is wrong with a value, or None; those made here and with `described` also know
the JSON Schema of what they accept, from which the documentation of the API is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import ValidationFailed

REQUIRED = "This field is required"
Problem = Callable[[Any], str | None]
Json = dict[str, Any]
MOVING = frozenset({"updated_at", "problem", "next_runs", "is_paused", "paused_because"})
"""Read-only, and changed by an edit or by time: a client may send back what it read earlier."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a body. `problem` tells what is wrong with a value, or None."""

    problem: Problem
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check with the JSON Schema (draft 2020-12) of what it accepts; called, it answers as the function does."""

    problem: Problem
    schema: Json

    def __call__(self, value: Any) -> str | None:
        """What is wrong with the value, or None."""
        return self.problem(value)


def described(schema: Json) -> Callable[[Problem], Check]:
    """Give a check of one's own its JSON Schema."""
    return lambda problem: Check(problem=problem, schema=schema)


def schema_of(keys: Mapping[str, Key]) -> Json:
    """The JSON Schema of a body with these keys; a check without one stands for any value."""
    properties = {name: dict(getattr(key.problem, "schema", {})) for name, key in keys.items()}
    required = [name for name, key in keys.items() if key.required]
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def checked(body: Any, keys: Mapping[str, Key], *, read_only: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body when it fits, without its read-only keys; else ValidationFailed with every problem by key.

    `read_only` are keys a client may send back as it got them, but not change.
    """
    known = read_only or {}
    if not isinstance(body, dict):
        raise ValidationFailed({"body": ["expected a JSON object"]})
    problems: dict[str, list[str]] = {}
    for name, key in keys.items():
        if name not in body:
            if key.required:
                problems[name] = [REQUIRED]
        elif problem := key.problem(body[name]):
            problems[name] = [problem]
    for name in body.keys() - keys.keys():
        if name not in known:
            problems[name] = [f"unknown field; use {', '.join(keys) or 'none here'}"]
        elif name not in MOVING and body[name] != known[name]:
            problems[name] = ["read-only field: leave it out, or send it back as it was"]
    if problems:
        raise ValidationFailed(dict(sorted(problems.items())))
    return {name: value for name, value in body.items() if name in keys}


def text(*, most: int = 1000, least: int = 0) -> Check:
    """Text of that many characters."""
    return Check(
        problem=lambda value: (
            None
            if isinstance(value, str) and least <= len(value) <= most
            else f"expected text of {least} to {most} characters"
        ),
        schema={"type": "string", "minLength": least, "maxLength": most},
    )


def one_of(*choices: Any) -> Check:
    """One of these values."""
    return Check(
        problem=lambda value: (
            None
            if any(value is choice or (value == choice and type(value) is type(choice)) for choice in choices)
            else f"expected one of {', '.join(str(choice) for choice in choices)}"
        ),
        schema={"enum": list(choices)},
    )


@described({"type": "boolean"})
def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "expected true or false"


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""
    return Check(
        problem=lambda value: (
            None
            if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
            else f"expected a whole number from {least} to {most}"
        ),
        schema={"type": "integer", "minimum": least, "maximum": most},
    )


def texts(*, most: int, each: int = 200) -> Check:
    """A list of texts."""
    return Check(
        problem=lambda value: (
            None
            if isinstance(value, list)
            and len(value) <= most
            and all(isinstance(v, str) and len(v) <= each for v in value)
            else f"expected a list of at most {most} texts of at most {each} characters"
        ),
        schema={"type": "array", "maxItems": most, "items": {"type": "string", "maxLength": each}},
    )


@described({"type": "array"})
def anything_list(value: Any) -> str | None:
    """A list."""
    return None if isinstance(value, list) else "expected a list"


@described({"type": "object"})
def an_object(value: Any) -> str | None:
    """An object."""
    return None if isinstance(value, dict) else "expected an object"
