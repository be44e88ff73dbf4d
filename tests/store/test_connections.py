"""Connections are kept, their ends are noticed, and what goes wrong has botocore's names."""

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.store.connections import ClosedUnanswered, Connections
from chalicelib.store.dynamodb import is_retriable
from tests.store.scripted_endpoint import CLOSE, Last, ScriptedEndpoint, answer, scripted_endpoint

REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


def connections_to(endpoint: ScriptedEndpoint, **options: Any) -> closing[Connections]:
    return closing(Connections(endpoint.url, **{"connect_timeout": 2, "read_timeout": 5, **options}))


def test_a_connection_is_used_again() -> None:
    with scripted_endpoint(answer(b"1"), answer(b"2", x_amz_crc32="7")) as endpoint, connections_to(endpoint) as ours:
        assert ours.exchange(REQUEST, is_repeatable=True).body == b"1"
        second = ours.exchange(REQUEST, is_repeatable=True)
        assert (second.status, second.body, second.headers["x-amz-crc32"]) == (200, b"2", "7")
    assert endpoint.connections == 1


@pytest.mark.parametrize(
    "shape",
    [
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n',
        answer(b'{"a":1}', connection="close"),
        b'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}',
    ],
)
def test_other_shapes_of_answers_are_understood(shape: bytes) -> None:
    with scripted_endpoint(shape, answer()) as endpoint, connections_to(endpoint) as ours:
        assert ours.exchange(REQUEST, is_repeatable=False).body == b'{"a":1}'
        assert ours.exchange(REQUEST, is_repeatable=False).body == b"{}"


@pytest.mark.parametrize("is_repeatable", [True, False])
def test_a_connection_that_was_closed_while_idle_is_not_used(is_repeatable: bool) -> None:
    with scripted_endpoint(Last(answer()), answer()) as endpoint, connections_to(endpoint) as ours:
        ours.exchange(REQUEST, is_repeatable=is_repeatable)
        endpoint.wait_until_closed()
        ours.exchange(REQUEST, is_repeatable=is_repeatable)
    assert (endpoint.connections, len(endpoint.requests)) == (2, 2)


def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    times = iter([0.0, 49.0, 49.0, 100.0, 100.0])  # when the first is kept; taken and kept; taken and kept
    with (
        scripted_endpoint(answer(), answer(), answer()) as endpoint,
        connections_to(endpoint, clock=lambda: next(times)) as ours,
    ):
        for connections in (1, 1, 2):
            ours.exchange(REQUEST, is_repeatable=True)
            assert endpoint.connections == connections


def test_what_can_be_repeated_is_sent_again_when_a_kept_connection_gives_no_answer() -> None:
    with scripted_endpoint(answer(), CLOSE, answer(b"3")) as endpoint, connections_to(endpoint) as ours:
        ours.exchange(REQUEST, is_repeatable=True)
        assert ours.exchange(REQUEST, is_repeatable=True).body == b"3"
    assert (endpoint.connections, len(endpoint.requests)) == (2, 3)


def test_what_cannot_be_repeated_is_sent_once() -> None:
    with scripted_endpoint(answer(), CLOSE) as endpoint, connections_to(endpoint) as ours:
        ours.exchange(REQUEST, is_repeatable=False)
        with pytest.raises(ClosedUnanswered) as closed:
            ours.exchange(REQUEST, is_repeatable=False)
    assert is_retriable(closed.value)  # for a caller who knows how to
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "broken",
    [
        Last(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"),
        Last(b"220 mail.example.org ESMTP\r\n"),
        answer() + answer(),
        CLOSE,
    ],
)
def test_a_new_connection_that_breaks_is_a_fault_and_nothing_is_sent_again(broken: bytes) -> None:
    with scripted_endpoint(broken, answer()) as endpoint, connections_to(endpoint) as ours:
        with pytest.raises(ConnectionClosedError) as fault:
            ours.exchange(REQUEST, is_repeatable=True)
        assert is_retriable(fault.value)
        assert len(endpoint.requests) == 1
        assert ours.exchange(REQUEST, is_repeatable=True).body == b"{}"


def test_half_an_answer_on_a_kept_connection_is_not_asked_for_again() -> None:
    with scripted_endpoint(answer(), Last(answer()[:-1])) as endpoint, connections_to(endpoint) as ours:
        ours.exchange(REQUEST, is_repeatable=True)
        with pytest.raises(ConnectionClosedError):
            ours.exchange(REQUEST, is_repeatable=True)
    assert len(endpoint.requests) == 2


def test_an_answer_that_does_not_come_is_a_read_timeout_and_the_connection_is_given_up() -> None:
    with scripted_endpoint(None) as endpoint, connections_to(endpoint, read_timeout=0.05) as ours:
        with pytest.raises(ReadTimeoutError) as fault:
            ours.exchange(REQUEST, is_repeatable=True)
        endpoint.wait_until_closed()
    assert is_retriable(fault.value)


def test_an_endpoint_that_is_not_there_is_a_connection_error() -> None:
    with scripted_endpoint() as endpoint:
        pass
    for url in (endpoint.url, "http://nowhere.invalid"):
        with pytest.raises(EndpointConnectionError) as fault:
            Connections(url, connect_timeout=2, read_timeout=5).exchange(REQUEST, is_repeatable=True)
        assert is_retriable(fault.value)


def test_threads_never_share_a_connection() -> None:
    rounds, threads = 20, 8
    together = threading.Barrier(threads)
    echo = [answer(str(n).encode()) for n in range(rounds * threads)]

    def ask(_: int) -> bytes:
        together.wait(10)
        return bytes(ours.exchange(REQUEST, is_repeatable=False).body)

    with (
        scripted_endpoint(*echo) as endpoint,
        connections_to(endpoint) as ours,
        ThreadPoolExecutor(threads) as pool,
    ):
        answers = list(pool.map(ask, range(rounds * threads)))
    assert sorted(answers) == sorted(str(n).encode() for n in range(rounds * threads))
    assert endpoint.connections <= threads


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ssl.SSLContext]]:
    """A self-signed certificate of localhost, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    yield folder / "certificate.pem", context


def test_certificates_are_checked(certificate: tuple[Path, ssl.SSLContext]) -> None:
    trusted, tls = certificate
    with scripted_endpoint(answer(b"1"), answer(b"2"), tls=tls) as endpoint:
        with connections_to(endpoint, ca_bundle=str(trusted)) as ours:
            assert [ours.exchange(REQUEST, is_repeatable=True).body for _ in range(2)] == [b"1", b"2"]
        assert endpoint.connections == 1
        with pytest.raises(SSLError) as unknown, connections_to(endpoint) as ours:
            ours.exchange(REQUEST, is_repeatable=True)
        assert is_retriable(unknown.value)
        endpoint.url = endpoint.url.replace("localhost", "127.0.0.1")
        with pytest.raises(SSLError, match=r"127\.0\.0\.1"), connections_to(endpoint, ca_bundle=str(trusted)) as ours:
            ours.exchange(REQUEST, is_repeatable=True)
