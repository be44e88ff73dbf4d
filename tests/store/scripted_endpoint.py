"""An HTTP endpoint on loopback that does what a script says, request by request."""

import socketserver
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Request(NamedTuple):
    """What came over the wire: the first line, the headers (names in lower case), the body."""

    line: str
    headers: dict[str, str]
    body: bytes


class Last(bytes):
    """What is sent before the connection is closed."""


CLOSE = Last()
"""The connection is closed without an answer."""


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """The bytes of an answer; underscores in header names stand for hyphens."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


class ScriptedEndpoint(socketserver.ThreadingTCPServer):
    """Takes one part of the script for each request, whatever the connection; None leaves a request unanswered."""

    def __init__(self, script: Iterable[bytes | None], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.script, self.tls = iter(script), tls
        self.url = f"{'https' if tls else 'http'}://localhost:{self.server_address[1]}"
        self.requests: list[Request] = []
        self.connections = 0
        self._closed = threading.Semaphore(0)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._closed.release()

    def wait_until_closed(self) -> None:
        """Wait until the endpoint has closed one more connection."""
        assert self._closed.acquire(timeout=10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client may hang up whenever it likes."""


class _Conversation(socketserver.StreamRequestHandler):
    server: ScriptedEndpoint

    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = {}
            while header := self.rfile.readline().strip():
                name, _, value = header.decode().partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers["content-length"]))
            self.server.requests.append(Request(line.decode().strip(), headers, body))
            content = next(self.server.script)
            if content:
                self.wfile.write(content)
            if isinstance(content, Last):
                return

    def finish(self) -> None:
        super().finish()
        if self.server.tls:
            self.request.close()


@contextmanager
def scripted_endpoint(*script: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedEndpoint]:
    """The endpoint while it runs. Clients must have hung up before it ends."""
    with ScriptedEndpoint(script, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()
