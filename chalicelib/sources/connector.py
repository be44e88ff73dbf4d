"""Connections for one fetch: guarded, timed, and with TLS where it is asked for."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.failures import CertificateRefused, FetchFailed, OutOfTime, TimedOut, TlsFailed, Unreachable
from chalicelib.sources.timed_socket import TimedSocket, TimedTlsSocket
from chalicelib.sources.transfer import Limits


@dataclass(frozen=True, kw_only=True)
class Connector:
    """Opens the connections of one fetch. `remaining` answers the seconds left for all of it; `ca_file` names a file
    of certificate authorities to trust instead of the system's."""

    guard: AddressGuard
    limits: Limits
    remaining: Callable[[], float]
    ca_file: str | None = None

    def open(self, host: str, port: int) -> TimedSocket:
        """A connection to the host."""
        connected = self.guard.connect(host, port, partial(self._wait, self.limits.connect_seconds))
        connected.wait = partial(self._wait, self.limits.read_seconds)
        return connected

    def open_beside(self, control: TimedSocket | TimedTlsSocket, port: int) -> TimedSocket:
        """A connection to another port of the very address that `control` is connected to, which was checked."""
        peer = control.getpeername()
        beside = self.guard.dial(control.family, (peer[0], port, *peer[2:]), self._wait(self.limits.connect_seconds))
        beside.wait = partial(self._wait, self.limits.read_seconds)
        return beside

    def secure(
        self, plain: TimedSocket, host: str, *, control: TimedTlsSocket | None = None, may_end_abruptly: bool = False
    ) -> TimedTlsSocket:
        """The connection with TLS, the server's certificate being one for `host`. `control` is a connection whose
        session is continued: FTP servers ask for it. `may_end_abruptly` where something else tells the end."""
        plain.settimeout(self._wait(self.limits.connect_seconds))
        try:
            wrapped = self._context.wrap_socket(
                plain,
                server_hostname=host,
                suppress_ragged_eofs=may_end_abruptly,
                session=control.session if control else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(error.verify_message) from None
        except ssl.SSLEOFError:
            raise Unreachable("it hung up while agreeing on TLS") from None
        except ssl.SSLError as error:
            raise TlsFailed((error.reason or "").lower().replace("_", " ")) from None
        secured = cast(TimedTlsSocket, wrapped)
        secured.wait = partial(self._wait, self.limits.read_seconds)
        return secured

    @contextmanager
    def faults_as(self, otherwise: type[FetchFailed]) -> Iterator[None]:
        """Turn faults of the network into failures: time-outs into those of time, all else into `otherwise`."""
        try:
            yield
        except TimeoutError:
            raise (TimedOut if self.remaining() > 0 else OutOfTime)() from None
        except OSError as error:
            raise otherwise((error.strerror or "it hung up").lower()) from None

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        context.sslsocket_class = TimedTlsSocket
        return context

    def _wait(self, most: float) -> float:
        left = self.remaining()
        if left <= 0:
            raise TimeoutError
        return min(most, left)
