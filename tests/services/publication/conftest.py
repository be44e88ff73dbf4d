"""The publisher that most tests of publications are about."""

import pytest

from chalicelib.store.stores import Stores
from tests.services.devices import Device
from tests.services.publication.publishers import a_library


@pytest.fixture
def device(quiet_stores: Stores) -> Device:
    """Pushes to a dataset whose draft has a file to load."""
    return a_library(quiet_stores)
