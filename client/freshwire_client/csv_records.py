"""CSV files: the header names the fields, cells are sent as text (the service casts them), empty ones as null."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TextIO

from freshwire_client.errors import BrokenFile
from freshwire_client.record import MAX_RECORD, Record

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"')


def read_csv(file: TextIO, delimiter: str | None) -> Iterator[Record]:
    """The records of a CSV file. Without a delimiter, the one that the header holds most often is taken."""
    first = file.readline(MAX_RECORD)
    chosen = delimiter or max(_DELIMITERS, key=_QUOTED.sub("", first).count)
    rows = _rows(chain([first] if first else [], _bounded(file)), chosen)
    header_line, header = next(rows, (1, []))
    names = _names(header, header_line)
    for number, (line, row) in enumerate(rows, 1):
        yield Record(_object(names, row, line), number, line)


def _object(names: list[str], row: list[str], line: int) -> str:
    if len(row) > len(names) and any(row[len(names) :]):
        raise BrokenFile(
            f"Line {line:,} has {len(row)} cells, the header has {len(names)}: mend that line, or say --delimiter."
        )
    cells = (cell or None for cell in row)
    return json.dumps(dict(zip(names, cells)), ensure_ascii=False, separators=(",", ":"))


def _names(header: list[str], line: int) -> list[str]:
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()  # lines that end with a delimiter
    if not names:
        raise BrokenFile("The file has no header: its first line must name the fields.")
    if "" in names or len(set(names)) < len(names):
        raise BrokenFile(f"The header (line {line}) must name every field, each once: it has {', '.join(names)}.")
    return names


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, and the line it begins at: a cell may hold line ends."""
    csv.field_size_limit(MAX_RECORD)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for row in reader:
            if row:
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        problem = "a quote is opened and never closed" if "end of data" in str(error) else str(error)
        raise BrokenFile(f"Line {begins:,} is not CSV: {problem}. Mend it, or say --delimiter.") from None


def _bounded(file: TextIO) -> Iterator[str]:
    while line := file.readline(MAX_RECORD):
        yield line
