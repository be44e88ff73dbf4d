"""A login on an FTP server, over guarded connections.

ftplib's commands, replies and login are used as they are; its connections are not: each one here goes to a checked
address, in whatever the server answers to PASV only the port counts, and with TLS the data connection continues the
session of the control connection, as servers ask for that want no stranger to take it.
"""

import ftplib
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from chalicelib.sources.connector import Connector
from chalicelib.sources.failures import (
    AccessDenied,
    FetchFailed,
    FileNotThere,
    Incomplete,
    InvalidAnswer,
    RequestRefused,
    ServerFailed,
    TlsFailed,
    Unreachable,
)
from chalicelib.sources.formats.limits import CHUNK
from chalicelib.sources.remote_url import IMPLICIT_TLS_PORT, RemoteUrl
from chalicelib.sources.timed_socket import TimedSocket, TimedTlsSocket

_MAX_LINES = 500  # of all replies of a session; greetings are long at times, but not endless
_SIZE, _TIME = re.compile(r"213 (\d{1,15})\s*", re.ASCII), re.compile(r"213 (\d{14})(\.\d+)?\s*", re.ASCII)
_DENIED, _NOT_THERE = ("430", "530", "532"), ("550", "551", "553")


@contextmanager
def open_session(url: RemoteUrl, auth: Mapping[str, str] | None, connector: Connector) -> Iterator["FtpSession"]:
    """A session on the server, logged in, in binary; closed afterwards."""
    session = FtpSession(url, connector)
    with closing(session):
        with _faults_as(Unreachable, connector):
            session.begin(auth)
        yield session


class FtpSession(ftplib.FTP):
    """A control connection, and the questions for one file."""

    sock: Any
    file: Any

    def __init__(self, url: RemoteUrl, connector: Connector) -> None:
        super().__init__()
        self.host, self.port = url.host, url.port
        self._url, self._connector, self._lines = url, connector, 0

    def begin(self, auth: Mapping[str, str] | None) -> None:
        """Connect, agree on TLS for ftps, log in, and choose binary."""
        self._take(self._connector.open(self.host, self.port))
        is_implicit = self._url.is_secure and self.port == IMPLICIT_TLS_PORT
        if is_implicit:
            self._take(self._connector.secure(self.sock, self.host))
        self.getresp()
        if self._url.is_secure and not is_implicit:
            self._agree_on_tls()
        self.login(auth["username"], auth["password"]) if auth else self.login()
        if self._url.is_secure:
            self.voidcmd("PBSZ 0")
            self.voidcmd("PROT P")
        self.voidcmd("TYPE I")  # before SIZE, which some servers refuse without

    def size_of(self, path: str) -> int | None:
        """The file's bytes, or None when the server does not say."""
        found = self._asked("SIZE", path, _SIZE)
        return int(found[1]) if found else None

    def modified_at(self, path: str) -> str | None:
        """When the file was changed, as HTTP writes dates, or None when the server does not say."""
        if found := self._asked("MDTM", path, _TIME):
            with suppress(ValueError):  # some servers say 19124 for 2024
                moment = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
                return format_datetime(moment, usegmt=True)
        return None

    def content(self, path: str) -> Generator[bytes, None, None]:
        """The file's bytes, in chunks, up to the server's word that this was all."""
        with _faults_as(Incomplete, self._connector), ExitStack() as stack:
            data = self._started(path, stack)
            file = stack.enter_context(data.makefile("rb", buffering=0))
            while chunk := file.read(CHUNK):
                yield chunk
            stack.close()
            self.voidresp()

    def getline(self) -> str:
        """One line of a reply; ftplib reads as many as a server sends."""
        self._lines += 1
        if self._lines > _MAX_LINES:
            raise ftplib.Error
        return super().getline()

    def _take(self, connection: TimedSocket | TimedTlsSocket) -> None:
        """Speak over this connection from now on. What came before TLS and was not read yet is dropped."""
        self.sock = connection
        if self.file:
            self.file.close()
        self.file = connection.makefile("r", encoding=self.encoding, errors="replace")

    def _agree_on_tls(self) -> None:
        try:
            self.voidcmd("AUTH TLS")
        except ftplib.error_perm:
            raise TlsFailed("it refuses AUTH TLS") from None
        self._take(self._connector.secure(self.sock, self.host))

    def _asked(self, command: str, path: str, shape: re.Pattern[str]) -> re.Match[str] | None:
        with _faults_as(Unreachable, self._connector):
            try:
                return shape.fullmatch(self.sendcmd(f"{command} {path}"))
            except ftplib.error_perm:
                return None  # the command is unknown, or RETR will say what is wrong

    def _started(self, path: str, stack: ExitStack) -> TimedSocket | TimedTlsSocket:
        """The data connection of a transfer that has begun."""
        plain = stack.enter_context(closing(self._connector.open_beside(self.sock, self._data_port())))
        reply = self.sendcmd(f"RETR {path}")
        if not reply.startswith("1"):
            raise InvalidAnswer(f"FTP {reply[:3]} instead of the file")
        if not self._url.is_secure:
            return plain
        secured = self._connector.secure(plain, self.host, control=self.sock, may_end_abruptly=True)
        return stack.enter_context(closing(secured))

    def _data_port(self) -> int:
        """EPSV names a port alone. An old server knows only PASV; the address in its answer may be anyone's."""
        try:
            _, port = ftplib.parse229(self.sendcmd("EPSV"), ("", 0))  # noqa: S321 - FTP is what the source offers
        except (ftplib.error_perm, ftplib.error_proto):
            _, port = ftplib.parse227(self.sendcmd("PASV"))  # noqa: S321
        if not 0 < port < 65536:
            raise InvalidAnswer("its data port is none")
        return port


@contextmanager
def _faults_as(otherwise: type[FetchFailed], connector: Connector) -> Iterator[None]:
    """Turn faults of the network and replies that say no into failures. What a server says is not repeated: it may
    have been told a password."""
    try:
        with connector.faults_as(otherwise):
            yield
    except EOFError:
        raise otherwise("it hung up") from None
    except (ftplib.error_temp, ftplib.error_perm) as error:
        raise _failure_of(str(error)[:3]) from None
    except (ftplib.Error, ValueError):
        raise InvalidAnswer("it does not speak FTP") from None


def _failure_of(code: str) -> FetchFailed:
    detail = f"FTP {code}"
    if code in _DENIED:
        return AccessDenied(detail)
    if code in _NOT_THERE:
        return FileNotThere(detail)
    if code == "426":  # the server broke the transfer off
        return Incomplete(detail)
    return ServerFailed(detail) if code.startswith("4") else RequestRefused(detail)
