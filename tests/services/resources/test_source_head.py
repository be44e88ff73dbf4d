"""The beginning of a source tells what its file is."""

import gzip
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.services.resources.source_head import ENOUGH, HEAD_BYTES, Fetching, Head, fetch_head, look_at
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.failures import OutOfTime
from chalicelib.sources.timed_socket import TimedSocket
from chalicelib.store.dynamodb import Deadline
from tests.sources.files import cell, sheet_xml, workbook, zipped
from tests.sources.ftp_servers import an_ftp_server
from tests.sources.web import LOCAL, Site, a_site, a_source, reply

LINES = b"a;b\n" + b"".join(b"%d;%d\n" % (i, i * 7919) for i in range(200_000))
NOISE = random.Random(0).randbytes(2_000_000)
BOOK = workbook(sheet_xml(f'<row r="1">{cell("A1", "a", kind="str")}</row><row r="2">{cell("A2", 1)}</row>'))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as running:
        yield running


def fetching() -> Fetching:
    return Fetching(guard=LOCAL, deadline=Deadline(20))


def out_of_time_after(size: int) -> Fetching:
    """Fetching by a clock that jumps when so many bytes have been received."""
    received = [0]

    class Counting(TimedSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            got = super().recv_into(*args, **kwargs)
            received[0] += got
            return got

    def dial(family: int, address: Any, seconds: float) -> TimedSocket:
        connected = Counting(family, socket.SOCK_STREAM)
        connected.connect(address)
        return connected

    deadline = Deadline(20, lambda: 16.0 if received[0] > size else 0.0)
    return Fetching(guard=AddressGuard(allow_private=True, dial=dial), deadline=deadline)


def a_head(content: bytes, *, is_whole: bool = False, filename: str = "x") -> Head:
    return Head(content=content, filename=filename, is_whole=is_whole)


@pytest.mark.parametrize(
    ("content", "size", "is_whole"),
    [
        (b"a;b\n1;2\n", 8, True),
        (LINES, HEAD_BYTES, False),
        (b"PK\x03\x04" + NOISE, len(NOISE) + 4, True),  # the list of a zip is at its end
    ],
)
def test_the_beginning_of_a_file_is_fetched(site: Site, content: bytes, size: int, is_whole: bool) -> None:
    site.routes["/books.csv"] = reply(content)
    head = fetch_head(a_source(f"{site.base}/books.csv?id=1"), fetching())
    assert (head.is_whole, head.filename) == (is_whole, "books.csv")
    assert content.startswith(head.content)
    assert size <= len(head.content) < size + 100_000


def test_the_beginning_of_a_file_on_an_ftp_server_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "books.csv").write_bytes(LINES)
    with an_ftp_server(tmp_path) as port:
        head = fetch_head(a_source(f"ftp://127.0.0.1:{port}/books.csv", "ftp"), fetching())
    assert (head.is_whole, head.filename, LINES.startswith(head.content)) == (False, "books.csv", True)


@pytest.mark.parametrize(("size", "is_enough"), [(0, False), (ENOUGH * 2, True)])
def test_what_arrives_in_the_time_is_enough_or_fails(site: Site, size: int, is_enough: bool) -> None:
    site.routes["/slow.csv"] = reply(LINES[:900_000])
    source, slowly = a_source(f"{site.base}/slow.csv"), out_of_time_after(size)
    if is_enough:
        head = fetch_head(source, slowly)
        assert (head.is_whole, ENOUGH <= len(head.content) < 900_000) == (False, True)
    else:
        with pytest.raises(OutOfTime):
            fetch_head(source, slowly)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (LINES, "csvfile"),
        (gzip.compress(LINES), "csvfile"),
        (zipped({"x.csv": LINES}), "csvfile"),
        (json.dumps([{"a": i} for i in range(200_000)]).encode(), "jsonfile"),
        (b"".join(b'{"a":%d}\n' % i for i in range(200_000)), "jsonl"),
    ],
)
def test_the_beginning_gives_the_fields_and_the_first_records(content: bytes, kind: str) -> None:
    for asked in (None, kind):
        look = look_at(a_head(content[:200_000]), asked, {}, Deadline(20))
        assert (look.kind, look.problem, len(look.first)) == (kind, None, 20)
        assert look.fields()[0] == ("a", "int")


@pytest.mark.parametrize(
    ("content", "kind", "params", "says"),
    [
        (LINES, "jsonfile", {}, "looks like csvfile, not jsonfile"),
        (LINES, "xlsx", {}, "looks like csvfile, not xlsx"),
        (b'[{"a": 1}]', "csvfile", {}, "looks like jsonfile, not csvfile"),
        (BOOK, "csvfile", {}, "looks like xlsx, not csvfile"),
        (b"<html>", "csvfile", {}, "a web page"),
        (b"<html>", None, {}, "a web page"),
        (b"", None, {}, "the file is empty"),
        (b"a;b\n1;2\n1;2;3\n" + LINES, "csvfile", {}, "line 3 has 3 cells"),
        (LINES, "csvfile", {"encoding": "klingon"}, "unknown encoding"),
        (BOOK[:300], "xlsx", {}, "too large to be looked into"),
        (b'{"a": [' + b'{"b": 1}, ' * 20_000, "jsonfile", {"json_root": "c"}, "no record ends within"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, kind: str | None, params: Any, says: str) -> None:
    look = look_at(a_head(content, is_whole=not content or content.startswith(b"<")), kind, params, Deadline(20))
    assert look.kind == kind
    assert says in str(look.problem)


def test_params_that_are_set_are_not_guessed() -> None:
    given = {"separator": ",", "headers_first_row": False, "first_row_no": 2, "encoding": "cp1252"}
    look = look_at(a_head(b"a;b,c\n1;2,3\n", is_whole=True), "csvfile", given, Deadline(20))
    assert look.params == given
    assert [record.values for record in look.records] == [{"column_1": "1;2", "column_2": "3"}]
