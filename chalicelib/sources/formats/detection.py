"""What a file is: a proposal for its kind and parameters from its first bytes and its name, with a preview."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.containers import GZIP, OLD_OFFICE, ZIP, is_of_the_system
from chalicelib.sources.formats.json_stream import JsonStream
from chalicelib.sources.formats.opening import first_records
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.formats.tabular import sample_of
from chalicelib.sources.formats.tabular_guess import has_header, likely_separator, rows_of, separator_line
from chalicelib.sources.formats.text import decoded, encoding_of

PREVIEW = 20  # records
_TABLE, _LINES = re.compile(r"\.(csv|tsv)$", re.IGNORECASE), re.compile(r"\.(jsonl|ndjson)$", re.IGNORECASE)
_GEOJSON = re.compile(r'"type"\s*:\s*"(FeatureCollection|Feature)"')
_NO_DATA = (
    (re.compile(r"<!doctype html|<html", re.IGNORECASE), "a web page: check the address, it may ask for a login"),
    (re.compile(r"<"), "XML: save it as CSV, JSON or xlsx"),
    (re.compile(r"%PDF"), "a PDF: save its tables as CSV or xlsx"),
    (re.compile(r"PAR1"), "a Parquet file: save it as CSV, JSON or xlsx"),
)
_LOCAL_HEADER = 30  # bytes, PKWARE APPNOTE 4.3.7
_STORED, _SIZE_ELSEWHERE = 0, 0xFFFFFFFF  # 4.4.5, 4.4.8
_SIZE_FOLLOWS = 8  # the flag, 4.4.4
_AFTER_CONTENT = re.compile(rb"PK(\x07\x08|\x01\x02)")  # a data descriptor, the list of files
_OF_A_WORKBOOK = re.compile(r"\[Content_Types\]\.xml$|(_rels|xl|docProps)/")
_MAX_ROOT_DEPTH = 3
_INFLATED_HEAD = 256 * 1024
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A proposal. `params` hold what the first bytes settle: the rest is left to be found while reading. `records`
    are the first, at most 20; `problem` is what the reading of them came to."""

    kind: str
    params: Mapping[str, Any]
    records: list[SourceRecord] = field(default_factory=list)
    problem: str | None = None


def detect(
    head: bytes,
    filename: str,
    *,
    is_whole: bool = False,
    known: Mapping[str, Any] = _NOTHING,
    is_late: Callable[[], bool] = lambda: False,
) -> Guess:
    """What a file looks like that begins with these bytes: as `recognised`, with its first records as `read_head`. An
    xlsx has no preview unless it is whole: the list of its parts is at its end."""
    kind, params = recognised(head, filename, is_whole=is_whole, known=known)
    records, problem = read_head(head, kind, params, most=PREVIEW, is_whole=is_whole, is_late=is_late)
    return Guess(kind=kind, params=params, records=records, problem=problem)


def recognised(
    head: bytes, filename: str, *, is_whole: bool = False, known: Mapping[str, Any] = _NOTHING
) -> tuple[str, dict[str, Any]]:
    """The kind and the params of a file that begins with these bytes (64 KB do; `is_whole`: there are no more). `known`
    are params of a table that somebody has set: they are not guessed.

    Raises BrokenFile, saying what to send instead, for a file that cannot be a source.
    """
    if not head:
        raise BrokenFile("the file is empty: send one with records")
    inner, name, is_inner_whole = _unpacked(head, filename, is_whole)
    if inner is None:
        return "xlsx", {}
    return _kind_and_params(inner, name, is_inner_whole, known)


def read_head(
    head: bytes, kind: str, params: Mapping[str, Any], *, most: int, is_whole: bool, is_late: Callable[[], bool]
) -> tuple[list[SourceRecord], str | None]:
    """The first records, as `first_records` gives them, of a file of this kind that begins with these bytes; and what
    is wrong with it there, unless that may be due to its end being elsewhere."""
    inner, _, _ = _unpacked(head, "", is_whole)
    seen = _Beginning(head if is_whole or inner is None else inner)  # the list of a zip is at its end
    records: list[SourceRecord] = []
    problem = None
    try:
        for record in first_records(seen, kind, params, most=most + 1, is_late=is_late):
            records.append(record)
    except BrokenFile as broken:
        problem = None if seen.is_at_end and not is_whole else str(broken)
    if not is_whole and seen.is_at_end and kind in ("csvfile", "jsonl"):
        records = records[:-1]  # its line may be cut off where the head ends
    return records[:most], problem


class _Beginning:
    """The first bytes of a file, which knows whether they have been read to their end."""

    def __init__(self, head: bytes) -> None:
        self._stream, self.is_at_end = BytesIO(head), False

    def read(self, size: int, /) -> bytes:
        part = self._stream.read(size)
        self.is_at_end = self.is_at_end or not part
        return part


