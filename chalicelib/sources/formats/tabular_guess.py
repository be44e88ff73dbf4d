"""What the first lines of a CSV file show of how it is written: its separator, and whether it has a header."""

import csv
import re
from collections.abc import Sequence

SEPARATORS = (";", "\t", ",", "|")  # of those that fit alike the first: commas are in texts and numbers too
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)?|[.,]\d+)([eE][+-]?\d+)?|\d{4}-\d{2}-\d{2}([T ].*)?")
_NAMED = re.compile(r"""(?P<quote>"?)sep=(?P<separator>[^\w\s"]|\t)(?P=quote)[\r\n]*""", re.IGNORECASE)
_YEAR = re.compile(r"(19|20|21)\d{2}")


def separator_line(lines: Sequence[str]) -> str | None:
    """The separator that a first line such as `sep=;` names: people write it for Excel, it is no part of the table."""
    found = _NAMED.fullmatch(lines[0]) if lines else None
    return found["separator"] if found else None


def likely_separator(lines: Sequence[str], *, doublequote: bool = True) -> str:
    """The separator that cuts most of the records into as many cells as the first; a comma when none does."""
    best, most = ",", (0.0, 0)
    for separator in SEPARATORS:
        rows = rows_of(lines, separator, doublequote=doublequote)
        width = len(rows[0]) if rows else 0
        same = sum(len(row) == width for row in rows)
        score = (same / len(rows), width) if width > 1 else (0.0, 0)
        if score > most:
            best, most = separator, score
    return best


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it does unless it holds a number wherever the rows below do. Years are
    names too, as in `region, 2013, 2014`."""
    first, *others = rows or [[]]
    numeric = [i for i in range(len(first)) if _is_numeric([row[i] for row in others if i < len(row)])]
    above = [first[i].strip() for i in numeric]
    is_data = all(_NUMBER.fullmatch(cell) for cell in above) and not all(_YEAR.fullmatch(cell) for cell in above)
    return not (above and is_data)


def rows_of(lines: Sequence[str], separator: str, *, doublequote: bool = True) -> list[list[str]]:
    """The rows of the sample that are not empty, as far as they can be read."""
    rows: list[list[str]] = []
    escape = None if doublequote else "\\"
    try:
        for row in csv.reader(lines, delimiter=separator, doublequote=doublequote, escapechar=escape, strict=True):
            if row:
                rows.append(row)
    except csv.Error:
        pass  # the reading proper says where; a separator that does not fit breaks quotes too
    return rows


def _is_numeric(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in filled)
    return numbers > 0 and numbers * 2 >= len(filled)  # the rest says that there is none: NA, -, n/a
