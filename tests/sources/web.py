"""A web server on loopback whose answers are made byte by byte, and fetches from it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.fetching import NO_VALIDATORS, fetch
from chalicelib.sources.transfer import Fetched, Limits, Validators

LOCAL = AddressGuard(allow_private=True)
PUBLIC = "93.184.215.14"
QUICK = Limits(connect_seconds=5, read_seconds=5)
IMPATIENT = Limits(connect_seconds=0.2, read_seconds=0.2)
Answer = Callable[["Request"], None]
GZIP = {"Content-Encoding": "gzip"}
TABLE = b"a;b\n" + b"".join(b"%d;%d\n" % (i, i * i) for i in range(20_000))


class Request(BaseHTTPRequestHandler):
    """One request; its answer is whatever is written."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        self.server.site.asked.append(self)
        self.server.site.routes[self.path.partition("?")[0]](self)

    def write(self, *parts: bytes) -> None:
        for part in parts:
            self.wfile.write(part)

    def drip(self, content: bytes = b"x" * 1_000_000) -> None:
        """A byte at a time, until the site closes or the client has gone."""
        for byte in content:
            self.write(bytes([byte]))
            if self.server.site.closing.wait(0.01):
                return

    def wait(self) -> None:
        """Say nothing until the site closes."""
        self.server.site.closing.wait(30)

    def log_message(self, *_: Any) -> None:
        """The tests look at `asked`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined when it closes
    site: "Site"

    def handle_error(self, *_: Any) -> None:
        """Clients that go away are what the tests are about."""


class Site:
    """A running server: `routes` are its answers by path, `asked` the requests it got."""

    def __init__(self, server: _Server, scheme: str) -> None:
        self.routes: dict[str, Answer] = {}
        self.asked: list[Request] = []
        self.closing = threading.Event()
        self.port: int = server.server_address[1]
        self.base = f"{scheme}://127.0.0.1:{self.port}"
        server.site = self

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


@contextmanager
def a_site(tls: tuple[Path, Path] | None = None) -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), Request)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site = Site(server, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def reply(
    content: bytes = b"", *, status: str = "200 OK", headers: Mapping[str, str] | None = None, length: int | None = None
) -> Answer:
    """An answer of this content, with its length or another one."""

    def answer(request: Request) -> None:
        lines = {"Content-Length": str(len(content) if length is None else length), **(headers or {})}
        request.write(head(status, lines), content)
        request.close_connection = True

    return answer


def head(status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def raw(*parts: bytes) -> Answer:
    """Just these bytes, then the end of the connection."""

    def answer(request: Request) -> None:
        request.write(*parts)
        request.close_connection = True

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return reply(b"the body of a redirect", status=status, headers={"Location": location})


def a_source(url: str, kind: str = "http", auth: Any = None, **changes: Any) -> dict[str, Any]:
    return {"type": kind, "connection": {"type": kind, "url": url, "auth": auth}, **changes}


def fetched(
    source: Mapping[str, Any] | str,
    *,
    guard: AddressGuard = LOCAL,
    limits: Limits = QUICK,
    validators: Validators = NO_VALIDATORS,
    remaining: Callable[[], float] = lambda: 30.0,
    ca_file: Path | None = None,
) -> tuple[Fetched, bytes]:
    """The outcome, and what the sink got."""
    content = bytearray()
    described = a_source(source) if isinstance(source, str) else source
    came = fetch(
        described, content.extend, remaining=remaining, validators=validators, limits=limits, guard=guard,
        ca_file=str(ca_file) if ca_file else None,
    )  # fmt: skip
    return came, bytes(content)


def countdown(calls: int) -> Callable[[], float]:
    """Time that runs out when it has been asked for so often: deadlines without waiting for them."""
    left = iter([30.0] * calls)
    return lambda: next(left, -1.0)


def within(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def resolving(*answers: str, names: Mapping[str, str] | None = None) -> Callable[..., Any]:
    """A resolver that gives these addresses, one a call, the last for ever; or one address for each name."""
    given = list(answers)

    def resolve(host: str, port: int, type: int) -> list[Any]:
        address = names[host] if names else (given.pop(0) if len(given) > 1 else given[0])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, type, 6, "", (address, port))]

    return resolve


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def a_hanging_up_server() -> Iterator[int]:
    """It takes a connection and closes it; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with server.accept()[0] as connection:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
