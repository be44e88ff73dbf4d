"""Sockets that ask before each read how long it may take, so that a server which drips bytes meets the deadline too."""

import socket
import ssl
from collections.abc import Callable
from typing import Any


class TimedSocket(socket.socket):
    """A socket whose `wait`, which its maker sets, answers the seconds of the next read, or raises TimeoutError."""

    wait: Callable[[], float]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, for as long as `wait` says."""
        self.settimeout(self.wait())
        return super().recv_into(*args, **kwargs)


class TimedTlsSocket(ssl.SSLSocket):
    """The same with TLS; made by a context that has it as its `sslsocket_class`."""

    wait: Callable[[], float]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read, for as long as `wait` says."""
        self.settimeout(self.wait())
        return super().recv_into(*args, **kwargs)
