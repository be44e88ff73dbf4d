"""Which addresses may be connected to. A source's address is anyone's text: it must not lead into our own network.

A name is resolved once, every address it has is checked, and the connection goes to a checked address: neither a name
that changes what it means (DNS rebinding) nor a redirect comes past it. The networks are those of the IANA registries
of special-purpose addresses, written out here because what Python's `is_global` says depends on its patch release.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal

from chalicelib.sources.failures import AddressRefused, HostNotFound, InvalidSource, Unreachable
from chalicelib.sources.timed_socket import TimedSocket

SocketAddress = tuple[Any, ...]
Resolve = Callable[..., Sequence[tuple[int, int, int, str, SocketAddress]]]
Dial = Callable[[int, SocketAddress, float], TimedSocket]

_PRIVATE = tuple(
    map(
        ip_network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")
    )
)
_RESERVED = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",  # link-local, with the cloud's metadata service
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",
            "2001::/23",  # with Teredo, whose addresses hide others
            "2001:db8::/32",
            "2002::/16",  # 6to4, the same
            "3fff::/20",
            "fd00:ec2::/32",  # the cloud's metadata service
        ),
    )
)
_UNICAST = ip_network("2000::/3")  # all other IPv6 is local, multicast or not given out
_HOLDS_IPV4 = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))  # mapped, and NAT64 (RFC 6052)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AMBIGUOUS = re.compile("[ßς\u200c\u200d]")  # the standards of 2003 and 2008 take them for different names
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def dial(family: int, address: SocketAddress, seconds: float) -> TimedSocket:
    """A socket connected to this address within so many seconds; OSError else."""
    connected = TimedSocket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(seconds)
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


@dataclass(frozen=True, kw_only=True)
class AddressGuard:
    """Connects to public addresses only; with `allow_private`, which is for the local stage alone, to those of
    private networks and of this machine too. `resolve` answers as `socket.getaddrinfo` does."""

    allow_private: bool = False
    resolve: Resolve = socket.getaddrinfo
    dial: Dial = dial

    def connect(self, host: str, port: int, seconds: Callable[[], float]) -> TimedSocket:
        """A socket connected to the host, whose addresses are tried in turn, each for so many seconds. Raises
        InvalidSource, AddressRefused, HostNotFound or Unreachable, and the OSError of the last attempt."""
        failure = OSError(0, "the host has no address")
        for family, address in self._checked(host_name(host), port):
            try:
                return self.dial(family, address, seconds())
            except OSError as error:
                failure = error
        raise failure

    def _checked(self, host: str, port: int) -> list[tuple[int, SocketAddress]]:
        """The addresses of the host, all of them allowed: one that is not makes the others suspect."""
        try:
            found = self.resolve(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise (HostNotFound if error.errno in _NO_SUCH_NAME else Unreachable)(host) from None
        addresses = [(family, address) for family, _, _, _, address in found]
        if not all(self._is_allowed(str(address[0])) for _, address in addresses):
            raise AddressRefused(host)
        return addresses

    def _is_allowed(self, address: str) -> bool:
        kind = kind_of(address)
        return kind == "public" or (kind == "private" and self.allow_private)


def kind_of(address: str) -> Literal["public", "private", "reserved"]:
    """Whether an IP address is one of the internet, of a private network or of this machine, or one for which there
    is no use here: link-local, multicast, documentation, metadata and the like."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "reserved"
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return "reserved"
        if any(parsed in network for network in _HOLDS_IPV4):
            return kind_of(str(IPv4Address(int(parsed) & 0xFFFFFFFF)))
    if any(parsed in network for network in _RESERVED):
        return "reserved"
    if any(parsed in network for network in _PRIVATE):
        return "private"
    return "public" if isinstance(parsed, IPv4Address) or parsed in _UNICAST else "reserved"


def host_name(text: str) -> str:
    """A host as it goes into a request and a certificate's check: lower-case ASCII, IPv6 without brackets, no dot at
    the end. InvalidSource for one that cannot be, and for IPv4 in spellings that resolvers disagree about."""
    if ":" in text:
        return _ipv6(text.removeprefix("[").removesuffix("]"))
    if _AMBIGUOUS.search(text):
        raise InvalidSource("write the host name in its ASCII form, which begins with xn--")
    try:
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        host = ""
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidSource("its host is no host name")
    if _NUMBER.fullmatch(labels[-1]) and not _is_ipv4(host):
        raise InvalidSource("write an IPv4 address as four decimal numbers")
    return host


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise InvalidSource("its host is no IPv6 address, or has a zone")
    return address.compressed


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
