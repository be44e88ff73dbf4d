"""The values that processors read and write: taken as text, cast, and bounded."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.casting import CASTERS, CastError, cast_text
from chalicelib.domain.processors import ProcessorFailed

MAX_TEXT = 350 * 1024
"""Characters of the longest text a processor makes; a longer one could not be stored in any record."""


def text_of(record: Mapping[str, Any], field: str) -> str | None:
    """The field's value as text: numbers and booleans as JSON writes them, missing and null as None.

    Raises ProcessorFailed for objects and arrays.
    """
    value = record.get(field)
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "an array"
        raise ProcessorFailed(
            f"field '{field}' holds {kind} where text is needed: take a part of it with extract_from_json first",
            field=field,
        )
    return str(cast_value(value, "text", field))


def scalar_text(value: Any) -> str | None:
    """A text, number or boolean as text; None for everything else."""
    try:
        return cast_text(value)
    except (CastError, TypeError):
        return None


def is_blank(value: Any) -> bool:
    """Whether the value says nothing: null, or a text of nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def cast_value(value: Any, kind: str, field: str) -> Any:
    """The value as the type `kind` stores it, null as null; ProcessorFailed names the field when it does not fit."""
    if value is None:
        return None
    try:
        cast = CASTERS[kind](value)
    except CastError as error:
        raise ProcessorFailed(f"field '{field}': {error}", field=field) from None
    except TypeError:
        # A whole number beyond 64 bits has no JSON text here.
        raise ProcessorFailed(
            f"field '{field}': the number is beyond 64 bits: send it as a string", field=field
        ) from None
    if isinstance(cast, str):
        check_length(len(cast), field)
    return cast


def check_length(length: int, field: str) -> None:
    """Refuse to make a text of more characters than any record may hold."""
    if length > MAX_TEXT:
        raise ProcessorFailed(
            f"field '{field}': the text would take {length} characters, the limit is {MAX_TEXT}: shorten it",
            field=field,
        )


def replaced(text: str, old: str, new: str, field: str) -> str:
    """The text with each `old` replaced, its length checked before it is made."""
    check_length(len(text) + text.count(old) * (len(new) - len(old)), field)
    return text.replace(old, new)
