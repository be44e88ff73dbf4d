"""The shape of JSON bodies: which keys they may have, and what is wrong with one, all of it at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import ValidationFailed

REQUIRED = "This field is required"
MOVING = "updated_at"  # read-only and changed by every edit: a client may send back the one it read earlier


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a body. `problem` tells what is wrong with a value, or None."""

    problem: Callable[[Any], str | None]
    required: bool = False


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
            problems[name] = [f"unknown field; use {', '.join(keys)}"]
        elif name != MOVING and body[name] != known[name]:
            problems[name] = ["read-only field: leave it out, or send it back as it was"]
    if problems:
        raise ValidationFailed(dict(sorted(problems.items())))
    return {name: value for name, value in body.items() if name in keys}


def text(*, most: int = 1000, least: int = 0) -> Callable[[Any], str | None]:
    """Text of that many characters."""
    return lambda value: (
        None
        if isinstance(value, str) and least <= len(value) <= most
        else f"expected text of {least} to {most} characters"
    )


def one_of(*choices: Any) -> Callable[[Any], str | None]:
    """One of these values."""
    return lambda value: (
        None
        if any(value is choice or (value == choice and type(value) is type(choice)) for choice in choices)
        else f"expected one of {', '.join(str(choice) for choice in choices)}"
    )


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "expected true or false"


def whole(least: int, most: int) -> Callable[[Any], str | None]:
    """A whole number within bounds."""
    return lambda value: (
        None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        else f"expected a whole number from {least} to {most}"
    )


def texts(*, most: int, each: int = 200) -> Callable[[Any], str | None]:
    """A list of texts."""
    return lambda value: (
        None
        if isinstance(value, list) and len(value) <= most and all(isinstance(v, str) and len(v) <= each for v in value)
        else f"expected a list of at most {most} texts of at most {each} characters"
    )


def anything_list(value: Any) -> str | None:
    """A list."""
    return None if isinstance(value, list) else "expected a list"


def an_object(value: Any) -> str | None:
    """An object."""
    return None if isinstance(value, dict) else "expected an object"
