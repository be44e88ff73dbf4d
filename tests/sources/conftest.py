"""Servers and certificates for the tests of fetching."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import certificate
from tests.sources.ftp_servers import an_ftp_server
from tests.sources.web import TABLE, Site, a_site


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on loopback."""
    with a_site() as running:
        yield running


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key, for 127.0.0.1 and some names."""
    return certificate(tmp_path_factory.mktemp("tls"), "data.example", "files.example", "xn--bcher-kva.example")


@pytest.fixture(scope="session")
def ftp_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for an FTP server, changed on 2014-01-27 at 04:15 UTC."""
    folder = tmp_path_factory.mktemp("ftp")
    (folder / "pub").mkdir()
    for name in ("books.csv", "pub/bücher neu.csv"):
        (folder / name).write_bytes(TABLE)
        os.utime(folder / name, (1_390_796_100, 1_390_796_100))
    (folder / "empty.csv").touch()
    return folder


@pytest.fixture(scope="module")
def ftp_port(ftp_folder: Path) -> Iterator[int]:
    """An FTP server with these files."""
    with an_ftp_server(ftp_folder) as running:
        yield running


@pytest.fixture(scope="module")
def ftps_port(ftp_folder: Path, chain: tuple[Path, Path]) -> Iterator[int]:
    """One that wants TLS on both connections."""
    with an_ftp_server(ftp_folder, chain) as running:
        yield running
