"""Runs of plain JSON values, passed at the speed of a regular expression: what is skipped can be most of a file.

The expressions match what is surely JSON and surely taken by the parser, never more: what they leave is looked at value
by value. They keep nothing to come back to (possessive), so that they take no memory however long a run is.
"""

import re
from functools import cache

LEVELS = 3  # of arrays and objects that a value of a run may hold
_SPACE = r"[ \t\r\n]*+"
_TEXT = r'"(?:[^"\\\x00-\x1f\ud800-\udfff]++|\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}))*+"'  # no surrogates
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,17}+)(?:\.[0-9]{1,30}+)?+(?:[eE][+-]?+[0-9]{1,2}+)?+(?=[ \t\r\n,\]}])"  # of usual size
_NEXT = rf",{_SPACE}(?![\]}}])"  # a comma, with something after it


@cache
def elements() -> re.Pattern[str]:
    """Values of an array, each with the comma after it."""
    return re.compile(rf"(?:{_value(LEVELS)}{_SPACE},{_SPACE})*+")


@cache
def members() -> re.Pattern[str]:
    """Values of an object, each with the comma after it and the name of the next."""
    return re.compile(rf"(?:{_value(LEVELS)}{_SPACE},{_SPACE}{_TEXT}{_SPACE}:{_SPACE})*+")


def _value(levels: int) -> str:
    plain = f"{_TEXT}|{_NUMBER}|true|false|null"
    if not levels:
        return f"(?:{plain})"
    inner = _value(levels - 1)
    array = rf"\[{_SPACE}(?:{inner}{_SPACE}(?:{_NEXT}|(?=\])))*+\]"
    mapping = rf"\{{{_SPACE}(?:{_TEXT}{_SPACE}:{_SPACE}{inner}{_SPACE}(?:{_NEXT}|(?=\}})))*+\}}"
    return f"(?:{plain}|{array}|{mapping})"
