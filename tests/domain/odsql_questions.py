"""Generated records and conditions: each condition as text, and as what it means said in plain Python."""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.builders import a_schema

SCHEMA = a_schema(
    title="text", pages="int", weight="double", day="date", seen="datetime", extra="json_blob", at="geo_point_2d"
)
TEXTS = ("", "a", "A", "ab", "Emma", "emma", "É", "x%y", "it's", 'say "no"', "back\\slash", "\\'", "\n", "ß", "🦉")
NUMBERS = (-1, 0, 1, 2, 1.0, 0.5, -2.5, 1e300, 2**53, 2**62)
DAYS = (date(1, 1, 1), date(2013, 1, 1), date(2013, 1, 2), date(9999, 12, 31))
MOMENTS = tuple(
    datetime(2013, 1, 1, 6, tzinfo=UTC) + timedelta(microseconds=step)
    for step in (0, 1, 500_000, 1_000_000, 86_400_000_000)
)
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_EAST = timezone(timedelta(hours=9, minutes=30))
Record = Mapping[str, Any]

_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(TEXTS),
    "pages": st.sampled_from([number for number in NUMBERS if isinstance(number, int)]),
    "weight": st.sampled_from([float(number) for number in NUMBERS]),
    "day": st.sampled_from([day.isoformat() for day in DAYS]),
    "seen": st.sampled_from([moment.isoformat() for moment in MOMENTS]),
    "extra": st.sampled_from([*TEXTS, *NUMBERS, True, False]) | st.just([1]) | st.just({"a": None}),
    "at": st.just({"lat": 48.0, "lon": 2.0}),
}
records = st.fixed_dictionaries({}, optional={name: values | st.none() for name, values in _VALUES.items()})


class Asked(NamedTuple):
    """A condition: its text, and its meaning."""

    text: str
    holds: Callable[[Record], bool]


def quoted(text: str, quote: str) -> str:
    """The text as a literal."""
    return quote + text.replace("\\", "\\\\").replace(quote, quote * 2) + quote


def _literal(field: str) -> st.SearchStrategy[tuple[str, Any]]:
    """A literal that fits the field: its text, and its value as `_read` reads values."""
    texts = st.tuples(st.sampled_from(TEXTS), st.sampled_from("'\"")).map(lambda p: (quoted(*p), p[0]))
    numbers = st.sampled_from(NUMBERS).map(lambda n: (repr(n), n))
    days = st.sampled_from(DAYS).flatmap(
        lambda d: st.sampled_from([f"date'{d.isoformat()}'", f"'{d.isoformat()}'"]).map(lambda text: (text, d))
    )
    moments = st.sampled_from(MOMENTS).flatmap(
        lambda m: st.sampled_from(
            [f"date'{m.isoformat()}'", f'"{m.isoformat()}"', f"date'{m.astimezone(_EAST).isoformat()}'"]
        ).map(lambda text: (text, m))
    )
    truths = st.sampled_from([("true", True), ("FALSE", False)])
    return {
        "title": texts, "pages": numbers, "weight": numbers, "day": days, "seen": moments,
        "extra": texts | numbers | truths,
    }[field]  # fmt: skip


def _read(field: str, value: Any) -> Any:
    if value is None:
        return None
    return {"day": date.fromisoformat, "seen": datetime.fromisoformat}.get(field, lambda v: v)(value)


def _alike(value: Any, literal: Any) -> bool:
    kinds = [
        bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in (value, literal)
    ]
    return kinds[0] is kinds[1]


def _compares(field: str, symbol: str, literal: Any) -> Callable[[Record], bool]:
    def holds(record: Record) -> bool:
        value = _read(field, record.get(field))
        if value is None:
            return False
        if not _alike(value, literal):
            return OPERATORS[symbol] is operator.ne
        return OPERATORS[symbol](value, literal)

    return holds


@st.composite
def _comparison(draw: st.DrawFn) -> Asked:
    field = draw(st.sampled_from(["title", "pages", "weight", "day", "seen", "extra"]))
    symbol = draw(st.sampled_from(sorted(OPERATORS)))
    text, literal = draw(_literal(field))
    name = draw(st.sampled_from([field, f"`{field}`"]))
    if draw(st.booleans()):
        return Asked(f"{name} {symbol}{text}", _compares(field, symbol, literal))
    return Asked(f"{text}{symbol} {name}", _compares(field, MIRRORED.get(symbol, symbol), literal))


@st.composite
def _membership(draw: st.DrawFn) -> Asked:
    field = draw(st.sampled_from(["title", "pages", "weight", "day", "seen", "extra"]))
    literals = draw(st.lists(_literal(field), min_size=1, max_size=4))
    equal = [_compares(field, "=", literal) for _, literal in literals]
    listed = ", ".join(text for text, _ in literals)
    if draw(st.booleans()):
        return Asked(f"{field} in ({listed})", lambda record: any(e(record) for e in equal))
    return Asked(
        f"{field} NOT IN ({listed})",
        lambda record: record.get(field) is not None and not any(e(record) for e in equal),
    )


@st.composite
def _textual(draw: st.DrawFn) -> Asked:
    field = draw(st.sampled_from(["title", "extra"]))
    pieces = draw(st.lists(st.sampled_from([*TEXTS, "%", "%", "m"]).filter(lambda t: t != "x%y"), max_size=5))
    pattern = "".join(pieces)
    expression = re.compile(".*".join(re.escape(part) for part in pattern.casefold().split("%")), re.DOTALL)

    def is_like(record: Record) -> bool:
        value = record.get(field)
        return isinstance(value, str) and expression.fullmatch(value.casefold()) is not None

    def begins(record: Record) -> bool:
        value = record.get(field)
        return isinstance(value, str) and value.startswith(pattern)

    return draw(
        st.sampled_from(
            [
                Asked(f"{field} LIKE {quoted(pattern, chr(39))}", is_like),
                Asked(
                    f"{field} not like {quoted(pattern, chr(34))}",
                    lambda record: record.get(field) is not None and not is_like(record),
                ),
                Asked(f"startswith({field}, {quoted(pattern, chr(39))})", begins),
            ]
        )
    )


@st.composite
def _absence(draw: st.DrawFn) -> Asked:
    field = draw(st.sampled_from(sorted(_VALUES)))
    if draw(st.booleans()):
        return Asked(f"{field} is null", lambda record: record.get(field) is None)
    return Asked(f"{field} Is Not Null", lambda record: record.get(field) is not None)


def _combined(inner: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    def negated(asked: Asked) -> Asked:
        return Asked(f"not ({asked.text})", lambda record: not asked.holds(record))

    def chained(parts: list[tuple[Asked, str]]) -> Asked:
        """Without parentheses between: `and` binds closer than `or`."""
        text = " ".join(f"({asked.text}) {word}" for asked, word in parts)[: -len(parts[-1][1]) - 1]
        groups: list[list[Asked]] = [[]]
        for asked, word in parts:
            groups[-1].append(asked)
            if word.lower() == "or":
                groups.append([])
        groups = [group for group in groups if group]
        return Asked(text, lambda record: any(all(a.holds(record) for a in group) for group in groups))

    words = st.sampled_from(["and", "or", "AND", "Or"])
    return inner.map(negated) | st.lists(st.tuples(inner, words), min_size=2, max_size=4).map(chained)


conditions = st.recursive(st.one_of(_comparison(), _membership(), _textual(), _absence()), _combined, max_leaves=8)
