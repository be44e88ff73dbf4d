"""Whole numbers beyond 64 bits: the parser of JSON makes doubles of them, which keep some 16 of their digits."""

import re
from decimal import Decimal
from typing import Any

_BEYOND = 2.0**63  # what is parsed as a double below it is none of them
_SHORTEST = 19  # digits
_ONLY_DIGITS = bytes(0x30 if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
# The strings and numbers of a JSON text; a whole number is in the group.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|(-?[0-9]++)(?![.eE])|[-+.eE0-9]++')


def rounded_numbers(text: bytes) -> frozenset[float]:
    """What the whole numbers beyond 64 bits of a JSON text are parsed as, of those that lose digits by it. Takes up to
    a second for 5 MB: ask only when `long_numbers` has found something."""
    if b"0" * _SHORTEST not in text.translate(_ONLY_DIGITS):
        return frozenset()
    whole = {found[1] for found in _TOKENS.finditer(text) if found[1] and len(found[1]) >= _SHORTEST}
    return frozenset(float(number) for number in whole if _is_rounded(number.decode()))


def long_numbers(value: Any) -> list[float]:
    """The doubles in a JSON value that may have been whole numbers beyond 64 bits."""
    found: list[float] = []
    parts = [value]
    while parts:
        part = parts.pop()
        kind = part.__class__
        if kind is dict:
            parts.extend(part.values())
        elif kind is list:
            parts.extend(part)
        elif kind is float and abs(part) >= _BEYOND:
            found.append(part)
    return found


def _is_rounded(number: str) -> bool:
    is_kept = -(2**63) <= int(number) < 2**64  # as the parser has it
    return not is_kept and Decimal(number) != Decimal(repr(float(number)))
