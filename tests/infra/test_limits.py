"""What the gateway of the local cloud refuses."""

import gzip
import zlib

import pytest

from infra.local import limits


def event_of(size: int) -> dict[str, str]:
    """An event of exactly `size` bytes as JSON."""
    return {"body": "x" * (size - len('{"body":""}'))}


@pytest.mark.parametrize(("more", "refused"), [(-1, False), (0, False), (1, True)])
def test_an_event_may_weigh_six_megabytes_and_no_byte_more(more: int, refused: bool):
    event = event_of(6_291_456 + more)
    assert limits.weight(event) == 6_291_456 + more
    assert limits.event_is_too_large(event) is refused


@pytest.mark.parametrize("body", ['"' * 4_000_000, "\\" * 4_000_000, "\n" * 4_000_000, "\x00" * 1_100_000])
def test_what_json_escapes_counts_with_its_escape(body: str):
    assert limits.event_is_too_large({"body": body})


def test_text_counts_in_bytes_of_utf_8():
    assert not limits.event_is_too_large({"body": "é" * 3_000_000})
    assert limits.event_is_too_large({"body": "é" * 3_200_000})


def test_a_lone_surrogate_does_not_stop_the_weighing():
    assert limits.weight({"body": "\ud800"}) == len('{"body":"xxx"}')


def test_an_event_without_a_body_is_light():
    assert not limits.event_is_too_large({"body": None})


def test_an_answer_may_weigh_six_megabytes_too():
    assert not limits.answer_is_too_large({"statusCode": 200, "body": "x" * 6_000_000})
    assert limits.answer_is_too_large({"statusCode": 200, "body": "x" * 6_291_456})
    assert not limits.answer_is_too_large(None)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"hello")), (" GZip ", gzip.compress(b"hello")), ("deflate", zlib.compress(b"hello"))],
)
def test_a_compressed_body_is_inflated(encoding: str, packed: bytes):
    assert limits.inflated(packed, encoding) == b"hello"


@pytest.mark.parametrize("encoding", ["", "identity", "br"])
def test_other_encodings_leave_the_body_alone(encoding: str):
    assert limits.inflated(b"hello", encoding) == b"hello"


def test_an_empty_body_is_empty_whatever_its_encoding_says():
    assert limits.inflated(b"", "gzip") == b""


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"hello" * 100)[:-12]])
def test_a_body_that_is_not_what_its_encoding_says_is_refused(body: bytes):
    with pytest.raises(limits.NotCompressed, match="gzip"):
        limits.inflated(body, "gzip")


def test_a_bomb_is_refused_at_the_gateways_limit():
    assert len(limits.inflated(gzip.compress(b"0" * limits.REQUEST_BYTES), "gzip")) == limits.REQUEST_BYTES
    with pytest.raises(limits.TooLarge):
        limits.inflated(gzip.compress(b"0" * (limits.REQUEST_BYTES + 1)), "gzip")
