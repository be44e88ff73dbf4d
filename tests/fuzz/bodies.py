"""Request bodies, from nearly right to hopeless."""

import gzip
import json
import zlib
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.fuzz.values import GOOD, json_values, texts
from tests.fuzz.world import TYPES

MOST_BYTES = 5 * 1024 * 1024
_BOMB = gzip.compress(b"[" + b" " * (64 * 1024 * 1024) + b"]", mtime=0)

field_names = st.sampled_from([*TYPES, "Station", "__proto__", "", "pk", "unknown"]) | texts
_tokens = st.sampled_from(
    [
        *(
            "NaN",
            "Infinity",
            "-Infinity",
            "-0",
            "1e999",
            "-1e999",
            "1" * 400,
            "1" * 5000,
            "01",
            "+1",
            ".5",
            "1.",
            "0x1",
        ),
        *(
            "nul",
            "True",
            "undefined",
            "''",
            '"',
            '"\\ud800"',
            '"\\udc00\\ud800"',
            '"\\u0000"',
            '"\\x41"',
            '"\t"',
            '"\n"',
        ),
        *("{", "}", "[", "]", ",", ":", "{}", "[]", "[[]]", "[{}]", "[null]", "[1]", "/**/1", '{"a":1,"a":2}', "{,}"),
        *("1.7976931348623159e308", "5e-324", "18446744073709551616", "-9223372036854775809", '"\ud83d\ude00"', ""),
    ]
)


def _with_token(record: dict[str, object], name: str, token: str) -> str:
    """A record as JSON in which one value is the token."""
    others = json.dumps({**record, name: None}, ensure_ascii=False)
    return others.replace(f"{json.dumps(name, ensure_ascii=False)}: null", f"{json.dumps(name)}: {token}", 1)


def _nested(depth: int, opening: str, closing: str, around: str) -> str:
    return around.replace("$", opening * depth + closing * depth, 1)


good_records = st.fixed_dictionaries(
    {"station": texts, "number": st.integers(0, 20)},
    optional={
        name: GOOD[kind].map(lambda pair: pair[0]) for name, kind in TYPES.items() if name not in ("station", "number")
    },
)
junk_records = st.dictionaries(field_names, json_values, max_size=6) | good_records.flatmap(
    lambda record: st.dictionaries(field_names, json_values, max_size=2).map(lambda junk: {**record, **junk})
)
_as_json = st.one_of(
    st.lists(junk_records, max_size=4).map(json.dumps),
    junk_records.map(lambda record: json.dumps(record, ensure_ascii=False)),
    json_values.map(json.dumps),
)
_with_tokens = st.builds(_with_token, good_records, st.sampled_from(list(TYPES)), _tokens)
_deep = st.builds(
    _nested,
    st.integers(1, 40) | st.sampled_from([31, 32, 33, 1000, 1024, 1025, 5000, 100_000]),
    *[st.just(part) for part in ("[", "]")],
    st.sampled_from(["$", "[$]", '{"extra": $}', '[{"station": "a", "number": 1, "extra": $}]', '{"a": $', "$]"]),
) | st.integers(1, 2000).map(lambda depth: '{"extra":' * depth + "1" + "}" * depth)


def _damaged(text: str, place: int, inserted: str, dropped: int) -> str:
    at = place % (len(text) + 1)
    return text[:at] + inserted + text[at + dropped :]


_broken = st.builds(_damaged, _as_json, st.integers(0, 10_000), _tokens | st.text(max_size=3), st.integers(0, 5))
_text_bodies = (_as_json | _with_tokens | _deep | _broken | _tokens).map(
    lambda text: text.encode(errors="surrogatepass")
)


def _cut(body: bytes, kept: int) -> bytes:
    return body[: kept % (len(body) + 1)]


def _flipped(body: bytes, place: int, bit: int) -> bytes:
    return body[: place % len(body)] + bytes([body[place % len(body)] ^ (1 << bit)]) + body[place % len(body) + 1 :]


def gzipped(body: bytes) -> bytes:
    """The body compressed, always to the same bytes."""
    return gzip.compress(body, 1, mtime=0)


_gzipped = _text_bodies.map(gzipped)
_gzips = st.one_of(
    _gzipped,
    st.builds(_cut, _gzipped, st.integers(0, 500)),
    st.builds(_flipped, _gzipped, st.integers(0, 500), st.integers(0, 7)),
    st.tuples(_gzipped, st.binary(max_size=5)).map(b"".join),
    st.tuples(_gzipped, _gzipped).map(b"".join),
    _gzipped.map(gzipped),
    _text_bodies.map(zlib.compress),
    st.sampled_from([_BOMB, _BOMB[:-8], gzip.compress(_BOMB, 1, mtime=0), b"\x1f\x8b"]),
)


def _lines(parts: Sequence[bytes]) -> bytes:
    return b"\n".join(parts)


ndjson = st.lists(
    junk_records.map(lambda record: json.dumps(record).encode()) | _text_bodies | st.just(b""), max_size=4
).map(_lines)
bodies = st.one_of(
    _text_bodies,
    _text_bodies.map(lambda body: b"\xef\xbb\xbf" + body),
    _gzips,
    ndjson,
    st.binary(max_size=60),
    st.builds(_damaged, _as_json, st.integers(0, 10_000), st.just("\ud800"), st.just(0)).map(
        lambda text: text.encode(errors="surrogatepass")
    ),
)


def of_size(size: int) -> bytes:
    """One good record in a body of exactly so many bytes."""
    record = b'{"station": "size", "number": 1}'
    return record + b" " * (size - len(record))
