"""What the status and headers of an HTTP answer say."""

import re
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse

from chalicelib.sources.failures import (
    AccessDenied,
    FetchFailed,
    FileNotThere,
    InvalidAnswer,
    RequestRefused,
    ServerFailed,
    TooManyRequests,
)
from chalicelib.sources.remote_url import RemoteUrl
from chalicelib.sources.transfer import Validators, plain_name, settled_date

_FAILURES: dict[int, type[FetchFailed]] = {
    202: ServerFailed,  # the file is being made
    401: AccessDenied,
    403: AccessDenied,
    404: FileNotThere,
    407: AccessDenied,
    408: ServerFailed,
    410: FileNotThere,
    425: ServerFailed,
    429: TooManyRequests,
}
_ETAG = re.compile(r"[\x21-\x7e\x80-\xff]{1,500}")  # some servers leave the quotes out
_LINE = re.compile(r"[\x20-\x7e]{1,200}")
MAX_RETRY_AFTER = 24 * 3600  # seconds


def failure_of(answer: HTTPResponse) -> FetchFailed:
    """Why there is no content in this answer, with the seconds that it asks to wait."""
    others = {4: RequestRefused, 5: ServerFailed}.get(answer.status // 100, InvalidAnswer)
    kind = _FAILURES.get(answer.status, others)
    retry_after = _retry_after(answer) if kind.is_retriable else None
    return kind(f"HTTP {answer.status}", retry_after=retry_after, http_status=answer.status)


def validators_of(answer: HTTPResponse, url: RemoteUrl) -> Validators:
    """What the answer gives to ask with the next time."""
    return Validators(
        fingerprint=url.fingerprint,
        etag=_header(answer, "ETag", _ETAG),
        last_modified=settled_date(_header(answer, "Last-Modified", _LINE), answer.getheader("Date")),
    )


def content_type_of(answer: HTTPResponse) -> str | None:
    """The media type with its parameters, as it was sent."""
    return _header(answer, "Content-Type", _LINE)


def filename_of(answer: HTTPResponse, urls: Sequence[RemoteUrl]) -> str | None:
    """The name in Content-Disposition, else that in the last address, or in the first that has one with a suffix."""
    named = [url.filename for url in (urls[-1], *urls)]
    with suppress(UnicodeError, LookupError, ValueError):  # of an encoding that there is not
        named = [_recoded(answer.headers.get_filename("")), *named]
    names = [name for name in map(plain_name, named) if name]
    return next((name for name in names if "." in name), names[0] if names else None)


def _header(answer: HTTPResponse, name: str, shape: re.Pattern[str]) -> str | None:
    """The header when it is one sound line: it will be stored, and sent again."""
    value = answer.getheader(name, "").strip()
    return value if shape.fullmatch(value) else None


def _recoded(name: str) -> str:
    """http.client reads headers as Latin-1, servers write UTF-8."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _retry_after(answer: HTTPResponse) -> int | None:
    """Seconds to wait; of a date, counted from the server's own."""
    value = answer.getheader("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return min(int(value), MAX_RETRY_AFTER)
    with suppress(ValueError, TypeError, OverflowError):  # no dates, one without a zone, or numbers beyond measure
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(answer.getheader("Date", ""))
        return min(max(0, int(wait.total_seconds())), MAX_RETRY_AFTER)
    return None