def _unpacked(head: bytes, filename: str, is_whole: bool) -> tuple[bytes | None, str, bool]:
    """The beginning of what is in the gz or zip, and its name; None for a workbook."""
    if head.startswith(OLD_OFFICE):
        raise BrokenFile("the file is an old Office file, or has a password: save it as xlsx, without password")
    if head.startswith(GZIP):
        inner, ended = _inflated(head, 31)
        return (
            (None if inner.startswith(ZIP) else inner),
            re.sub(r"\.gz$", "", filename, flags=re.I),
            is_whole and ended,
        )
    if not head.startswith(ZIP):
        return head, filename, is_whole
    name, method, content = _first_file(head)
    if _OF_A_WORKBOOK.match(name):
        return None, filename, is_whole
    inner, ended = _inflated(content, -15) if method == zlib.DEFLATED else (content, method == _STORED)
    return (None if inner.startswith(ZIP) else inner), name, is_whole and ended


def _first_file(head: bytes) -> tuple[str, int, bytes]:
    """The name of the first file in a zip that may hold the data, how it is compressed, and its bytes as far as they
    are there; of one that is not stored, with what comes after them."""
    at = 0
    while True:
        flags, method = _number(head, at + 6, 2), _number(head, at + 8, 2)
        size, length = _number(head, at + 18, 4), _number(head, at + 26, 2)
        named, begins = at + _LOCAL_HEADER, at + _LOCAL_HEADER + length + _number(head, at + 28, 2)
        name = head[named : named + length].decode("utf-8", "replace")
        is_data = bool(_OF_A_WORKBOOK.match(name)) or not (name.endswith("/") or is_of_the_system(name))
        at = -1 if is_data else head.find(ZIP, begins + (0 if size == _SIZE_ELSEWHERE else size))
        if at < 0:
            break
    if method != _STORED:
        return name, method, head[begins:]
    if size == _SIZE_ELSEWHERE or (not size and flags & _SIZE_FOLLOWS):
        after = _AFTER_CONTENT.search(head, begins)  # no text has such bytes
        return name, method, head[begins : after.start() if after else len(head)]
    return name, method, head[begins : begins + size]


def _number(head: bytes, at: int, size: int) -> int:
    return int.from_bytes(head[at : at + size], "little")


def _inflated(part: bytes, window: int) -> tuple[bytes, bool]:
    inflater = zlib.decompressobj(wbits=window)
    with suppress(zlib.error):
        return inflater.decompress(part, _INFLATED_HEAD), inflater.eof
    return b"", False


def _kind_and_params(
    head: bytes, filename: str, is_whole: bool, known: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    encoding = known.get("encoding") or encoding_of(head, is_whole=is_whole)
    params: dict[str, Any] = {"encoding": encoding} if encoding else {}
    try:
        text = "".join(decoded(iter([head]), encoding))
    except BrokenFile:
        shown = encoding_of(head, is_whole=is_whole)
        text = head.decode(shown or "utf-8", "replace")  # cut off within a character, or broken: reading says where
    text = text.lstrip("\ufeff \t\r\n")
    for beginning, what in _NO_DATA:
        if beginning.match(text):
            raise BrokenFile(f"the file is {what}")
    if "\0" in text:
        raise BrokenFile("the file is no text: send CSV, JSON, GeoJSON or xlsx")
    if text[:1] not in ("{", "[") or _TABLE.search(filename):
        return "csvfile", {**params, **_table_params(head, {**known, **params}, is_whole)}
    if text[0] == "{" and _GEOJSON.search(text):
        return "geojson", params
    if text[0] == "{" and _is_lines(text, filename, is_whole):
        return "jsonl", params
    root = _root_of(text) if text[0] == "{" else None
    return "jsonfile", {**params, **({"json_root": root} if root else {})}


def _table_params(head: bytes, params: Mapping[str, Any], is_whole: bool) -> dict[str, Any]:
    lines: list[str] = []
    with suppress(BrokenFile):
        lines = sample_of(iter([head]), params)
    lines = lines if is_whole or len(lines) < 2 else lines[:-1]
    named = separator_line(lines)
    lines = lines[1:] if named else lines
    separator = params.get("separator") or named or likely_separator(lines)
    headed = params.get("headers_first_row")
    return {
        "separator": separator,
        "headers_first_row": has_header(rows_of(lines, separator)) if headed is None else headed,
    }


def _is_lines(text: str, filename: str, is_whole: bool) -> bool:
    """Whether the file has one object a line: its first ends before something else begins."""
    stream, is_named = JsonStream(iter([text])), bool(_LINES.search(filename))
    with suppress(BrokenFile):
        stream.text("the first")
        return stream.peek() == "{" or (not stream.peek() and is_named)
    return is_named and not is_whole


def _root_of(text: str) -> str | None:
    """The dotted path to the first array of objects in the object that the text begins with."""
    with suppress(BrokenFile):
        return next(_roots(JsonStream(iter([text])), ()), None)
    return None


def _roots(stream: JsonStream, path: tuple[str, ...]) -> Iterator[str]:
    for name in stream.members():
        found = stream.peek()
        if found == "[":
            for number in stream.elements():
                if number == 1 and stream.peek() == "{":
                    yield ".".join((*path, name))
                stream.skip_some()
        elif found == "{" and len(path) < _MAX_ROOT_DEPTH:
            yield from _roots(stream, (*path, name))
        else:
            stream.skip()
