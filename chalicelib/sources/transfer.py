"""What goes into a transfer and what comes of it, whatever the protocol."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from chalicelib.sources.failures import FetchFailed, SourceTooLarge
from chalicelib.sources.formats.limits import MAX_BYTES, megabytes

Sink = Callable[[bytes], object]  # takes the content, piece by piece
MAX_FILENAME = 200
_SETTLED_AFTER = timedelta(seconds=60)
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
    """What tells a later fetch that nothing has changed. `etag` and `last_modified` (see `settled_date`) are as the
    server sent them, `size` is in bytes. They count for one address only, of which `fingerprint` is kept: a redirect
    may lead elsewhere the next time. All of it is text and numbers, and none of it secret."""

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


def settled_date(changed: str | None, answered: str | None = None) -> str | None:
    """When a file was changed, if that tells it from what it becomes later: dates know no fractions of seconds, so that
    a file may change again and keep a date as young as its answer (RFC 9110, 8.8.2.2). Both are dates as HTTP writes
    them, `answered` by the server's own clock, else now by ours."""
    moment = _moment(changed)
    if moment is None or (_moment(answered) or datetime.now(UTC)) - moment < _SETTLED_AFTER:
        return None
    return changed


def _moment(date: str | None) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError):  # no date, or numbers beyond measure
        moment = parsedate_to_datetime(date or "")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


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
