"""Files to read records from: plain, `.gz`, a `.zip` of one file, or standard input; read once, a piece at a time."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, BinaryIO, TextIO, cast

from freshwire_client.csv_records import read_csv
from freshwire_client.errors import BrokenFile, Failed, Misused
from freshwire_client.json_records import read_json, read_json_lines
from freshwire_client.record import Record

FORMATS = ("csv", "json", "jsonl")
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class Form:
    """How a file is written; what is None shows in its name or its header."""

    file_format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None


@dataclass(frozen=True)
class SourceFile:
    """A file being read: its records, its size in bytes and how many of them have been read. A size of None: it is a
    stream, which cannot be read again."""

    records: Iterator[Record]
    size: int | None
    position: Callable[[], int]


@contextmanager
def opened(name: str, form: Form, stdin: BinaryIO) -> Iterator[SourceFile]:
    """Open a file by its name, `-` being standard input.

    Failed when there is no such file, Misused when its format cannot be told; reading may raise BrokenFile.
    """
    with ExitStack() as stack:
        raw, size = (stdin, None) if name == "-" else _file(name, stack)
        content, inner_name = _unpacked(raw, name, stack)
        chosen = form.file_format or _SUFFIXES.get(PurePath(inner_name).suffix.lower())
        if chosen is None:
            raise Misused(f"What {name} holds does not show in its name: say --format csv, json or jsonl.")
        text = _text(content, chosen, form)
        stack.callback(text.detach)  # what is below it is closed by whoever opened it
        records = _telling(_records(text, chosen, form), form.encoding)
        yield SourceFile(records, size, raw.tell if size is not None else lambda: 0)


def _file(name: str, stack: ExitStack) -> tuple[BinaryIO, int | None]:
    """The open file, and its size when it is a regular one: a pipe can be read once, and nobody knows how far."""
    try:
        raw = stack.enter_context(Path(name).open("rb"))  # noqa: SIM115 - the stack closes it
        status = os.fstat(raw.fileno())
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror}.") from None
    return raw, status.st_size if stat.S_ISREG(status.st_mode) else None


def _unpacked(raw: BinaryIO, name: str, stack: ExitStack) -> tuple[IO[bytes], str]:
    """The content, and the name that tells its format: how a file is packed shows in its first bytes."""
    buffered = cast("io.BufferedReader", raw)
    magic = buffered.peek(4)[:4]
    if magic[:2] == _GZIP:
        unpacked = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=buffered)))
        return unpacked, name[:-3] if name.lower().endswith(".gz") else name
    if magic != _ZIP:
        return buffered, name
    if name == "-":
        raise Misused("A zip cannot be read from standard input: unpack it on the way (`unzip -p FILE.zip | ...`).")
    return _member(buffered, name, stack)


_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,  # a method of compression that is not known
    RuntimeError,  # it has a password
    IndexError,  # a member without a name
    OSError,  # a place that is not in the file
    UnicodeError,
)


def _member(raw: BinaryIO, name: str, stack: ExitStack) -> tuple[IO[bytes], str]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(raw))
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise BrokenFile(f"{name} holds {len(members)} files: unpack it and push the one you mean.")
        return stack.enter_context(archive.open(members[0])), members[0].filename
    except _DAMAGE as error:
        raise BrokenFile(
            f"{name} cannot be unpacked: {error}. Fetch it again, or unpack it and push what it holds."
        ) from None


def _text(content: IO[bytes], chosen: str, form: Form) -> io.TextIOWrapper:
    # The reader of CSV sees to line ends itself; elsewhere a line feed is the only one.
    encoding = "utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding
    return io.TextIOWrapper(content, encoding=encoding, newline="" if chosen == "csv" else "\n")


def _records(text: TextIO, chosen: str, form: Form) -> Iterator[Record]:
    if chosen == "csv":
        return read_csv(text, form.delimiter)
    return read_json(text) if chosen == "json" else read_json_lines(text)


def _telling(records: Iterator[Record], encoding: str) -> Iterator[Record]:
    """The same records; what breaks below them becomes a BrokenFile that says after which record."""
    number = 0
    try:
        for record in records:
            number = record.number
            yield record
    except UnicodeError as error:
        raise BrokenFile(
            f"After record {number:,} the file is not {encoding} ({getattr(error, 'reason', error)}): say how it is "
            "written, for example --encoding cp1252."
        ) from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise BrokenFile(f"After record {number:,} the file cannot be read: {error}. Fetch it again.") from None
