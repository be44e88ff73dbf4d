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
_ON_LOCAL_CLOUDS = ("system", "infra")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is to be run by one process: the tests of a file, which share what it sets up, and those on local
    clouds, which look for what others left behind. These take longest, then those of models: they begin."""
    for item in items:
        path = item.path.relative_to(item.config.rootpath)
        group = "local clouds" if path.parts[1] in _ON_LOCAL_CLOUDS else path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (item.path.parts[-2] not in _ON_LOCAL_CLOUDS, item.path.name != "test_model.py"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes by their place alone: archives hold the time at which they were made, and several processes must agree on
    the names of tests."""
    return "bytes" if isinstance(val, bytes) else None


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
