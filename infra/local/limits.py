"""The gateway's limits, which the emulator does not know: what a request may weigh and how long an answer may take.

Figures from the quotas of API Gateway (REST) and Lambda, sizes in bytes.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

REQUEST_BYTES = 10 * 1024 * 1024
EVENT_BYTES = 6 * 1024 * 1024
ANSWER_SECONDS = 29.0

_WORST_ESCAPE = 6  # one control character becomes \u0000
_ENVELOPE_BYTES = 64 * 1024  # headers and context of a Lambda event; API Gateway takes 10,240 bytes of headers
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class TooLarge(Exception):  # noqa: N818 - it says what happened
    """The body inflates to more than the gateway carries."""


class NotCompressed(Exception):  # noqa: N818 - it says what happened
    """The body is not what its Content-Encoding says; the message says what to do."""


def weight(payload: object) -> int:
    """The bytes of `payload` as JSON, the way Lambda counts an event or an answer."""
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def event_is_too_large(event: Mapping[str, Any]) -> bool:
    """Tell whether Lambda would refuse the event (6 MB with the body as an escaped JSON string, or base64)."""
    body = event.get("body") or ""
    if len(body) * _WORST_ESCAPE + _ENVELOPE_BYTES <= EVENT_BYTES:
        return False  # weighing costs more than a small push
    return weight(event) > EVENT_BYTES


def answer_is_too_large(answer: object) -> bool:
    """Tell whether Lambda would refuse to return the function's answer."""
    body = answer.get("body") if isinstance(answer, Mapping) else answer
    if isinstance(body, str) and len(body) * _WORST_ESCAPE + _ENVELOPE_BYTES <= EVENT_BYTES:
        return False
    return weight(answer) > EVENT_BYTES


def inflated(body: bytes, encoding: str) -> bytes:
    """Inflate a request body as the gateway does before the application sees it.

    Encodings the gateway does not know leave the body as it is. Raises TooLarge past REQUEST_BYTES, NotCompressed
    when the body is not compressed that way.
    """
    window = _WINDOWS.get(encoding.strip().lower())
    if window is None or not body:
        return body
    inflater = zlib.decompressobj(window)
    try:
        content = inflater.decompress(body, REQUEST_BYTES + 1)
    except zlib.error as error:
        raise NotCompressed(_NOT_COMPRESSED.format(encoding=encoding.strip().lower()[:20])) from error
    if len(content) > REQUEST_BYTES:
        raise TooLarge
    if not inflater.eof:
        raise NotCompressed(_NOT_COMPRESSED.format(encoding=encoding.strip().lower()[:20]))
    return content


_NOT_COMPRESSED = (
    "The body is not {encoding} although its Content-Encoding says so, or it is cut short: "
    "send it whole, or leave the header out."
)
