"""Files from web servers: one conditional GET, its redirects followed, the content given to a sink as it arrives.

It is made of the standard library's http.client: what matters here is the socket below (guarded, and timed at each
read) and what is checked above (lengths, inflated sizes, where credentials go), which urllib3 would leave to us too.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from chalicelib.sources.connector import Connector
from chalicelib.sources.failures import InvalidAnswer, Unreachable
from chalicelib.sources.http_answer import content_type_of, failure_of, filename_of, validators_of
from chalicelib.sources.http_body import content_chunks, http_faults_as
from chalicelib.sources.redirects import REDIRECTS, Trail
from chalicelib.sources.remote_url import RemoteUrl, parsed_url
from chalicelib.sources.transfer import Fetched, Sink, Validators, at_place, pour

OK, NON_AUTHORITATIVE, NOT_MODIFIED = 200, 203, 304


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """What to fetch, and as whom: `auth` and `headers` have been checked as those of a datasource."""

    url: str = field(repr=False)
    auth: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Sequence[Mapping[str, str]] = field(default=(), repr=False)


def fetch_http(request: HttpRequest, sink: Sink, *, validators: Validators, connector: Connector) -> Fetched:
    """Fetch a file. The sink is called for the file's content only, never for that of a redirect or an error; when it
    has got a part and a FetchFailed is raised, what it got is worth nothing."""
    trail = Trail(parsed_url(request.url, ("https", "http")))
    while True:
        with at_place(trail.shown):
            with _asked(trail.here, _headers(request, trail, validators), connector) as answer:
                if answer.status not in REDIRECTS:
                    return _taken(answer, trail, sink, validators, connector)
                location = answer.getheader("Location")
            trail.follow(location, most=connector.limits.max_redirects)


def _headers(request: HttpRequest, trail: Trail, validators: Validators) -> dict[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "Freshwire", "Connection": "close"}
    if trail.is_home:
        own = {header["name"]: header["value"] for header in request.headers}
        replaced = {name.lower() for name in own}
        kept = {name: value for name, value in headers.items() if name.lower() not in replaced}
        headers = kept | own | _authorization(request.auth)
    return headers | _conditions(trail.here, validators)


def _conditions(url: RemoteUrl, validators: Validators) -> dict[str, str]:
    """An ETag decides alone: a server may know the date less well."""
    if validators.fingerprint != url.fingerprint:
        return {}
    if validators.etag:
        return {"If-None-Match": validators.etag}
    return {"If-Modified-Since": validators.last_modified} if validators.last_modified else {}


def _authorization(auth: Mapping[str, str] | None) -> dict[str, str]:
    match auth:
        case {"type": "basic_auth", "username": username, "password": password}:
            return {"Authorization": f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"}
        case {"type": "bearer", "token": token}:
            return {"Authorization": f"Bearer {token}"}
    return {}


@contextmanager
def _asked(url: RemoteUrl, headers: Mapping[str, str], connector: Connector) -> Iterator[HTTPResponse]:
    with closing(_Connection(url, connector)) as connection:
        with http_faults_as(Unreachable, connector):
            connection.request("GET", url.target, headers=headers)
            answer = connection.getresponse()
            while 101 < answer.status < 200:  # a hint such as 103; the answer comes after it (RFC 9110, 15.2)
                answer.headers = None  # type: ignore[assignment] # so that it begins again
                answer.begin()
        with closing(answer):
            yield answer


def _taken(answer: HTTPResponse, trail: Trail, sink: Sink, validators: Validators, connector: Connector) -> Fetched:
    if answer.status == NOT_MODIFIED:
        if not _conditions(trail.here, validators):
            raise InvalidAnswer("HTTP 304, which was not asked for")
        newer = {name: value for name, value in vars(validators_of(answer, trail.here)).items() if value is not None}
        return Fetched(is_unchanged=True, validators=replace(validators, **newer), http_status=answer.status)
    if answer.status not in (OK, NON_AUTHORITATIVE):
        raise failure_of(answer)
    size, sha256 = pour(content_chunks(answer, connector), sink, most=connector.limits.max_bytes)
    return Fetched(
        is_unchanged=False,
        validators=replace(validators_of(answer, trail.here), size=size),
        size=size,
        sha256=sha256,
        http_status=answer.status,
        filename=filename_of(answer, trail.urls),
        content_type=content_type_of(answer),
    )


class _Connection(HTTPConnection):
    """An HTTP connection over a guarded socket; the Host header and the certificate keep the name."""

    def __init__(self, url: RemoteUrl, connector: Connector) -> None:
        super().__init__(url.host, url.port)
        self._url, self._connector = url, connector
        if url.has_usual_port:
            self.default_port = url.port  # which the Host header does not mention

    def connect(self) -> None:
        plain = self._connector.open(self._url.host, self._url.port)
        self.sock: Any = plain
        if self._url.is_secure:
            self.sock = self._connector.secure(plain, self._url.host)
