"""Files from FTP servers: ftp:// in clear, ftps:// with TLS on both connections, always passive and binary."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from chalicelib.sources.connector import Connector
from chalicelib.sources.failures import Incomplete, InvalidSource
from chalicelib.sources.ftp_session import FtpSession, open_session
from chalicelib.sources.remote_url import RemoteUrl, parsed_url
from chalicelib.sources.transfer import Fetched, Sink, Validators, at_place, check_size, plain_name, pour, settled_date


@dataclass(frozen=True, kw_only=True)
class FtpRequest:
    """What to fetch, and as whom: without `auth`, which has been checked as that of a datasource, anonymously."""

    url: str = field(repr=False)
    auth: Mapping[str, str] | None = field(default=None, repr=False)


def fetch_ftp(request: FtpRequest, sink: Sink, *, validators: Validators, connector: Connector) -> Fetched:
    """Fetch a file. It counts as unchanged when date and size are those of the last time. When the sink has got a
    part and a FetchFailed is raised, what it got is worth nothing."""
    url = parsed_url(request.url, ("ftps", "ftp"))
    path = _path(url)
    with at_place(url.shown), open_session(url, request.auth, connector) as session:
        now = _validators(session, url, path)
        if _is_unchanged(now, validators):
            return Fetched(is_unchanged=True, validators=now)
        return _taken(session, path, sink, now, connector)


def _path(url: RemoteUrl) -> str:
    """The path as commands take it: from the folder that the login leads to; `//` begins an absolute one (RFC 1738)."""
    try:
        path = unquote(url.target, errors="strict").removeprefix("/")
    except UnicodeDecodeError:
        raise InvalidSource("encode its path as UTF-8") from None
    if not path or any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise InvalidSource("its path names no file")
    return path


def _validators(session: FtpSession, url: RemoteUrl, path: str) -> Validators:
    modified_at = settled_date(session.modified_at(path))
    return Validators(fingerprint=url.fingerprint, last_modified=modified_at, size=session.size_of(path))


def _is_unchanged(now: Validators, before: Validators) -> bool:
    return now == before and None not in (now.last_modified, now.size)


def _taken(session: FtpSession, path: str, sink: Sink, now: Validators, connector: Connector) -> Fetched:
    most = connector.limits.max_bytes
    check_size(now.size, most)
    with closing(session.content(path)) as chunks:
        size, sha256 = pour(chunks, sink, most=most)
    if now.size not in (None, size):
        raise Incomplete(f"{size} of {now.size} bytes arrived")
    return Fetched(
        is_unchanged=False, validators=replace(now, size=size), size=size, sha256=sha256, filename=plain_name(path)
    )
