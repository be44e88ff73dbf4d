"""The content of an answer: however it is framed and compressed, it arrives whole or has failed."""

import gzip
import hashlib
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sources.failures import FetchFailed, Incomplete, InvalidAnswer, Unreachable
from tests.sources.web import GZIP, TABLE, Request, Site, fetched, head, raw, reply

CHUNKED = {"Transfer-Encoding": "chunked"}


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def raw_deflate(content: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(content) + squeeze.flush()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", lambda content: gzip.compress(content[:5]) + gzip.compress(content[5:])),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("utf-8", bytes),
        ("none", bytes),
        ("aws-chunked", bytes),
        ("gzip,aws-chunked", gzip.compress),
        ("identity, deflate", zlib.compress),
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_body_is_read_and_inflated(site: Site, encoding: str, encode: Callable[[bytes], bytes], framing: str) -> None:
    body, headers = encode(TABLE), {"Content-Encoding": encoding}
    site.routes["/a"] = {
        "length": reply(body, headers=headers),
        "chunked": raw(
            head(headers={**headers, **CHUNKED}), chunked(body[:1], body[1:1000], body[1000:]), b"0\r\n\r\n"
        ),
        "close": raw(head(headers=headers), body),
    }[framing]
    came, content = fetched(f"{site.base}/a")
    assert content == TABLE
    assert came.sha256 == hashlib.sha256(TABLE).hexdigest()


@pytest.mark.parametrize("framing", [b"chunked ", b"chunked\t ", b"  CHUNKED", b"Chunked \r\nContent-Length: 7"])
def test_chunks_are_put_together_however_the_header_is_spelt(site: Site, framing: bytes) -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + framing + b"\r\n\r\n"
    site.routes["/a"] = raw(start, chunked(TABLE[:1000], TABLE[1000:]), b"0\r\n\r\n")
    site.routes["/broken"] = raw(start, chunked(TABLE)[:1000])
    assert fetched(f"{site.base}/a")[1] == TABLE
    with pytest.raises(Incomplete, match="breaks off"):
        fetched(f"{site.base}/broken")


BROKEN: dict[str, tuple[Callable[[Request], None], type[FetchFailed], str]] = {
    "half of it": (reply(TABLE[:1000], length=len(TABLE)), Incomplete, "1000 of"),
    "none of it": (reply(b"", length=10), Incomplete, "0 of 10"),
    "a chunk cut off": (raw(head(headers=CHUNKED), chunked(TABLE)[:1000]), Incomplete, "breaks off"),
    "no last chunk": (raw(head(headers=CHUNKED), chunked(TABLE)), Incomplete, "breaks off"),
    "a chunk of no size": (raw(head(headers=CHUNKED), b"zz\r\nabc"), Incomplete, "breaks off"),
    "a chunk of negative size": (raw(head(headers=CHUNKED), b"-1\r\n", TABLE), Incomplete, "breaks off"),
    "a gz cut off": (reply(gzip.compress(TABLE)[:-9], headers=GZIP), Incomplete, "compressed content"),
    "a gz cut off by closing": (raw(head(headers=GZIP), gzip.compress(TABLE)[:-9]), Incomplete, "compressed content"),
    "no gz at all": (reply(TABLE, headers=GZIP), Incomplete, "compressed content"),
    "deflate cut off": (
        reply(raw_deflate(TABLE)[:-1], headers={"Content-Encoding": "deflate"}), Incomplete, "compressed content"
    ),
    "an unknown encoding": (reply(TABLE, headers={"Content-Encoding": "br"}), InvalidAnswer, "Content-Encoding"),
    "two encodings": (reply(TABLE, headers={"Content-Encoding": "gzip, gzip"}), InvalidAnswer, "Content-Encoding"),
    "an unknown framing": (
        raw(head(headers={"Transfer-Encoding": "gzip, chunked"}), b"x"), InvalidAnswer, "Transfer-Encoding"
    ),
    "a framing with another blank": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\xa0\r\n\r\n", chunked(b"x"), b"0\r\n\r\n"),
        InvalidAnswer, "Transfer-Encoding",
    ),
    "a length that is none": (reply(headers={"Content-Length": "-5"}), InvalidAnswer, "Content-Length"),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), InvalidAnswer, "Content-Length"
    ),
    "no HTTP": (raw(b"220 files.example FTP ready\r\n"), InvalidAnswer, "no HTTP"),
    "endless headers": (raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 200), InvalidAnswer, "no HTTP"),
    "an endless header": (raw(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100_000), InvalidAnswer, "no HTTP"),
    "nothing": (raw(), Unreachable, "hung up"),
    "a part": (reply(TABLE, status="206 Partial Content"), InvalidAnswer, "206"),
    "no content": (raw(head("204 No Content")), InvalidAnswer, "204"),
    "a choice": (reply(TABLE, status="300 Multiple Choices"), InvalidAnswer, "300"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_transfer_that_is_not_whole_has_failed(site: Site, name: str) -> None:
    answer, failure, says = BROKEN[name]
    site.routes["/a"] = answer
    with pytest.raises(failure, match=says) as failed:
        fetched(f"{site.base}/a?secret=1")
    assert failed.value.is_retriable == (failure not in (InvalidAnswer,))
    assert f"{site.base}/a" in str(failed.value)
    assert "secret" not in str(failed.value)


@given(data=st.data())
def test_any_bytes_are_an_answer_or_a_failure(site: Site, data: st.DataObject) -> None:
    heads = st.sampled_from([b"", head(), head(headers=CHUNKED), head(headers=GZIP), head(headers={"Location": "x"})])
    body = data.draw(heads) + data.draw(st.binary(max_size=50))
    cut = data.draw(st.integers(0, len(body)))
    site.routes["/a"] = raw(body[:cut] + data.draw(st.binary(max_size=3)) + body[cut:])
    try:
        fetched(f"{site.base}/a")
    except FetchFailed as failed:
        assert failed.message
