"""Fixtures and Hypothesis profiles of the whole suite."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from chalicelib.store.stores import Stores
from tests.deployment import CREDENTIALS, deployment
from tests.no_secrets import pytest_configure  # noqa: F401 - watches the logs of the whole run for keys

_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, suppress_health_check=_QUIET)
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach an AWS account."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws(_credentials: None) -> Iterator[tuple[Stores, dict[str, str]]]:
    """A deployment in memory: its stores and its environment."""
    with deployment() as made:
        yield made


@pytest.fixture
def stores(aws: tuple[Stores, dict[str, str]]) -> Stores:
    """The stores of a fresh deployment in memory."""
    return aws[0]
