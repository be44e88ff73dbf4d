"""The bytes of a source file: as they are, or out of the gz or the zip of one file that it came in."""

import errno
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Protocol, cast

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import CHUNK, FREE_OF_RATIO, MAX_RATIO, megabytes

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
GZIP_WINDOW = 31  # what zlib calls the format of a gz
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_MANIFEST = "[Content_Types].xml"
_NO_WORKBOOK = "the file is no xlsx workbook: save it as xlsx, or choose the format that it has"
_DAMAGED_ZIP = "the zip is cut off or damaged: make it again and send it whole"
_EMPTY_ZIP = b"PK\x05\x06"
_IN_MEMORY = 8 * 1024 * 1024  # bytes; what is larger and must be seekable waits in a temporary file
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LARGEST_READ = 1024 * 1024  # of a zip: its list of files is read at once, 46 bytes and more each


class Readable(Protocol):
    """A binary file, seekable or not: an S3 body, an open file, an HTTP answer."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""


@dataclass(kw_only=True)
class Budget:
    """How much a file may still inflate to. `most` in bytes."""

    most: int
    taken: int = 0

    def take(self, size: int, compressed: int | None = None) -> None:
        """Count inflated bytes, that came of `compressed` bytes so far; TooLarge when they are too many."""
        self.taken += size
        if self.taken > self.most:
            inflates = "has" if compressed is None else "inflates to"
            raise TooLarge(f"the file {inflates} more than {megabytes(self.most)}: split it into several files")
        if compressed and self.taken > max(FREE_OF_RATIO, compressed * MAX_RATIO):
            raise TooLarge(f"the file inflates to more than {MAX_RATIO} times its size: send it without compressing it")


@contextmanager
def content_of(stream: Readable, budget: Budget) -> Iterator[Iterator[bytes]]:
    """The bytes of the file in chunks, inflated when it is a gz, or a zip of one file."""
    head = _read_fully(stream, len(ZIP))
    if head[:2] == GZIP:
        yield inflated(_chunks(stream, head), budget)
    elif head in (ZIP, _EMPTY_ZIP):
        with seekable(_chunks(stream, head), budget.most) as file, open_zip(file) as archive:
            yield unzipped(archive, _only_file(archive), budget)
    else:
        yield _counted(_chunks(stream, head), budget)


@contextmanager
def package_of(stream: Readable, budget: Budget) -> Iterator[Any]:
    """The `zipfile.ZipFile` of a workbook, which is a zip of many files; it may itself come in a gz or a zip."""
    head = _read_fully(stream, len(ZIP))
    if head == OLD_OFFICE:
        raise BrokenFile("the workbook is an old .xls, or has a password: save it as xlsx, without password")
    if head[:2] != GZIP and head not in (ZIP, _EMPTY_ZIP):
        raise BrokenFile(_NO_WORKBOOK)
    chunks = _chunks(stream, head)
    with ExitStack() as stack:
        file = stack.enter_context(seekable(inflated(chunks, budget) if head[:2] == GZIP else chunks, budget.most))
        archive = stack.enter_context(open_zip(file))
        if _MANIFEST not in archive.NameToInfo:
            content = unzipped(archive, _only_file(archive), budget)
            archive = stack.enter_context(open_zip(stack.enter_context(seekable(content, budget.most))))
        if _MANIFEST not in archive.NameToInfo:
            raise BrokenFile(_NO_WORKBOOK)
        yield archive


@contextmanager
def seekable(chunks: Iterator[bytes], most: int) -> Iterator[BinaryIO]:
    """The chunks as a file that can be read in any order: a zip has its list of files at the end. TooLarge when the
    disk has no room for it, or for what is unpacked from it meanwhile."""
    with _no_room_as_too_large(), tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        budget = Budget(most=most)
        for chunk in chunks:
            budget.take(len(chunk))
            file.write(chunk)
        file.seek(0)
        yield cast(BinaryIO, file)


@contextmanager
def _no_room_as_too_large() -> Iterator[None]:
    try:
        yield
    except OSError as error:  # also of closing a file whose last bytes cannot be written
        if error.errno not in _NO_ROOM:
            raise
        raise TooLarge("unpacking the file takes more room on the disk than there is: split it into several") from None


@contextmanager
def open_zip(file: BinaryIO) -> Iterator[Any]:
    """The file as a `zipfile.ZipFile`; BrokenFile when it is none."""
    import zipfile  # noqa: PLC0415 - costs a cold start, and most have no file to read

    try:
        archive = zipfile.ZipFile(cast(IO[bytes], _Bounded(file)))
    except (zipfile.BadZipFile, ValueError, OverflowError, UnicodeDecodeError, NotImplementedError):
        raise BrokenFile(_DAMAGED_ZIP) from None
    with archive:
        yield archive


def unzipped(archive: Any, entry: Any, budget: Budget) -> Iterator[bytes]:
    """The bytes of one file of a zip, in chunks."""
    import zipfile  # noqa: PLC0415 - as above

    if entry.flag_bits & 1:
        raise BrokenFile("the zip is encrypted: make it again without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BrokenFile("the zip is compressed in an unusual way: make it again with the usual one (deflate)")
    try:
        with archive.open(entry) as file:
            while chunk := file.read(CHUNK):
                budget.take(len(chunk), entry.compress_size)
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError, NotImplementedError):
        raise BrokenFile(_DAMAGED_ZIP) from None


def inflated(chunks: Iterator[bytes], budget: Budget, window: int = GZIP_WINDOW) -> Iterator[bytes]:
    """What the gz in these chunks holds, in chunks; a gz of several parts is read as one. Another `window` reads the
    other forms that zlib knows."""
    compressed = 0
    inflater = zlib.decompressobj(wbits=window)
    try:
        for chunk in chunks:
            compressed += len(chunk)
            while chunk:
                if inflater.eof:
                    chunk = chunk.lstrip(b"\0")  # noqa: PLW2901 - tape blocks are filled up with zeros
                    inflater = zlib.decompressobj(wbits=window) if chunk else inflater
                part = inflater.decompress(chunk, CHUNK) if chunk else b""
                chunk = inflater.unused_data if inflater.eof and chunk else inflater.unconsumed_tail  # noqa: PLW2901
                budget.take(len(part), compressed)
                if part:
                    yield part
        while not inflater.eof and (part := inflater.decompress(b"", CHUNK)):  # deflate alone has nothing at its end
            budget.take(len(part), compressed)
            yield part
    except zlib.error:
        raise BrokenFile("the gz is damaged: make it again and send it whole") from None
    if not inflater.eof:
        raise BrokenFile("the gz is cut off: send it again, whole")


def is_of_the_system(name: str) -> bool:
    """Whether an operating system put this file of a zip beside the data."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _only_file(archive: Any) -> Any:
    if not all(entry.filename for entry in archive.infolist()):  # a name is read up to its first NUL
        raise BrokenFile(_DAMAGED_ZIP)
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not is_of_the_system(entry.filename)]
    if not entries:
        raise BrokenFile("the zip holds no file: put the data in it")
    if len(entries) > 1:
        names = ", ".join(entry.filename[:60] for entry in entries[:3])
        raise BrokenFile(f"the zip holds {len(entries)} files ({names}{', …' * (len(entries) > 3)}): leave one in it")
    return entries[0]


def _read_fully(stream: Readable, size: int) -> bytes:
    """A socket may answer less than was asked for."""
    parts = b""
    while len(parts) < size and (part := stream.read(size - len(parts))):
        parts += part
    return parts


def _chunks(stream: Readable, head: bytes) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := stream.read(CHUNK):
        yield chunk


def _counted(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    for chunk in chunks:
        budget.take(len(chunk))
        yield chunk


class _Bounded:
    """A file that refuses to be read in large pieces, so that a zip with millions of names stays out of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.tell, self.seekable = file.tell, file.seekable
        self._file = file

    def seek(self, place: int, whence: int = 0) -> int:
        """A damaged zip names places that there are not. The memory says so with a ValueError, a file with an OSError,
        which elsewhere stands for a fault of the disk."""
        try:
            return self._file.seek(place, whence)
        except OSError:
            raise ValueError("no such place in the file") from None

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_READ:
            raise TooLarge("the zip lists far too many files: leave one in it")
        return self._file.read(size if size >= 0 else _LARGEST_READ)
