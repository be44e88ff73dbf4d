"""Payloads: from the bytes of one request body to a list of JSON values, with errors that point at the place."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from chalicelib.domain.errors import InvalidJson, InvalidPayload, PayloadTooLarge
from chalicelib.domain.nesting import MAX_DEPTH, is_deeper
from chalicelib.domain.rounding import rounded_numbers

MAX_BYTES = 5 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_REPLACED = "\ufffd".encode()
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # what zlib calls the format of gzip
_PIECE = 64 * 1024  # bytes inflated at a time
_NDJSON_TYPES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The JSON values of a body, in order; `too_deep` holds the indexes of those nested beyond 32 levels. `text` is the
    body, when they have just been parsed."""

    objects: list[Any]
    too_deep: frozenset[int] = frozenset()
    text: bytes = b""

    @cached_property
    def rounded(self) -> frozenset[float]:
        """The numbers among the values that have lost digits by being parsed."""
        return rounded_numbers(self.text)


def check_size(size: int) -> None:
    """Refuse a body of more than 5 MB = 5,242,880 bytes."""
    if size > MAX_BYTES:
        raise PayloadTooLarge(
            f"The body has {size} bytes, the limit is {MAX_BYTES} (5 MB): split it into several pushes."
        )


def check_text(body: bytes) -> None:
    """Refuse a body with U+FFFD: that is what the gateway, which hands bodies on as text, makes of bytes that are no
    UTF-8. Stored, the text would be damaged for good. Compressed bodies come as they were sent."""
    if body[:2] != _GZIP and (found := body.find(_REPLACED)) >= 0:
        raise InvalidJson(
            f"The body is not UTF-8 near byte {found}, or has the character U+FFFD there: encode it as UTF-8 and send "
            'it again. A U+FFFD that is meant is written "\\ufffd".'
        )


def parse_payload(body: bytes, content_type: str = "") -> Payload:
    """The objects of a JSON body (one object or an array), NDJSON when the content type says so; gzip is inflated.

    Values that are no objects are left in place: the preparer refuses each with its index.
    """
    body = _inflated(body) if body[:2] == _GZIP else body
    body = body.removeprefix(_BOM)
    if content_type.partition(";")[0].strip().lower() in _NDJSON_TYPES:
        objects = list(_lines(body))
    else:
        value = _loads(body)
        if not isinstance(value, list | dict):
            raise InvalidPayload("The body must be a JSON object (one record) or an array of objects.")
        objects = value if isinstance(value, list) else [value]
    return Payload(objects=objects, too_deep=_too_deep(body, objects), text=body)


def parse_json(body: bytes, *, name: str = "The body") -> Any:
    """The JSON value of a body, or of what refusals call by this name, nested at most 32 levels deep."""
    value = _loads(body.removeprefix(_BOM), name=name)
    if is_deeper(value, MAX_DEPTH):
        raise InvalidPayload(f"{name} is nested more than {MAX_DEPTH} levels deep: flatten it.")
    return value


def _loads(text: bytes, *, line: int = 0, offset: int = 0, name: str = "The body") -> Any:
    """Parse one JSON document that begins after `line` lines and `offset` bytes of the body."""
    if not text.strip():
        raise InvalidJson(f"{name} is empty: send JSON.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        problem = error.msg.partition(": line ")[0]
        try:
            before = len(text.decode()[: error.pos].encode())
        except UnicodeDecodeError as broken:
            before, problem = broken.start, "the text is not UTF-8"
            raise InvalidJson(
                f"{name} is not UTF-8 at byte {offset + before}: encode it as UTF-8 and send it again."
            ) from None
        raise InvalidJson(
            f"{name} is not JSON: {problem} at line {line + error.lineno}, column {error.colno}, "
            f"byte {offset + before}. Mend it there and send it again."
        ) from None


def _lines(body: bytes) -> Iterator[Any]:
    offset = 0
    for number, line in enumerate(body.split(b"\n")):
        if line.strip():
            yield _loads(line, line=number, offset=offset)
        offset += len(line) + 1


def _inflated(body: bytes) -> bytes:
    """The inflated body; several gzip members one after the other are one body, as in appended logs. It is read a piece
    at a time: at the end of each member zlib copies what is left of what it was given."""
    parts: list[bytes] = []
    left = MAX_BYTES
    inflater = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        for start in range(0, len(body), _PIECE):
            piece = body[start : start + _PIECE]
            while piece:
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=_GZIP_WINDOW)
                parts.append(inflater.decompress(piece, left + 1))
                left -= len(parts[-1])
                if left < 0:
                    raise PayloadTooLarge(
                        f"The body inflates to more than {MAX_BYTES} bytes (5 MB), gzip does not raise the limit: "
                        "split it into several pushes."
                    )
                piece = inflater.unused_data
    except zlib.error:
        raise InvalidPayload(
            "The body begins like gzip but cannot be inflated: compress it again, or send it as plain JSON."
        ) from None
    if not inflater.eof:
        raise InvalidPayload("The gzip body is cut off: send it again, whole.")
    return b"".join(parts)


def _too_deep(body: bytes, objects: list[Any]) -> frozenset[int]:
    """Indexes of the values nested too deep. Flat records are the rule, and counting brackets tells them without a
    walk: a record nested too deep has as many as the limit beside its own."""
    own = sum(1 for value in objects if value.__class__ is dict)
    if body.count(b"{") + body.count(b"[") - own < MAX_DEPTH:
        return frozenset()
    return frozenset(index for index, value in enumerate(objects) if is_deeper(value, MAX_DEPTH))
