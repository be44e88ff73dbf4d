"""One door to every format: from the bytes of a file to its records, in constant memory."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.containers import Budget, Readable, content_of, package_of
from chalicelib.sources.formats.limits import MAX_BYTES
from chalicelib.sources.formats.source_record import SourceRecord

Reader = Callable[[Iterator[bytes], Mapping[str, Any]], Iterator[SourceRecord]]


def open_records(
    stream: Readable, kind: str, params: Mapping[str, Any], *, max_bytes: int = MAX_BYTES
) -> Iterator[SourceRecord]:
    """The records of a file of this kind: csvfile, jsonfile, jsonl, geojson or xlsx; a gz, or a zip of one file, is
    opened. The stream is read once, forwards, and not closed.

    Raises BrokenFile, naming the line, entry or row and what to mend, when it comes to what is wrong: records before
    it have been given by then. TooLarge when the file, or what it inflates to, has more than `max_bytes`.
    """
    if kind == "xlsx":
        from chalicelib.sources.formats.xlsx import read_xlsx  # noqa: PLC0415 - see _reader

        with package_of(stream, Budget(most=max_bytes)) as archive:
            yield from read_xlsx(archive, params, max_bytes)
        return
    with content_of(stream, Budget(most=max_bytes)) as chunks:
        yield from _reader(kind)(chunks, params)


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
