"""CSV files: split by the standard library, one record for each line, or for several where a cell has line ends."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.columns import flag, header_of, numbered
from chalicelib.sources.formats.limits import CHUNK, MAX_CELL, MAX_RECORD, megabytes
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.formats.tabular_guess import has_header, likely_separator, rows_of, separator_line
from chalicelib.sources.formats.text import decoded, lines

SAMPLE_LINES = 50  # that the separator and the header are guessed from
_DOS_END = "\x1a"
_BLANK = " \t\xa0" + _DOS_END


def read_csv(chunks: Iterable[bytes], params: Mapping[str, Any]) -> Iterator[SourceRecord]:
    """The records of a CSV file: header → cell, both text; short lines lack the last fields.

    `params`, all optional: `encoding`, `separator` and `headers_first_row` are guessed where they are not set,
    `first_row_no` is the line to begin at, `doublequote` false: a quote within a cell is written \\" instead of "".
    """
    skipped = int(params.get("first_row_no", 1)) - 1
    text = islice(lines(decoded(chunks, params.get("encoding"))), skipped, None)
    sample = _sample(text)
    doublequote = flag(params, "doublequote") is not False
    named = separator_line(sample)
    if named:
        sample, skipped = sample[1:], skipped + 1
    separator = params.get("separator") or named or likely_separator(sample, doublequote=doublequote)
    is_headed = flag(params, "headers_first_row")
    if is_headed is None:
        is_headed = has_header(rows_of(sample, separator, doublequote=doublequote))
    rows = _rows(chain(sample, text), separator, doublequote=doublequote, line=skipped + 1)
    return _records(rows, is_headed=is_headed)


def sample_of(chunks: Iterable[bytes], params: Mapping[str, Any]) -> list[str]:
    """The first lines of a CSV file, as many as its form is guessed from."""
    return _sample(islice(lines(decoded(chunks, params.get("encoding"))), int(params.get("first_row_no", 1)) - 1, None))


def _sample(text: Iterator[str]) -> list[str]:
    taken: list[str] = []
    size = 0
    for line in islice(text, SAMPLE_LINES):
        taken.append(line)
        size += len(line)
        if size > CHUNK:
            break
    return taken


def _rows(text: Iterable[str], separator: str, *, doublequote: bool, line: int) -> Iterator[tuple[int, Sequence[str]]]:
    """Each row that is not empty, with the number of the line it begins at."""
    csv.field_size_limit(MAX_CELL)
    fed = 0  # characters of the row that is being read

    def watched() -> Iterator[str]:
        nonlocal fed
        for part in text:
            fed += len(part)
            if fed > MAX_RECORD:
                raise TooLarge(
                    f"the record at line {begins} has more than {megabytes(MAX_RECORD)}: "
                    "check that each quote of the file is closed"
                )
            yield part

    escape = None if doublequote else "\\"
    reader = csv.reader(watched(), delimiter=separator, doublequote=doublequote, escapechar=escape, strict=True)
    begins = line
    try:
        for row in reader:
            if row:
                yield begins, row
            begins, fed = line + reader.line_num, 0
    except csv.Error as error:
        raise _broken(error, begins) from None


def _broken(error: csv.Error, line: int) -> BrokenFile:
    problem = str(error)
    if "field larger" in problem:
        return TooLarge(f"line {line} has a cell of more than {megabytes(MAX_CELL)}: check that each quote is closed")
    if problem == "unexpected end of data":
        problem = "a quote is opened and never closed"
    return BrokenFile(f"line {line} is not CSV: {problem}. Mend that line, or the separator")


def _records(rows: Iterator[tuple[int, Sequence[str]]], *, is_headed: bool) -> Iterator[SourceRecord]:
    begins, first = next(rows, (0, []))
    if not first:
        return
    header = header_of(first) if is_headed else numbered(len(first), f"line {begins}")
    width = len(header)
    for line, row in rows if is_headed else chain([(begins, first)], rows):
        if len(row) == 1 and _is_blank(row[0], width):
            continue
        if len(row) > width and any(row[width:]):
            raise BrokenFile(f"line {line} has {len(row)} cells, the header has {width}: mend that line")
        yield SourceRecord(dict(zip(header, row, strict=False)), "line", line)


def _is_blank(cell: str, width: int) -> bool:
    """Whether the only cell of a line is nothing: blanks where there are several columns, or the end of a DOS file."""
    return cell == _DOS_END or (width > 1 and not cell.strip(_BLANK))
