"""FTP servers on loopback: pyftpdlib's, and one whose replies are scripted."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from tests.sources.web import a_source

USER, PASSWORD = "reader", "pä:ss wörd"
AUTH = {"type": "basic_auth", "username": USER, "password": PASSWORD}
logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)


@contextmanager
def an_ftp_server(folder: Path, tls: tuple[Path, Path] | None = None, **settings: Any) -> Iterator[int]:
    """pyftpdlib with the files of a folder, for the user and for anyone; yields its port."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder))
    authorizer.add_anonymous(str(folder))
    certified = {"certfile": str(tls[0]), "keyfile": str(tls[1])} if tls else {}
    base = TLS_FTPHandler if tls else FTPHandler
    required = {"tls_control_required": True, "tls_data_required": True} if tls else {}
    usual = {"authorizer": authorizer, "auth_failed_timeout": 0.01, "banner": "ready"}
    handler = type("Handler", (base,), {**usual, **certified, **required, **settings})
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            server.serve_forever(timeout=0.01, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.address[1]
    finally:
        stopping.set()
        thread.join()


@dataclass(kw_only=True)
class Script:
    """What a scripted server says: `replies` in place of its usual ones, by command. It sends `content` when asked
    for a file, or the first `sent` bytes of it, and keeps the commands it got."""

    content: bytes = b"a;b\n1;2\n"
    sent: int | None = None
    replies: Mapping[str, str] = field(default_factory=dict)
    greeting: str = "220 ready"
    ending: str = "226 done"
    tls: ssl.SSLContext | None = None
    commands: list[str] = field(default_factory=list)
    sessions_continued: list[bool] = field(default_factory=list)
    is_implicit: bool = False


@contextmanager
def a_scripted_server(script: Script) -> Iterator[int]:
    """A server for one client after the other; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: _serve(server, script))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, script: Script) -> None:
    while True:
        try:
            control = server.accept()[0]
        except OSError:
            return
        with suppress(OSError), ExitStack() as stack:  # the client may go, which some tests are about
            data = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            control.settimeout(5)
            data.settimeout(5)
            _talk(control, data, script, stack)


def _talk(control: socket.socket, data: socket.socket, script: Script, stack: ExitStack) -> None:
    stack.enter_context(control)
    usual = _usual_replies(script, data.getsockname()[1])
    if script.is_implicit:
        control = stack.enter_context(_secured(script, control))
    control.sendall(f"{script.greeting}\r\n".encode("latin-1"))
    while line := _line(control):
        command = line.partition(" ")[0]
        script.commands.append(line)
        reply = usual.get(command, "502 unknown")
        control.sendall(f"{reply}\r\n".encode("latin-1"))
        if command == "AUTH" and reply.startswith("2"):
            control = stack.enter_context(_secured(script, control))
        if command == "RETR" and reply.startswith("1"):
            _send(data, script)
            control.sendall(f"{script.ending}\r\n".encode())


def _usual_replies(script: Script, port: int) -> dict[str, str]:
    high, low = port // 256, port % 256
    usual = {
        "AUTH": "234 go on", "USER": "331 password?", "PASS": "230 welcome", "PBSZ": "200 ok", "PROT": "200 ok",
        "TYPE": "200 ok", "SIZE": f"213 {len(script.content)}", "MDTM": "213 20140127041500", "RETR": "150 ok",
        "EPSV": f"229 here (|||{port}|)", "PASV": f"227 here (127,0,0,1,{high},{low})",
    }  # fmt: skip
    return usual | {name: text.format(port=port, high=high, low=low) for name, text in script.replies.items()}


def _line(control: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\n") and (byte := control.recv(1)):
        received += byte
    return received.decode().strip()


def _secured(script: Script, plain: socket.socket) -> ssl.SSLSocket:
    assert script.tls
    return script.tls.wrap_socket(plain, server_side=True)


def _send(data: socket.socket, script: Script) -> None:
    connection = data.accept()[0]
    connection.settimeout(5)
    if script.tls:
        secured = _secured(script, connection)
        script.sessions_continued.append(bool(secured.session_reused))
        connection = secured
    with connection:
        connection.sendall(script.content[: script.sent])


def ftp_source(port: int, path: str = "/books.csv", auth: Any = None, scheme: str = "ftp") -> dict[str, Any]:
    return a_source(f"{scheme}://127.0.0.1:{port}", "ftp", auth, relative_url=path)
