"""What a parsed query is made of: conditions, selected fields and orderings, before any schema is known."""

from collections.abc import Sequence
from dataclasses import dataclass


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
