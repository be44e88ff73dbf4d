"""One door to every format: from the bytes of a file to its records, in constant memory, and in no more time than there
is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile, TooSlow
from chalicelib.sources.formats.containers import Budget, Readable, content_of, package_of
from chalicelib.sources.formats.limits import MAX_BYTES
from chalicelib.sources.formats.portion import portion_of
from chalicelib.sources.formats.source_record import SourceRecord

Check = Callable[[], None]
Reader = Callable[[Iterator[bytes], Mapping[str, Any]], Iterator[SourceRecord]]


def _never() -> None:
    """Checks nothing."""


def open_records(
    stream: Readable, kind: str, params: Mapping[str, Any], *, max_bytes: int = MAX_BYTES, check: Check = _never
) -> Iterator[SourceRecord]:
    """The records of a file of this kind: csvfile, jsonfile, jsonl, geojson or xlsx; a gz, or a zip of one file, is
    opened. The stream is read once, forwards, and not closed. `check` is called again and again, however long no record
    ends, and what it raises ends the reading.

    Raises BrokenFile, naming the line, entry or row and what to mend, when it comes to what is wrong: records before
    it have been given by then. TooLarge when the file, or what it inflates to, has more than `max_bytes`.
    """
    watched = _Watched(stream, check)
    if kind == "xlsx":
        from chalicelib.sources.formats.xlsx import read_xlsx  # noqa: PLC0415 - see _reader

        with package_of(watched, Budget(most=max_bytes)) as archive:
            yield from read_xlsx(_WatchedZip(archive, check), params, max_bytes)
        return
    with content_of(watched, Budget(most=max_bytes)) as chunks:
        yield from _reader(kind)(_checked(chunks, check), params)


def first_records(
    stream: Readable, kind: str, params: Mapping[str, Any], *, most: int, is_late: Callable[[], bool]
) -> Iterator[SourceRecord]:
    """The first records of a file: at most that many, and no more than memory takes easily, nor than can be read before
    it `is_late`. Raises BrokenFile; TooSlow when not one can be read by then."""
    is_any = False

    def check() -> None:
        if is_late():
            raise _Late

    try:
        for record in portion_of(open_records(stream, kind, params, check=check), most):
            is_any = True
            yield record
    except _Late:
        if not is_any:
            raise TooSlow(_TOO_SLOW) from None


def _reader(kind: str) -> Reader:
    """Imported when a file is read: a cold start of the push API does not pay for it."""
    if kind == "csvfile":
        from chalicelib.sources.formats.tabular import read_csv  # noqa: PLC0415

        return read_csv
    if kind == "geojson":
        from chalicelib.sources.formats.geojson import read_geojson  # noqa: PLC0415

        return read_geojson
    if kind in ("jsonfile", "jsonl"):
        from chalicelib.sources.formats.json_text import read_json, read_jsonl  # noqa: PLC0415

        return read_json if kind == "jsonfile" else read_jsonl
    raise BrokenFile(f"unknown kind of file '{kind[:40]}': use csvfile, jsonfile, jsonl, geojson or xlsx")


class _Late(Exception):  # noqa: N818 - nothing failed
    """The time to read is over."""


class _Watched:
    """A file with a check before each read."""

    def __init__(self, file: Any, check: Check) -> None:
        self._file, self._check = file, check

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        self._check()
        part: bytes = self._file.read(size)
        return part

    def __enter__(self) -> "_Watched":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _WatchedZip:
    """A zip whose files are watched: a little of it may inflate to much."""

    def __init__(self, archive: Any, check: Check) -> None:
        self._archive, self._check = archive, check

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    def open(self, entry: Any) -> _Watched:
        """One of its files."""
        return _Watched(self._archive.open(entry), self._check)


def _checked(chunks: Iterator[bytes], check: Check) -> Iterator[bytes]:
    for chunk in chunks:
        check()
        yield chunk


_TOO_SLOW = "it takes too long to come to the first record: leave out what stands before it, or what it does not need"
