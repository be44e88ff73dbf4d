"""The query language of the reading API: what `select`, `where` and `order_by` say, before any schema is known.

    select    *  |  field [as name], ...
    where     field = 'text', 12 < field, field in (1, 2), field like 'text%', startswith(field, 'text'),
              field is [not] null, date'2013-01-01', not, and, or, parentheses
    order_by  field [asc|desc], -field, ...

Field names with other characters than letters, digits and _ stand in backquotes. Texts stand in single or double
quotes, which are doubled or escaped with a backslash inside. Keywords are read in any case.
"""

from collections.abc import Sequence
from typing import cast

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql_tree import Condition, Ordering, Selected

MAX_LENGTH = 4000  # characters of one parameter


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
