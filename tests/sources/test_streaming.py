"""A large file passes through in constant memory, whatever brings it."""

import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chalicelib.sources.fetching import fetch
from tests.certificates import certificate
from tests.sources.ftp_servers import an_ftp_server
from tests.sources.web import LOCAL, Request, a_site, a_source, head

PIECE = Random(1).randbytes(64 * 1024)
COUNT = 800
SIZE = COUNT * len(PIECE)  # 50 MB
MOST = 2 * 1024 * 1024  # bytes, of the server in the same process as well


def long(headers: dict[str, str], begin: bytes, piece: bytes, end: bytes) -> Callable[[Request], None]:
    def answer(request: Request) -> None:
        request.write(head(headers=headers), begin)
        for _ in range(COUNT):
            request.write(piece)
        request.write(end)
        request.close_connection = True

    return answer


PACKED = gzip.compress(PIECE, 1)
ANSWERS = {
    "with its length": long({"Content-Length": str(SIZE)}, b"", PIECE, b""),
    "in chunks": long({"Transfer-Encoding": "chunked"}, b"", b"10000\r\n" + PIECE + b"\r\n", b"0\r\n\r\n"),
    "in one chunk": long({"Transfer-Encoding": "chunked"}, b"%x\r\n" % SIZE, PIECE, b"\r\n0\r\n\r\n"),
    "compressed": long({"Content-Encoding": "gzip"}, b"", PACKED, b""),
}


@contextmanager
def a_long_ftp_file(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "a").open("wb") as file:
        for _ in range(COUNT):
            file.write(PIECE)
    with an_ftp_server(folder, use_sendfile=False) as port:
        yield a_source(f"ftp://127.0.0.1:{port}", "ftp", relative_url="/a")


@contextmanager
def a_long_web_file(name: str, tls: tuple[Path, Path] | None) -> Iterator[dict[str, Any]]:
    with a_site(tls) as site:
        site.routes["/a"] = ANSWERS[name]
        yield a_source(f"{site.base}/a")


def passes_through(source: dict[str, Any], ca_file: Path | None = None) -> None:
    digest, largest = sha256(), 0

    def sink(chunk: bytes) -> None:
        nonlocal largest
        digest.update(chunk)
        largest = max(largest, len(chunk))

    tracemalloc.start()
    try:
        came = fetch(source, sink, remaining=lambda: 60, guard=LOCAL, ca_file=str(ca_file) if ca_file else None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (came.size, came.sha256) == (SIZE, digest.hexdigest())
    assert largest <= 64 * 1024
    assert peak < MOST


@pytest.mark.parametrize("name", ANSWERS)
def test_a_web_file_larger_than_the_memory_passes_through(name: str) -> None:
    with a_long_web_file(name, None) as source:
        passes_through(source)


def test_so_does_one_under_tls(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    with a_long_web_file("with its length", tls) as source:
        passes_through(source, tls[0])


def test_so_does_one_from_an_ftp_server(tmp_path: Path) -> None:
    with a_long_ftp_file(tmp_path) as source:
        passes_through(source)
