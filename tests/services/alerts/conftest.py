"""A deployment with nothing in it."""

from collections.abc import Iterator

import pytest

from chalicelib.store.stores import Stores
from tests.deployment import Tables
from tests.services.alerts.watching import backend


@pytest.fixture(scope="module")
def empty(shared_stores: Stores) -> Tables:
    return Tables()


@pytest.fixture
def stores(shared_stores: Stores, empty: Tables) -> Iterator[Stores]:
    """Stores of a deployment that has nothing in it, whose mails can be read."""
    empty.put_back()
    backend().sent_messages.clear()
    fresh = Stores(shared_stores.names, shared_stores.client)
    vars(fresh).update(mailer=shared_stores.mailer, push_secrets=shared_stores.push_secrets, bell=shared_stores.bell)
    yield fresh
