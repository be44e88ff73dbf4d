"""xlsx workbooks: the rows of one sheet, read in constant memory (ECMA-376; formulas by their last results)."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, islice
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.columns import check_width, flag, header_of, numbered
from chalicelib.sources.formats.limits import MAX_CELL, MAX_RECORD, megabytes
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.formats.tabular_guess import has_header
from chalicelib.sources.formats.xlsx_package import Package
from chalicelib.sources.formats.xlsx_values import SharedStrings, date_styles, moment_text, unescaped, whole
from chalicelib.sources.formats.xml_reader import Attributes, XmlReader

XML_TO_FILE = 4  # the XML of a workbook may be so many times as large as other files: it is read as it inflates
SAMPLE_ROWS = 50
Row = tuple[int, dict[int, Any]]  # the row's number, from 1, and its values by column, from 0


def read_xlsx(archive: Any, params: Mapping[str, Any], max_bytes: int) -> Iterator[SourceRecord]:
    """The records of a sheet of the workbook in a zip: numbers, true and false as such, dates as
    ISO texts, empty cells as None. Each part that is read of it may inflate to 4 × `max_bytes`.

    `params`, all optional: `sheet` (name; the first one shown), `first_row_no` (where the table begins),
    `headers_first_row` (guessed where it is not set).
    """
    with closing(SharedStrings()) as strings:
        package = Package(archive, max_bytes * XML_TO_FILE)
        workbook = package.workbook()
        part = workbook.sheet(params.get("sheet"))
        if workbook.strings:
            strings.load(workbook.strings, package.chunks(workbook.strings))
        styles = date_styles(workbook.styles, package.chunks(workbook.styles)) if workbook.styles else []
        sheet = _Sheet(strings=strings, styles=styles, counts_from_1904=workbook.counts_from_1904)
        begin = int(params.get("first_row_no", 1))
        rows = (row for row in sheet.rows(part, package.chunks(part)) if row[0] >= begin)
        yield from _records(rows, flag(params, "headers_first_row"))


def column_name(index: int) -> str:
    """The letters of a column, counted from 0: A, B, …, Z, AA."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def _records(rows: Iterator[Row], is_headed: bool | None) -> Iterator[SourceRecord]:
    sample = _sample(rows)
    if not sample:
        return
    widths = [max(values) + 1 for _, values in sample]
    if is_headed is None:
        is_headed = has_header([[_shown(values.get(i)) for i in range(max(widths))] for _, values in sample])
    number, first = sample[0]
    if is_headed:
        header = header_of([first.get(i) for i in range(widths[0])])
    else:
        header = numbered(max(widths), f"row {number}")
    for number, values in chain(sample[1:] if is_headed else sample, rows):
        beyond = max(values)
        if beyond >= len(header):
            last = column_name(len(header) - 1)
            raise BrokenFile(
                f"row {number} has a value in column {column_name(beyond)}, the header ends at {last}: "
                "name that column, or empty the cell"
            )
        yield SourceRecord({name: values.get(i) for i, name in enumerate(header)}, "row", number)


def _sample(rows: Iterator[Row]) -> list[Row]:
    taken: list[Row] = []
    size = 0
    for row in islice(rows, SAMPLE_ROWS):
        taken.append(row)
        size += sum(len(value) for value in row[1].values() if isinstance(value, str))
        if size > MAX_RECORD:
            break
    return taken


def _weighed(number: int, size: int, text: str) -> int:
    """The size of the row with this text; TooLarge when a record, or a cell, may not have so much."""
    if len(text) > MAX_CELL:
        raise TooLarge(f"row {number} has a cell of more than {megabytes(MAX_CELL)}: shorten it")
    _check_size(number, size + len(text))
    return size + len(text)


def _check_size(number: int, size: int) -> None:
    if size > MAX_RECORD:
        raise TooLarge(f"row {number} has more than {megabytes(MAX_RECORD)}: shorten its texts")


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


class _SharedText(int):
    """The number of a text, in the place of the text."""


