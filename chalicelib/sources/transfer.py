"""What goes into a transfer and what comes of it, whatever the protocol."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.sources.failures import FetchFailed, SourceTooLarge
from chalicelib.sources.formats.limits import MAX_BYTES, megabytes

Sink = Callable[[bytes], object]  # takes the content, piece by piece
MAX_FILENAME = 200
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is fetched, and how long one step of it may take. `max_bytes` are those of the inflated content."""

    max_bytes: int = MAX_BYTES
    connect_seconds: float = 10  # for each address of the host, and for agreeing on TLS
    read_seconds: float = 30  # without a single byte
    max_redirects: int = 5


@dataclass(frozen=True, kw_only=True)
class Validators:
    """What tells a later fetch that nothing has changed. `etag` and `last_modified` are as the server sent them,
    `size` is in bytes. They count for one address only, of which `fingerprint` is kept: a redirect may lead elsewhere
    the next time. All of it is text and numbers, and none of it secret."""

    fingerprint: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What a fetch came to. When nothing has changed the sink got nothing, and `size` and `sha256` are empty.
    `filename` is a guess; the validators are for the next fetch."""

    is_unchanged: bool
    validators: Validators
    size: int = 0  # bytes
    sha256: str = ""  # of the content, in hex
    http_status: int | None = None
    filename: str | None = None
    content_type: str | None = None


def pour(chunks: Iterator[bytes], sink: Sink, *, most: int) -> tuple[int, str]:
    """Give the chunks to the sink; how many bytes they had, and their SHA-256 in hex. SourceTooLarge beyond `most`."""
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        check_size(size, most)
        digest.update(chunk)
        sink(chunk)
    return size, digest.hexdigest()


def check_size(size: int | None, most: int) -> None:
    """SourceTooLarge when it is known to be more bytes than that."""
    if size is not None and size > most:
        raise SourceTooLarge(f"more than {megabytes(most)}")


def plain_name(name: str) -> str | None:
    """A file name without folders and control characters; None when nothing of it is left."""
    last = _NOT_IN_NAMES.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()
    return last[-MAX_FILENAME:] if last.strip(".") else None


@contextmanager
def at_place(place: str) -> Iterator[None]:
    """Add to a failure what was being fetched."""
    try:
        yield
    except FetchFailed as failure:
        failure.place = failure.place or place
        raise
