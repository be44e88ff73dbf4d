"""Certificates are checked against the name of the source, and what is cut off under TLS is noticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.failures import CertificateRefused, Incomplete, TlsFailed, Unreachable
from tests.certificates import certificate
from tests.sources.web import (
    Site,
    a_hanging_up_server,
    a_site,
    a_source,
    fetched,
    head,
    raw,
    redirect,
    reply,
    resolving,
)

GUARD = AddressGuard(allow_private=True, resolve=resolving("127.0.0.1"))


@pytest.fixture
def secure_site(chain: tuple[Path, Path]) -> Iterator[Site]:
    with a_site(chain) as running:
        running.routes["/a.csv"] = reply(b"content")
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "data.example", "DATA.example.", "bücher.example"])
def test_the_certificate_must_be_for_the_name_of_the_source(
    secure_site: Site, chain: tuple[Path, Path], host: str
) -> None:
    came, content = fetched(f"https://{host}:{secure_site.port}/a.csv", guard=GUARD, ca_file=chain[0])
    assert (came.http_status, content) == (200, b"content")


def test_a_certificate_for_another_name_is_refused(secure_site: Site, chain: tuple[Path, Path]) -> None:
    with pytest.raises(CertificateRefused, match=r"not valid for 'other\.example'") as failed:
        fetched(f"https://other.example:{secure_site.port}/a.csv", guard=GUARD, ca_file=chain[0])
    assert not failed.value.is_retriable


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_site: Site) -> None:
    with pytest.raises(CertificateRefused, match="self-signed"):
        fetched(f"https://127.0.0.1:{secure_site.port}/a.csv", guard=GUARD)


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    expired = certificate(tmp_path, days=-1)
    with a_site(expired) as site, pytest.raises(CertificateRefused, match="expired"):
        fetched(f"{site.base}/a.csv", ca_file=expired[0])


def test_a_server_without_tls_is_told_from_one_that_is_down() -> None:
    with a_site() as plain, pytest.raises(TlsFailed) as failed:
        fetched(f"https://127.0.0.1:{plain.port}/a.csv")
    assert not failed.value.is_retriable


def test_a_server_that_hangs_up_instead_of_agreeing_is_unreachable() -> None:
    with a_hanging_up_server() as port, pytest.raises(Unreachable):
        fetched(f"https://127.0.0.1:{port}/a.csv")


def test_credentials_are_not_sent_on_in_clear(secure_site: Site, chain: tuple[Path, Path]) -> None:
    with a_site() as plain:
        plain.routes["/a.csv"] = reply(b"content")
        secure_site.routes["/a"] = redirect(f"{plain.base}/a.csv")
        auth = {"type": "bearer", "token": "abc"}
        fetched(a_source(f"{secure_site.base}/a", auth=auth), ca_file=chain[0])
        assert "Authorization" in secure_site.asked[0].headers
        assert "Authorization" not in plain.asked[0].headers


def test_a_body_without_length_must_end_as_tls_ends(secure_site: Site, chain: tuple[Path, Path]) -> None:
    """Whoever cuts the connection cannot forge the end of it."""
    secure_site.routes["/a"] = raw(head(), b"half of it")
    with pytest.raises(Incomplete):
        fetched(f"{secure_site.base}/a", ca_file=chain[0])
