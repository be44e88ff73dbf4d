"""What the tables of CSV and xlsx have in common: a header, and records of as many cells as it has."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_COLUMNS


def header_of(cells: Sequence[Any]) -> list[str]:
    """The field names in a header; a column without a name is called by its number, such as `column_3`."""
    names = [str(cell if cell is not None else "").strip() or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    check_width(len(names), "the header")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        shown = ", ".join(name[:40] for name in twice[:5])
        raise BrokenFile(f"the header has {shown} more than once: give each column its own name")
    return names


def numbered(width: int, where: str) -> list[str]:
    """Field names for a table without header: column_1, column_2, …"""
    check_width(width, where)
    return [f"column_{i}" for i in range(1, width + 1)]


def check_width(width: int, where: str) -> None:
    """TooLarge when there are more columns than a dataset may have fields."""
    if width > MAX_COLUMNS:
        raise TooLarge(
            f"{where} has {width} columns, the limit is {MAX_COLUMNS}: check the separator, or leave some out"
        )


def flag(params: Mapping[str, Any], name: str) -> bool | None:
    """A parameter that is true, false, or not set."""
    value = params.get(name)
    return None if value is None else bool(value)
