"""Payloads: every accepted form of a body, and where the broken ones are broken."""

import gzip
import json
import time

import pytest

from chalicelib.domain.errors import InvalidJson, InvalidPayload, PayloadTooLarge
from chalicelib.domain.payload import MAX_BYTES, check_size, check_text, parse_json, parse_payload

RECORDS = [{"a": 1}, {"a": "é"}]
BODY = json.dumps(RECORDS, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("body", "content_type", "objects"),
    [
        (BODY, "application/json", RECORDS),
        (BODY, "application/x-www-form-urlencoded", RECORDS),
        (BODY, "", RECORDS),
        (b"\xef\xbb\xbf" + BODY, "text/plain", RECORDS),
        (b'{"a": 1}', "", [{"a": 1}]),
        (b"[]", "", []),
        (b'{"a": 1}\n\n{"a": "\xc3\xa9"}\n', "application/x-ndjson; charset=utf-8", RECORDS),
        (b"", "application/x-ndjson", []),
        (gzip.compress(BODY), "application/json", RECORDS),
        (gzip.compress(b'{"a": 1}\n') + gzip.compress('{"a": "é"}'.encode()), "application/x-ndjson", RECORDS),
        (gzip.compress(b'{"a": 1}\n'), "application/x-ndjson", [{"a": 1}]),
    ],
)
def test_a_body_gives_its_objects(body: bytes, content_type: str, objects: list[object]) -> None:
    assert parse_payload(body, content_type).objects == objects


def test_broken_json_is_located_by_line_column_and_byte() -> None:
    with pytest.raises(InvalidJson, match="line 2, column 7, byte 14"):
        parse_payload('{"é":\n"aé", oops}'.encode())


def test_a_broken_line_of_ndjson_is_located_in_the_whole_body() -> None:
    with pytest.raises(InvalidJson, match="line 3, column 6, byte 15"):
        parse_payload(b'{"a": 1}\n\n{"a":x}', "application/x-ndjson")


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"{", b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b'"\\ud800"', b"'a'", b"a=1&b=2"],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson, match=r"line 1|empty"):
        parse_payload(body)


def test_text_that_is_not_utf8_is_refused_with_the_place() -> None:
    with pytest.raises(InvalidJson, match="UTF-8 at byte 7"):
        parse_payload(b'{"a": "\xe9"}')


def test_text_that_a_gateway_has_damaged_is_refused_and_an_escape_is_not() -> None:
    damaged = '{"a": "caf\ufffd"}'.encode()
    with pytest.raises(InvalidJson, match="not UTF-8 near byte 10"):
        check_text(damaged)
    check_text(b'{"a": "caf\\ufffd"}')
    check_text(gzip.compress(b"")[:2] + damaged)


@pytest.mark.parametrize("body", [b"1", b'"text"', b"null", b"true"])
def test_a_bare_value_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload, match="object"):
        parse_payload(body)


def test_only_records_nested_beyond_32_levels_are_marked() -> None:
    at_limit = {"a": 1}
    for _ in range(31):
        at_limit = {"a": at_limit}
    payload = parse_payload(json.dumps([at_limit, {"a": at_limit}, {"a": 1}, 5, 5, 5]).encode())
    assert payload.too_deep == {1}
    assert parse_payload(json.dumps({"a": at_limit}).encode()).too_deep == {0}
    assert parse_payload(json.dumps(at_limit).encode()).too_deep == frozenset()


def test_nesting_that_could_break_the_parser_is_refused() -> None:
    with pytest.raises(InvalidJson, match="depth"):
        parse_payload(b"[" * 100_000)
    with pytest.raises(InvalidPayload, match="levels"):
        parse_json(b"[" * 100 + b"]" * 100)


def test_the_limit_of_a_body_is_exact() -> None:
    check_size(MAX_BYTES)
    with pytest.raises(PayloadTooLarge, match=r"5242881 bytes.*5242880.*split"):
        check_size(MAX_BYTES + 1)


def test_a_gzip_bomb_is_refused_without_being_inflated() -> None:
    with pytest.raises(PayloadTooLarge, match="inflates"):
        parse_payload(gzip.compress(b"0" * (50 * MAX_BYTES)))


def test_a_gzip_of_many_members_takes_as_long_as_it_is() -> None:
    body = b"".join(gzip.compress(b'{"a": %d}\n' % n, 1) for n in range(100_000))
    started = time.process_time()
    objects = parse_payload(body, "application/x-ndjson").objects
    assert time.process_time() - started < 5  # seconds; copying the rest for each member takes more
    assert objects == [{"a": n} for n in range(100_000)]


@pytest.mark.parametrize("body", [b"\x1f\x8bjunk", gzip.compress(BODY)[:-9], gzip.compress(BODY) + b"junk"])
def test_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload, match="gzip"):
        parse_payload(body)
