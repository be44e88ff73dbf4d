"""A service for each test, with the script that the test gives it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.client.books import CSV
from tests.client.service import Reply, Service, serving

Serve = Callable[..., Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a service that answers with this script, then OK."""
    with ExitStack() as stack:

        def start(*script: Reply, **how: int) -> Service:
            return stack.enter_context(serving(Service(*script, **how)))

        yield start


@pytest.fixture
def books(tmp_path: Path) -> str:
    """The path of a CSV file with ten books."""
    path = tmp_path / "books.csv"
    path.write_text(CSV)
    return str(path)
