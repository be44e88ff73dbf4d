"""Nothing but the internet is connected to, however an address is spelled and whatever a name means the next time."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.sources.address_guard import AddressGuard, host_name, kind_of
from chalicelib.sources.failures import AddressRefused, FetchFailed, HostNotFound, InvalidSource, Unreachable
from chalicelib.sources.remote_url import parsed_url
from chalicelib.sources.timed_socket import TimedSocket
from tests.sources.web import PUBLIC, resolving

CORPUS = (Path(__file__).parent / "private_addresses.txt").read_text()
SPELLINGS = [text for line in CORPUS.splitlines() if not line.startswith("#") for text in line.split()]


def usual_forms() -> list[str]:
    """Those that a resolver may give."""
    forms = []
    for text in SPELLINGS:
        with suppress(ValueError):
            forms.append(str(ip_address(text.strip("[]").replace("%25", "%"))))
    return forms


def not_dialed(family: int, address: Any, seconds: float) -> TimedSocket:
    raise AssertionError(f"dialed {address}")


def test_the_corpus_is_large() -> None:
    assert len(set(SPELLINGS)) > 100
    assert len(set(usual_forms())) > 60


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_no_spelling_of_an_address_that_is_not_public_is_connected_to(spelling: str, scheme: str) -> None:
    with pytest.raises((AddressRefused, InvalidSource)) as refused:
        url = parsed_url(f"{scheme}://{spelling}/books.csv", (scheme,))
        AddressGuard(dial=not_dialed).connect(url.host, url.port, lambda: 1.0)
    assert not refused.value.is_retriable


@pytest.mark.parametrize("address", usual_forms())
def test_nor_is_a_name_that_means_such_an_address(address: str) -> None:
    guard = AddressGuard(dial=not_dialed, resolve=resolving(address))
    with pytest.raises(AddressRefused, match=r"data\.example"):
        guard.connect("data.example", 80, lambda: 1.0)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", PUBLIC, "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1",
        "169.253.1.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4007:80e::200e", "2001:4860:4860::8888",
        "2620:fe::fe", "::ffff:8.8.8.8", "64:ff9b::808:808",
    ],
)  # fmt: skip
def test_public_addresses_are_dialed_as_they_were_checked(address: str) -> None:
    dialed: list[Any] = []

    def dial(family: int, address: Any, seconds: float) -> TimedSocket:
        dialed.append((family, address, seconds))
        return TimedSocket()

    with AddressGuard(dial=dial, resolve=resolving(address)).connect("data.example", 443, lambda: 2.5):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        assert dialed == [(family, (address, 443), 2.5)]


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6) | st.integers(2**125, 2**126).map(IPv6Address))
@example(IPv6Address("::ffff:8.8.8.8"))
@example(IPv6Address("64:ff9b::808:808"))
def test_what_is_called_public_is_global_for_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    kind = kind_of(str(address))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        assert kind == kind_of(str(address.ipv4_mapped))
    elif kind == "public":
        assert address.is_global
        assert not (address.is_multicast or address.is_private or address.is_link_local)


def test_what_is_no_address_is_not_public() -> None:
    assert kind_of("data.example") == "reserved"


def test_a_name_is_resolved_once_so_that_it_cannot_change_its_meaning() -> None:
    dialed: list[str] = []

    def dial(family: int, address: Any, seconds: float) -> TimedSocket:
        dialed.append(address[0])
        return TimedSocket()

    guard = AddressGuard(dial=dial, resolve=resolving(PUBLIC, "127.0.0.1"))
    with guard.connect("data.example", 80, lambda: 1.0):
        assert dialed == [PUBLIC]
    with pytest.raises(AddressRefused):
        guard.connect("data.example", 80, lambda: 1.0)
    assert dialed == [PUBLIC]


def several(*addresses: str) -> Any:
    return lambda _, port, type: [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]


@pytest.mark.parametrize("addresses", [(PUBLIC, "10.0.0.1"), ("127.0.0.1", PUBLIC)])
def test_one_private_address_among_several_refuses_the_name(addresses: Sequence[str]) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(dial=not_dialed, resolve=several(*addresses)).connect("data.example", 80, lambda: 1.0)


def test_the_addresses_of_a_name_are_tried_in_turn() -> None:
    tried: list[str] = []

    def dial(family: int, address: Any, seconds: float) -> TimedSocket:
        tried.append(address[0])
        if len(tried) < 2:
            raise ConnectionRefusedError
        return TimedSocket()

    AddressGuard(dial=dial, resolve=several("1.1.1.1", "8.8.8.8", "9.9.9.9")).connect(
        "h.example", 80, lambda: 1
    ).close()
    assert tried == ["1.1.1.1", "8.8.8.8"]


@pytest.mark.parametrize(("code", "failure"), [(socket.EAI_NONAME, HostNotFound), (socket.EAI_AGAIN, Unreachable)])
def test_a_name_that_does_not_resolve_is_told_from_a_resolver_that_does_not_answer(
    code: int, failure: type[FetchFailed]
) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(code, "no")

    with pytest.raises(failure, match=r"data\.example"):
        AddressGuard(resolve=resolve).connect("data.example", 80, lambda: 1.0)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", PUBLIC])
def test_the_local_stage_may_reach_private_networks(address: str) -> None:
    guard = AddressGuard(allow_private=True, dial=lambda *_: TimedSocket(), resolve=resolving(address))
    guard.connect("h.example", 80, lambda: 1.0).close()


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1", "fe80::1", "::"])
def test_but_not_metadata_nor_what_is_no_host(address: str) -> None:
    guard = AddressGuard(allow_private=True, dial=not_dialed, resolve=resolving(address))
    with pytest.raises(AddressRefused):
        guard.connect("h.example", 80, lambda: 1.0)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Data.Example", "data.example"),
        ("data.example.", "data.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("my_bucket.s3.example", "my_bucket.s3.example"),
        ("8.8.8.8", "8.8.8.8"),
        ("1.example", "1.example"),
        ("2606:4700:0:0::1", "2606:4700::1"),
        ("[::1]", "::1"),
    ],
)
def test_a_host_is_brought_into_one_form(text: str, host: str) -> None:
    assert host_name(text) == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a..b", "-a.example", "a-.example", "a b", "a/b", "a%2eb", "a\x00b", "a\nb", "a:b",
     "straße.example", "x" * 64, ".".join(["x" * 60] * 5), "example.1", "1.2.3", "0x", "\ud800", "::1%1",
     "data.example:80"],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidSource):
        host_name(text)


@given(st.text(max_size=30))
def test_any_text_is_a_host_in_its_final_form_or_refused(text: str) -> None:
    try:
        host = host_name(text)
    except InvalidSource:
        return
    assert host_name(host) == host
    assert host.isascii()
