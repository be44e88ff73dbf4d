"""The query language of the reading API: what `select`, `where` and `order_by` say, before any schema is known.

    select    *  |  field [as name], ...
    where     field = 'text', 12 < field, field in (1, 2), field like 'text%', startswith(field, 'text'),
              field is [not] null, date'2013-01-01', not, and, or, parentheses
    order_by  field [asc|desc], -field, ...

Field names with other characters than letters, digits and _ stand in backquotes. Texts stand in single or double
quotes, which are doubled or escaped with a backslash inside. Keywords are read in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from chalicelib.domain.errors import InvalidQuery

MAX_LENGTH = 4000  # characters of one parameter


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A date or datetime literal, not parsed yet: what it means depends on the field's type."""

    text: str


Literal = str | int | float | bool | Moment


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`field operator literal`, the operator being one of = != < <= > >=."""

    field: str
    operator: str
    literal: Literal


@dataclass(frozen=True, kw_only=True)
class Membership:
    """`field in (literal, ...)`."""

    field: str
    literals: Sequence[Literal]


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """`field like 'pattern'`: % stands for any text, case does not matter."""

    field: str
    pattern: str


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """`startswith(field, 'prefix')`."""

    field: str
    prefix: str


@dataclass(frozen=True, kw_only=True)
class Absence:
    """`field is null`."""

    field: str


@dataclass(frozen=True, kw_only=True)
class Negation:
    """`not condition`: true exactly when the condition is false, also when that is because of a null."""

    condition: "Condition"


@dataclass(frozen=True, kw_only=True)
class Junction:
    """Conditions joined by `and` (every) or `or` (not every)."""

    every: bool
    conditions: Sequence["Condition"]


Condition = Comparison | Membership | Pattern | Prefix | Absence | Negation | Junction


@dataclass(frozen=True, kw_only=True)
class Selected:
    """One entry of `select`: a field under its own name or another, or every field (`field` is None)."""

    field: str | None
    alias: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ordering:
    """One entry of `order_by`."""

    field: str
    descending: bool = False


def parse_where(text: str) -> Condition:
    """The condition; InvalidQuery points at the place where it is not understood."""
    return cast(Condition, _parse("where", text))


def parse_select(text: str) -> Sequence[Selected]:
    """The selected fields; InvalidQuery points at the place where it is not understood."""
    return cast(Sequence[Selected], _parse("select", text))


def parse_order_by(text: str) -> Sequence[Ordering]:
    """The orderings, the first one counting most; InvalidQuery points at the place where it is not understood."""
    return cast(Sequence[Ordering], _parse("order_by", text))


def _parse(parameter: str, text: str) -> object:
    if len(text) > MAX_LENGTH:
        raise InvalidQuery(f"{parameter} has {len(text)} characters, the limit is {MAX_LENGTH}: shorten it.")
    # The parser costs a tenth of a second to load: only queries that need it pay.
    from chalicelib.domain.odsql_grammar import parse  # noqa: PLC0415

    return parse(parameter, text)
