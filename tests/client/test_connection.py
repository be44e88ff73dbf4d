"""HTTPS: what is not trusted is not spoken to, and a proxy sees a tunnel."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.client.books import ROWS
from tests.client.service import KEY, Service, serving
from tests.client.shell import freshwire


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key, as one PEM file."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "certificate.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Service]:
    """A service that speaks HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(Service(), context) as service:
        yield service


@contextmanager
def proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy for one tunnel: its port, and the lines it was asked with."""
    asked: list[str] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # either end may be gone already
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def run() -> None:
        client, _ = listening.accept()
        with client, client.makefile("rb", buffering=0) as lines:
            while line := lines.readline().decode().strip():
                asked.append(line)
            host, port = asked[0].split()[1].split(":")
            with socket.create_connection((host, int(port))) as upstream:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=carry, args=(upstream, client))
                back.start()
                carry(client, upstream)
                back.join()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1], asked
        thread.join(timeout=30)


def push_to(service: Service, books: str) -> tuple[int, str, list[float]]:
    ran = freshwire("push", books, "--url", f"{service.url}?pushkey={KEY}")
    return ran.status, ran.err, ran.waits


def test_a_certificate_that_is_not_trusted_ends_it_at_once(secure: Service, books: str) -> None:
    status, said, waits = push_to(secure, books)
    assert (status, waits, secure.asked) == (1, [], [])
    assert "The certificate of the service is not trusted" in said


def test_https_is_spoken_where_the_certificate_is_trusted(
    secure: Service, books: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert push_to(secure, books)[0] == 0
    assert secure.stored == ROWS


def test_the_proxy_of_the_environment_carries_a_tunnel_and_sees_no_key(
    secure: Service, books: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with proxy() as (port, asked):
        monkeypatch.setenv("https_proxy", f"http://us%40er:secret@127.0.0.1:{port}")
        assert push_to(secure, books)[0] == 0
    assert secure.stored == ROWS
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{secure.port} ")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'us@er:secret').decode()}" in asked
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert push_to(secure, books)[0] == 0
