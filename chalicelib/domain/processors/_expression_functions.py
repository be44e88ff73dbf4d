"""The operators and functions of expressions. Each takes JSON values and raises ValueError with a sentence.

Each is bounded: numbers stay within 64 bits, texts are measured before they are made, and none takes more time than its
arguments are long. Null in is null out, where a docstring does not say otherwise.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.casting import INT_MAX, INT_MIN, CastError, cast_double, cast_int, shown
from chalicelib.domain.processors._values import MAX_TEXT, scalar_text

_MAX_DIGITS = 15
_MAX_ARGUMENTS = 20


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function and how many arguments it takes."""

    call: Callable[..., Any]
    least: int
    most: int

    @property
    def counts(self) -> str:
        """The number of its arguments in words."""
        noun = "argument" if self.most == 1 else "arguments"
        return f"{self.least} {noun}" if self.least == self.most else f"{self.least} to {self.most} {noun}"


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is no number: convert it with int() or float()")  # noqa: TRY004
    return value


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        raise ValueError("a result is beyond 64 bits")
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a result is no finite number")
    if isinstance(value, str):
        _measured(len(value))
    return value


def _text(value: Any) -> str:
    text = scalar_text(value)
    if text is None:
        raise ValueError(f"{shown(value)} is no text")
    return text


def _measured(length: int) -> None:
    if length > MAX_TEXT:
        raise ValueError(f"a text would take {length} characters, the limit is {MAX_TEXT}")


def _arithmetic(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        try:
            return _bounded(operation(_number(left), _number(right)))
        except ZeroDivisionError:
            raise ValueError("it divides by zero: ask first, as in a / b if b != 0 else null") from None
        except OverflowError:
            raise ValueError("a result is no finite number") from None

    return compute


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        _measured(len(left) + len(right))
        return left + right
    if isinstance(left, str | None) != isinstance(right, str | None) and None not in (left, right):
        raise ValueError(f"{shown(left)} + {shown(right)}: convert the other with text(), or the text with float()")
    return _arithmetic(operator.add)(left, right)


def _power(base: Any, exponent: Any) -> Any:
    # Whole numbers beyond 64 bits are never computed: as doubles they overflow at once.
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0 and (exponent <= 64 or abs(base) <= 1):
        return base**exponent
    return float(base) ** float(exponent)


def _ordered(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if isinstance(left, str) and isinstance(right, str):
            return operation(left, right)
        return operation(_number(left), _number(right))

    return compare


def _same(left: Any, right: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _is_in(part: Any, whole: Any) -> bool:
    """Whether a text contains a text, or a list a value; null contains nothing and, in a text, is nowhere."""
    if whole is None or (part is None and isinstance(whole, str)):
        return False
    if isinstance(whole, list | tuple):
        return any(_same(part, value) for value in whole)
    return _text(part) in _text(whole)


def _signed(operation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else _bounded(operation(_number(value)))


OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _add,
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv),
    ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod),
    ast.Pow: _arithmetic(_power),
    ast.USub: _signed(operator.neg),
    ast.UAdd: _signed(operator.pos),
    ast.Not: operator.not_,
    ast.Eq: _same,
    ast.NotEq: lambda left, right: not _same(left, right),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.In: _is_in,
    ast.NotIn: lambda part, whole: not _is_in(part, whole),
}


def _round(value: Any, digits: Any = 0) -> Any:
    if digits.__class__ is not int or not 0 <= digits <= _MAX_DIGITS:
        raise ValueError(f"round takes 0 to {_MAX_DIGITS} digits")
    return round(_number(value), digits) if digits else round(_number(value))


def _int(value: Any) -> int:
    if isinstance(value, str):
        try:
            return cast_int(value)
        except CastError:
            value = _float(value)
    return math.trunc(_number(value))


def _float(value: Any) -> float:
    try:
        return cast_double(value)
    except CastError as error:
        raise ValueError(str(error)) from None


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def compute(*values: Any) -> Any:
        return choose(values) if all(isinstance(value, str) for value in values) else choose(map(_number, values))

    return compute


def _len(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else len(_text(value))


def _substr(value: Any, start: Any, length: Any = MAX_TEXT) -> str:
    if start.__class__ is not int or length.__class__ is not int or length < 0:
        raise ValueError("substr takes a whole start and a whole length that is not negative")
    return _text(value)[start:][:length]


def _replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    if not old:
        raise ValueError("replace needs a text to look for")
    _measured(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _function(call: Callable[..., Any], least: int = 1, most: int | None = None) -> Function:
    """A function whose result is null when an argument is, and bounded."""

    def bounded(*values: Any) -> Any:
        return None if any(value is None for value in values) else _bounded(call(*values))

    return Function(call=bounded, least=least, most=most or least)


FUNCTIONS: Mapping[str, Function] = {
    "abs": _function(lambda value: abs(_number(value))),
    "ceil": _function(lambda value: math.ceil(_number(value))),
    "floor": _function(lambda value: math.floor(_number(value))),
    "round": _function(_round, 1, 2),
    "int": _function(_int),
    "float": _function(_float),
    "min": _function(_extreme(min), 1, _MAX_ARGUMENTS),
    "max": _function(_extreme(max), 1, _MAX_ARGUMENTS),
    "text": _function(_text),
    "len": _function(_len),
    "lower": _function(lambda value: _text(value).lower()),
    "upper": _function(lambda value: _text(value).upper()),
    "trim": _function(lambda value: _text(value).strip()),
    "replace": _function(_replace, 3),
    "contains": _function(lambda whole, part: _is_in(part, whole), 2),
    "startswith": _function(lambda text, part: _text(text).startswith(_text(part)), 2),
    "endswith": _function(lambda text, part: _text(text).endswith(_text(part)), 2),
    "substr": _function(_substr, 2, 3),
    "coalesce": Function(call=_coalesce, least=1, most=_MAX_ARGUMENTS),
}
