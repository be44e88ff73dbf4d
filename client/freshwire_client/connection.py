"""One kept HTTP connection. Requests go one after the other: what is sent first is stored first."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from freshwire_client.push_url import PushUrl

_SHOWN = 200  # bytes


@dataclass(frozen=True)
class Request:
    """One request; `target` is its path and query."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer; the names of its headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Mapping[str, Any]:
        """The JSON object in the body; an empty one when it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def details(self) -> list[Mapping[str, Any]]:
        """What the service says of single records."""
        said = self.json().get("details")
        return [detail for detail in said if isinstance(detail, dict)] if isinstance(said, list) else []

    @property
    def sentence(self) -> str:
        """What the service says, or the beginning of what something on the way says instead."""
        said = self.json().get("error") or self.json().get("message")
        return str(said or " ".join(self.body[:_SHOWN].decode(errors="replace").split()) or f"HTTP {self.status}")


class Connection:
    """A connection that is opened when first used, kept, and opened again when it broke.

    `http.client` sets TCP_NODELAY: no answer waits for the timer of a half-filled packet.
    """

    def __init__(self, url: PushUrl, *, timeout: float) -> None:
        self._http = _opened(url, timeout)

    def send(self, request: Request) -> Answer:
        """The answer, whatever its status. OSError or HTTPException when there is none."""
        is_kept = self._http.sock is not None
        try:
            return self._exchange(request)
        except ConnectionError:
            if not is_kept:
                raise
        return self._exchange(request)  # it had been closed while it lay idle

    def close(self) -> None:
        """Close it; it may be used again."""
        self._http.close()

    def _exchange(self, request: Request) -> Answer:
        try:
            self._put(request)
            response = self._http.getresponse()
            body = response.read()
        except BaseException:
            self._http.close()
            raise
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def _put(self, request: Request) -> None:
        try:
            self._http.request(request.method, request.target, request.body, dict(request.headers))
        except ConnectionError:
            # A service that finds a body too large may answer and close before it has read it all.
            if self._http.sock is None:
                raise


def _opened(url: PushUrl, timeout: float) -> HTTPConnection:
    """The connection, not made yet. HTTPS goes through the proxy that the environment names (`https_proxy`,
    `no_proxy`), which sees nothing of it but the host."""
    if not url.is_secure:
        return HTTPConnection(url.host, url.port, timeout=timeout)
    context = ssl.create_default_context()
    named = "" if proxy_bypass(url.host) else getproxies().get("https", "")
    proxy = urlsplit(named if "//" in named else f"//{named}")
    if not proxy.hostname:
        return HTTPSConnection(url.host, url.port, timeout=timeout, context=context)
    tunnel = HTTPSConnection(proxy.hostname, proxy.port or 8080, timeout=timeout, context=context)
    tunnel.set_tunnel(url.host, url.port or 443, _credentials(proxy))
    return tunnel


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


NO_ANSWER = (OSError, HTTPException)
"""What `send` raises when no answer came."""
