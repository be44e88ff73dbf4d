"""A push API that answers what a test tells it to, on a real socket, and remembers what it was asked."""

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "5e" * 28
BATCH_ID = "0" * 20 + "12345678"


@dataclass(frozen=True)
class Asked:
    """A request as it came in; the names of its headers are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def records(self) -> list[Any]:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        found: list[Any] = json.loads(body)
        return found


@dataclass(frozen=True)
class Reply:
    """An answer. `drops`: the connection is closed instead of it. `stores`: the records are stored all the same."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"status": "OK"})
    headers: Mapping[str, str] = field(default_factory=dict)
    drops: bool = False
    stores: bool = False
    waits_for: threading.Event | None = None


def refusal(status: int, sentence: str = "It is refused.", details: Sequence[Any] = (), **headers: str) -> Reply:
    """A refusal as the push API words it; `retry_after` is a header."""
    body = {"status": "error", "error": sentence, "message": sentence, "details": list(details)}
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class Service:
    """What the requests of a test meet: the replies of the script one after the other, after those OK."""

    def __init__(self, *script: Reply, limit: int | None = None) -> None:
        self.script, self.limit = list(script), limit
        self.asked: list[Asked] = []
        self.stored: list[Any] = []
        self.arrived = threading.Semaphore(0)
        self.connections = 0
        self.scheme, self.port = "http", 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/api/push/1.0/books/realtime/push/"

    @property
    def bodies(self) -> list[list[Any]]:
        return [asked.records for asked in self.asked]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        self.arrived.release()
        reply = self.script.pop(0) if self.script else self.usual(asked)
        if reply.waits_for:
            reply.waits_for.wait(timeout=30)
        if asked.body and ((reply.status == 200 and not reply.drops) or reply.stores):
            self.stored += asked.records
        return reply

    def usual(self, asked: Asked) -> Reply:
        if self.limit is not None and len(asked.body) > self.limit:
            return refusal(413, "The body is too large: split it.")
        return Reply()


@contextmanager
def serving(service: Service, tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """The service on a free port of the loopback, until the test is over."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            service.connections += 1
            self.number = service.connections

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.answer(Asked(self.command, self.path, headers, body, self.number))
            if reply.drops:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = serve  # noqa: N815 - http.server looks for them

        def log_message(self, *_: Any) -> None:
            """Nothing: what it was asked is in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.scheme, service.port = "https" if tls else "http", server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
