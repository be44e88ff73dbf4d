"""Servers and certificates for the tests of fetching."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import certificate
from tests.sources.web import Site, a_site


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on loopback."""
    with a_site() as running:
        yield running


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key, for 127.0.0.1 and some names."""
    return certificate(tmp_path_factory.mktemp("tls"), "data.example", "files.example", "xn--bcher-kva.example")
