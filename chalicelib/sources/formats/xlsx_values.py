"""What the numbers in a workbook mean: its texts, numbered once for all sheets, and which numbers are dates."""

import re
import tempfile
from array import array
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_CELL, MAX_RECORD, megabytes
from chalicelib.sources.formats.xml_reader import Attributes, XmlReader

DATE, MOMENT, TIME, DURATION = "date", "moment", "time", "duration"
_BUILT_IN = {  # ECMA-376 part 1, 18.8.30; 27-36 and 50-58 are dates of the east Asian ones
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), DATE),
    22: MOMENT,
    **dict.fromkeys((18, 19, 20, 21, 45, 47), TIME),
    46: DURATION,
}
_NO_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")
_MOST_DAYS = 100_000_000  # no calendar goes so far
_MAX_STRINGS = 4_000_000
_MAX_STYLES = 100_000
_MAX_TEXTS = 256 * 1024 * 1024  # bytes of all strings; with the workbook they must fit on the disk of a function
_IN_MEMORY = 16 * 1024 * 1024
_OFTEN = 1024  # bytes of a text that is kept at hand, once it was read: those that many cells share are short
_ESCAPE = re.compile(r"_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # D800 to DFFF are halves of characters


class SharedStrings:
    """The texts that cells refer to by number. Many of them wait in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close
        self._ends = array("Q", [0])
        self._parts: list[str] = []
        self._size = 0
        self._is_phonetic = False
        self._read_often = lru_cache(maxsize=4096)(self._read)

    def load(self, part: str, chunks: Iterable[bytes]) -> None:
        """Read the table. How a text is to be spoken (`rPh`) is no part of it."""
        starts = {"si": self._begin, "rPh": lambda _: self._speak(True)}
        ends = {"t": self._add, "si": self._finish, "rPh": lambda _: self._speak(False)}
        XmlReader(part, starts=starts, ends=ends).read(chunks)

    def size(self, number: int) -> int:
        """How many bytes a text has; BrokenFile when there is none of this number."""
        if not 0 <= number < len(self._ends) - 1:
            raise BrokenFile(f"a cell refers to text {number}, which the workbook lacks: save it again as xlsx")
        return self._ends[number + 1] - self._ends[number]

    def text(self, number: int) -> str:
        """The text of this number, of which `size` is known."""
        is_short = self._ends[number + 1] - self._ends[number] <= _OFTEN
        return self._read_often(number) if is_short else self._read(number)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()

    def _begin(self, _: Attributes) -> None:
        self._parts, self._size = [], 0

    def _speak(self, begins: bool) -> None:
        self._is_phonetic = begins

    def _add(self, text: str) -> None:
        if not self._is_phonetic:
            self._parts.append(text)
        self._size += len(text) + 1  # a text of millions of empty pieces is refused as well
        if self._size > MAX_RECORD:
            raise TooLarge(f"the workbook has a cell of more than {megabytes(MAX_CELL)}: shorten it")

    def _finish(self, _: str) -> None:
        content = unescaped("".join(self._parts)).encode()
        if len(self._ends) > _MAX_STRINGS:
            raise TooLarge(f"the workbook has more than {_MAX_STRINGS} texts: split it, or send it as CSV")
        end = self._ends[-1] + len(content)
        if end > _MAX_TEXTS:
            raise TooLarge(f"the workbook has more than {megabytes(_MAX_TEXTS)} of texts: split it, or send it as CSV")
        self._file.write(content)
        self._ends.append(end)

    def _read(self, number: int) -> str:
        self._file.seek(self._ends[number])
        return self._file.read(self.size(number)).decode()


def date_styles(part: str, chunks: Iterable[bytes]) -> list[str | None]:
    """By the number of a cell's style: what kind of date or time its number is, None for a plain number."""
    kinds: dict[int | None, str | None] = {}
    styles: list[str | None] = []
    is_of_cells = False

    def formatted(attributes: Attributes) -> None:
        if len(kinds) < _MAX_STYLES:
            kinds[whole(attributes.get("numFmtId"))] = kind_of_format(attributes.get("formatCode", ""))

    def cells(begin: bool) -> None:
        nonlocal is_of_cells
        is_of_cells = begin

    def style(attributes: Attributes) -> None:
        if is_of_cells and len(styles) < _MAX_STYLES:
            number = whole(attributes.get("numFmtId"))
            styles.append(kinds[number] if number in kinds else _BUILT_IN.get(number or 0))

    starts = {"numFmt": formatted, "cellXfs": lambda _: cells(True), "xf": style}
    XmlReader(part, starts=starts, ends={"cellXfs": lambda _: cells(False)}).read(chunks)
    return styles


def kind_of_format(code: str) -> str | None:
    """What a format such as `dd/mm/yyyy hh:mm` makes of a number: a date, a moment, a time, a duration, or None."""
    letters = _NO_LETTERS.sub("", code[:300].partition(";")[0]).lower()
    if _ELAPSED.search(letters):
        return DURATION
    if letters in ("general", "@"):
        return None
    has_time = "h" in letters or "s" in letters
    has_date = "y" in letters or "d" in letters or ("m" in letters and not has_time)
    if has_date:
        return MOMENT if has_time else DATE
    return TIME if has_time else None


def moment_text(serial: float, kind: str, *, counts_from_1904: bool) -> str | None:
    """The date, moment or time of a number of days as ISO 8601, None when no calendar has it.

    The days count from 1900-01-01 = 1 with a 29 February 1900 that never was (ECMA-376 part 1, 18.17.4.1).
    """
    if abs(serial) > _MOST_DAYS:
        return None
    if kind == DURATION or (kind == TIME and 0 <= serial < 1):
        seconds = round(serial * 86_400)
        if kind == TIME:
            seconds = min(seconds, 86_399)
        sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
        return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    epoch = datetime(1904, 1, 1) if counts_from_1904 else datetime(1899, 12, 30 if serial >= 60 else 31)
    try:
        moment = epoch + timedelta(milliseconds=round(serial * 86_400_000))
    except OverflowError:
        return None
    if serial < 0 or moment.year > 9999:
        return None
    if kind == DATE and serial == int(serial):
        return moment.date().isoformat()
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def unescaped(text: str) -> str:
    """The text with `_x000D_` and its like replaced by the characters they stand for. Halves of characters stay."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def whole(text: str | None) -> int | None:
    """The whole number that is written there, of up to 9 digits; None when it is none. `²` is a digit to Python."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
