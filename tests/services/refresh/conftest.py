"""One web server for a whole module."""

from collections.abc import Iterator

import pytest

from tests.sources.web import Site, a_site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A web server on loopback."""
    with a_site() as running:
        yield running
