"""One deployment for a whole module: generated histories each take a dataset of their own in it."""

from collections.abc import Iterator

import pytest

from chalicelib.store.stores import Stores
from tests.deployment import CREDENTIALS, deployment, lose_rings


@pytest.fixture(scope="module")
def shared_stores() -> Iterator[Stores]:
    """The stores of a deployment that the module's examples share."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with deployment() as (stores, _):
            yield stores


@pytest.fixture
def quiet_stores(shared_stores: Stores) -> Iterator[Stores]:
    """The same, without the faults that a test asked for and the rings that it left."""
    yield shared_stores
    client = shared_stores.client
    client.throttle, client.before = 0.0, lambda _operation: None
    lose_rings(shared_stores)
