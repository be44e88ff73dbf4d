"""The content of an HTTP answer: read to its very end, inflated, and never more than was agreed."""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, IncompleteRead
from itertools import chain

from chalicelib.sources.connector import Connector
from chalicelib.sources.failures import FetchFailed, Incomplete, InvalidAnswer, SourceTooLarge
from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.containers import GZIP_WINDOW, Budget, inflated
from chalicelib.sources.formats.limits import CHUNK
from chalicelib.sources.transfer import check_size

_RAW_DEFLATE = -zlib.MAX_WBITS
_NO_ENCODINGS = frozenset(  # what servers name there although the content is as it is
    ("", "identity", "none", "aws-chunked", "binary", "8bit", "utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252")
)
_LENGTH = re.compile(r"\s*[0-9]{1,18}\s*")


def content_chunks(answer: HTTPResponse, connector: Connector) -> Iterator[bytes]:
    """The content in chunks. Raises Incomplete when it breaks off, is shorter than announced or does not inflate,
    SourceTooLarge, InvalidAnswer when it cannot be told where it ends or how it is encoded, TimedOut and OutOfTime."""
    _settle_framing(answer)
    chunks = _received(answer, connector)
    named = (encoding.strip() for encoding in answer.getheader("Content-Encoding", "").lower().split(","))
    encoding = ", ".join(encoding for encoding in named if encoding not in _NO_ENCODINGS)
    if not encoding:
        return chunks
    if encoding in ("gzip", "x-gzip"):
        return _inflated(chunks, GZIP_WINDOW, connector.limits.max_bytes)
    if encoding == "deflate":
        return _deflated(chunks, connector.limits.max_bytes)
    raise InvalidAnswer("its Content-Encoding is neither gzip nor deflate")


@contextmanager
def http_faults_as(otherwise: type[FetchFailed], connector: Connector) -> Iterator[None]:
    """Turn faults of the network and of the protocol into failures."""
    try:
        with connector.faults_as(otherwise):
            yield
    except IncompleteRead:
        raise Incomplete("it breaks off") from None
    except HTTPException:
        raise InvalidAnswer("it is no HTTP") from None


def _settle_framing(answer: HTTPResponse) -> None:
    """http.client takes what it does not understand for content without a known end; `chunked` with a blank after it,
    which RFC 9110 (5.5) allows, is such a thing for it."""
    framing = answer.getheader("Transfer-Encoding", "identity").strip(" \t").lower()
    if framing not in ("chunked", "identity"):
        raise InvalidAnswer("its Transfer-Encoding is not chunked")
    if framing == "chunked" and not answer.chunked:
        answer.chunked, answer.chunk_left, answer.length = True, None, None  # as begin() sets them
    lengths = set(answer.headers.get_all("Content-Length", []))
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise InvalidAnswer("its Content-Length is no number")


def _received(answer: HTTPResponse, connector: Connector) -> Iterator[bytes]:
    """What comes over the connection. read1() keeps to what a chunk has left and to what was asked for, whatever
    sizes a server makes up, and never waits for more than one piece."""
    most, size = connector.limits.max_bytes, 0
    announced = answer.length  # None when the chunks, or the closed connection, tell the end
    check_size(announced, most)
    with http_faults_as(Incomplete, connector):
        while chunk := answer.read1(CHUNK):
            size += len(chunk)
            check_size(size, most)
            yield chunk
    if announced is not None and size < announced:
        raise Incomplete(f"{size} of {announced} bytes arrived")


def _inflated(chunks: Iterator[bytes], window: int, most: int) -> Iterator[bytes]:
    try:
        yield from inflated(chunks, Budget(most=most), window)
    except TooLarge as large:
        raise SourceTooLarge(str(large)) from None
    except BrokenFile:
        raise Incomplete("its compressed content breaks off or is damaged") from None


def _deflated(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Deflate is sent with zlib's two bytes before it, as RFC 9110 says, or without, as many servers do."""
    head = b""
    while len(head) < 2 and (chunk := next(chunks, b"")):
        head += chunk
    has_header = len(head) >= 2 and head[0] & 15 == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
    return _inflated(chain([head], chunks), zlib.MAX_WBITS if has_header else _RAW_DEFLATE, most)
