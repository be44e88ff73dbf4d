"""Keep-alive HTTP connections to one endpoint, with botocore's exceptions for what goes wrong on them.

A request is one write to a socket; `httptools` reads the answer. `http.client` and urllib3, which parse headers as
those of an e-mail, cost several times the CPU (decision 0006).
"""

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path
from httptools import HttpParserError, HttpResponseParser

_CHUNK = 65_536  # bytes read at once
_MOST_IDLE = 50  # seconds; DynamoDB closes connections that were idle for about a minute


class Answer:
    """An HTTP answer: `status`, `headers` (names in lower case), `body`; its own parser calls the `on_` methods."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_begun = self.is_complete = self.keeps_alive = False
        self._parser = HttpResponseParser(self)

    def feed(self, part: bytes) -> None:
        """Take what the socket gave; nothing is the end of the connection."""
        if not part:
            raise ConnectionResetError("closed by the endpoint")
        self.is_begun = True
        self._parser.feed_data(part)

    def on_message_begin(self) -> None:
        """Refuse a second answer: nothing was asked that it could belong to."""
        if self.is_complete:
            raise ValueError("more was answered than asked")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self.body += part

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self.status, self.keeps_alive = self._parser.get_status_code(), self._parser.should_keep_alive()
        self.is_complete = True
        del self._parser  # the two refer to each other; without it the memory of both is freed at once


class ClosedUnanswered(ConnectionClosedError):  # type: ignore[misc]  # noqa: N818 - it says what happened
    """The endpoint closed the connection before a byte of an answer came. The request may have been carried out."""


class Connections:
    """Connections to the endpoint at a URL, for many threads: each call takes one for itself, the one used last.

    They live as long as the endpoint keeps them. One that was closed meanwhile (Lambda freezes containers for
    minutes) is noticed before it is used, or at the latest when no answer comes.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        ca_bundle: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        self.host = parts.netloc.removesuffix(":443" if is_secure else ":80")
        self._url, self._address = url, (parts.hostname or "", parts.port or (443 if is_secure else 80))
        self._connect_timeout, self._read_timeout, self._clock = connect_timeout, read_timeout, clock
        self._tls = ssl.create_default_context(cafile=get_cert_path(ca_bundle or True)) if is_secure else None
        self._idle: deque[tuple[socket.socket, float]] = deque()

    def exchange(self, request: bytes, *, is_repeatable: bool) -> Answer:
        """The answer to a whole HTTP request. When a kept connection turns out to be closed, a repeatable request is
        sent again on a new one; for any other ClosedUnanswered is raised."""
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._exchange_on(kept, request)
            except ClosedUnanswered:
                if not is_repeatable:
                    raise
        return self._exchange_on(self._connect(), request)

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop()[0].close()

    def _take_idle(self) -> socket.socket | None:
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return None
            if self._clock() - since < _MOST_IDLE and not _is_readable(connection):
                return connection
            connection.close()

    def _connect(self) -> socket.socket:
        try:
            return self._connected()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._address, self._connect_timeout)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
            connection.settimeout(self._read_timeout)
        except BaseException:
            connection.close()
            raise
        return connection

    def _exchange_on(self, connection: socket.socket, request: bytes) -> Answer:
        answer = Answer()
        is_kept = False
        try:
            connection.sendall(request)
            while not answer.is_complete:
                answer.feed(connection.recv(_CHUNK))
            is_kept = answer.keeps_alive
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except (OSError, HttpParserError) as error:
            fault = ConnectionClosedError if answer.is_begun else ClosedUnanswered
            raise fault(endpoint_url=self._url, error=error) from error
        finally:
            if is_kept:
                self._idle.append((connection, self._clock()))
            else:
                connection.close()
        return answer


def _is_readable(connection: socket.socket) -> bool:
    """What can be read on an idle connection is its end, or something nobody asked for."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
