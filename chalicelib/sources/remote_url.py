"""The address of a file on a server, taken apart; it shows itself without what may be secret in it."""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit

from chalicelib.sources.address_guard import host_name
from chalicelib.sources.failures import InvalidSource

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 21}
IMPLICIT_TLS_PORT = 990  # of ftps
_SAFE = "/%:@!$&'()*+,;=~"  # stays as it is in a path (RFC 3986, 3.3); the percent sign for what is encoded already
_MAX_SHOWN = 200  # characters of the path


@dataclass(frozen=True, kw_only=True)
class RemoteUrl:
    """Scheme, host (ASCII, as the guard takes it), port, and the path and query as they are sent."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = field(repr=False)

    @property
    def is_secure(self) -> bool:
        """Whether all of it goes through TLS."""
        return self.scheme in ("https", "ftps")

    @property
    def has_usual_port(self) -> bool:
        """Whether the port is that of the scheme."""
        return self.port == _PORTS[self.scheme]

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}{self.query}"

    @property
    def shown(self) -> str:
        """The address for messages: without query, and the user and password are not in it anyway."""
        return f"{self._origin}{self.path[:_MAX_SHOWN]}"

    @property
    def fingerprint(self) -> str:
        """Tells this address from others without showing it: 16 hex characters."""
        return hashlib.sha256(f"{self._origin}{self.target}".encode()).hexdigest()[:16]

    @property
    def filename(self) -> str:
        """The last part of the path; may be empty."""
        return unquote(self.path.rpartition("/")[2])

    def follow(self, location: str) -> "RemoteUrl":
        """The address that a redirect from here leads to; InvalidSource when it is none that can be fetched."""
        try:
            return parsed_url(urljoin(f"{self._origin}{self.target}", location), ("https", "http"))
        except ValueError:
            raise InvalidSource("a redirect leads to no address") from None

    @property
    def _origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.has_usual_port else f":{self.port}")


def parsed_url(url: str, schemes: tuple[str, ...]) -> RemoteUrl:
    """The address that this text is; a user and password in it are left out. InvalidSource when it is none, or has
    another scheme."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
        path, query = quote(parts.path, safe=_SAFE), quote(parts.query, safe=_SAFE + "?")
    except ValueError:  # a text that cannot be encoded is one, too
        raise InvalidSource("it has no address") from None
    if parts.scheme not in schemes or not host or port == 0:
        raise InvalidSource(f"expected {' or '.join(f'{scheme}://' for scheme in schemes)} and a host")
    return RemoteUrl(
        scheme=parts.scheme,
        host=host_name(host),
        port=port or _PORTS[parts.scheme],
        path=path or "/",
        query=f"?{query}" if query else "",
    )
