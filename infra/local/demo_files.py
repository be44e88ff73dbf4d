"""The demo's files, as an agency's server would publish them: over HTTP at `/_local/demo/...`, and over FTP."""

import hashlib
import logging
import socket
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from threading import Thread

FOLDER = Path(__file__).parent.parent / "demo"
PATH = "/_local/demo/"

Answer = tuple[int, Mapping[str, str], bytes]


def http_answer(path: str, headers: Mapping[str, str], *, folder: Path = FOLDER) -> Answer | None:
    """The answer to a request for `/_local/demo/{name}.csv`, 304 to whoever has the file already; None when there is no
    such file. `headers` are in lower case."""
    name = path.removeprefix(PATH)
    known = {file.name: file for file in folder.glob("*.csv")}
    if name not in known:
        return None
    content = known[name].read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    shown = {"ETag": etag, "Last-Modified": formatdate(known[name].stat().st_mtime, usegmt=True)}
    if headers.get("if-none-match") == etag:
        return 304, shown, b""
    return 200, {**shown, "Content-Type": "text/csv; charset=utf-8"}, content


def serve_ftp(listening: socket.socket, *, folder: Path = FOLDER) -> None:
    """Serve the folder, to be read by anybody, at a listening socket, until the process ends."""
    # Only the environment of the emulator has it.
    from pyftpdlib.authorizers import DummyAuthorizer  # type: ignore[import-untyped]  # noqa: PLC0415
    from pyftpdlib.handlers import FTPHandler  # type: ignore[import-untyped]  # noqa: PLC0415
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]  # noqa: PLC0415

    logging.getLogger("pyftpdlib").setLevel(logging.WARNING)
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(folder))
    handler = type("DemoHandler", (FTPHandler,), {"authorizer": authorizer, "banner": "Freshwire demo"})
    server = FTPServer(listening, handler)
    Thread(target=server.serve_forever, kwargs={"handle_exit": False}, name="demo-ftp", daemon=True).start()
