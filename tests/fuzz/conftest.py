"""The world that all generated requests go to, and the count of them at the end of the run."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.fuzz.world import World, deployed_world

_sent = pytest.StashKey[Counter[int]]()


@pytest.fixture(scope="package")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One deployment for all tests of this folder: making one takes longer than a hundred requests."""
    with deployed_world() as made:
        yield made
        request.config.stash[_sent] = made.sent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many generated requests the application answered."""
    if _sent in config.stash:
        sent = config.stash[_sent]
        by_status = ", ".join(f"{count} with {status}" for status, count in sorted(sent.items()))
        terminalreporter.write_line(f"fuzz: the application answered {sent.total()} generated requests: {by_status}")