class _Sheet:
    """Makes rows of the cells as they come. The rows that end within a chunk wait in `_ready`, without the texts that
    they refer to by number: a few bytes can refer to megabytes."""

    def __init__(self, *, strings: SharedStrings, styles: list[str | None], counts_from_1904: bool) -> None:
        self._strings, self._styles, self._from_1904 = strings, styles, counts_from_1904
        self._ready: deque[tuple[int, dict[int, Any], int]] = deque()
        self._values: dict[int, Any] = {}
        self._number, self._column, self._size = 0, -1, 0
        self._kind, self._style = "n", ""
        self._raw: str | None = None
        self._inline: list[str] = []
        self._columns: dict[str, int] = {}

    def rows(self, part: str, chunks: Iterable[bytes]) -> Iterator[Row]:
        """The rows that are not empty."""
        starts = {"row": self._begin_row, "c": self._begin_cell}
        ends = {"v": self._value, "t": self._inline_text, "c": self._end_cell, "row": self._end_row}
        for _ in XmlReader(part, starts=starts, ends=ends).feed(chunks):
            while self._ready:
                number, values, size = self._ready.popleft()
                self._read_texts(number, values, size)
                yield number, values

    def _begin_row(self, attributes: Attributes) -> None:
        given = whole(attributes.get("r"))
        self._number = self._number + 1 if given is None else given
        self._values, self._column, self._size = {}, -1, 0

    def _end_row(self, _: str) -> None:
        if self._values:
            self._ready.append((self._number, self._values, self._size))

    def _read_texts(self, number: int, values: dict[int, Any], size: int) -> None:
        for column, value in values.items():
            if value.__class__ is _SharedText:
                text = values[column] = self._strings.text(value)
                size = _weighed(number, size, text)

    def _begin_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        self._column = self._index(reference) if reference else self._column + 1
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._raw = None
        self._inline = []

    def _value(self, text: str) -> None:
        self._raw = text

    def _inline_text(self, text: str) -> None:
        self._inline.append(text)
        self._size += len(text) + 1  # a cell of millions of empty pieces is refused as well
        _check_size(self._number, self._size)

    def _end_cell(self, _: str) -> None:
        value = self._cell()
        if value is None or value == "":
            return
        check_width(self._column + 1, f"row {self._number}")
        self._values[self._column] = value
        if isinstance(value, str):
            self._size = _weighed(self._number, self._size, value)

    def _cell(self) -> Any:
        raw = self._raw
        if self._kind == "inlineStr":
            return unescaped("".join(self._inline))
        if raw is None:
            return None
        if self._kind == "n":
            return self._number_of(raw)
        if self._kind == "s":
            number = whole(raw)
            if number is None:
                raise BrokenFile(
                    f"row {self._number} refers to a text by '{raw[:20]}': save the workbook again as xlsx"
                )
            return _SharedText(number) if self._strings.size(number) else None
        if self._kind == "b":
            return raw.strip() in ("1", "true")
        return unescaped(raw)  # str: of a formula; d: a date in ISO 8601; e: an error such as #N/A

    def _number_of(self, raw: str) -> Any:
        try:
            value: float = int(raw) if len(raw) < 20 and raw.lstrip("-").isdigit() else float(raw)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            if not raw.strip():
                return None
            where = f"row {self._number}, column {column_name(self._column)}"
            raise BrokenFile(f"{where} has '{raw[:20]}' for a number: mend that cell")
        style = whole(self._style) or 0
        kind = self._styles[style] if style < len(self._styles) else None
        if kind is None:
            return value
        return moment_text(value, kind, counts_from_1904=self._from_1904) or value

    def _index(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        index = self._columns.get(letters)
        if index is None:
            index = 0
            for letter in letters[:4].upper():
                index = index * 26 + ord(letter) - 64
            index -= 1
            if not (letters.isascii() and letters.isalpha() and index < 16_384):
                where = f"row {self._number} has a cell at '{reference[:20]}'"
                raise BrokenFile(f"{where}, where none can be: save the workbook again as xlsx")
            self._columns[letters] = index
        return index
