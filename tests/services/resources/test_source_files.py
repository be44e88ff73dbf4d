"""What is kept of sources beside the records."""

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.services.resources.resources import clean_cache
from chalicelib.store.stores import Stores
from tests.services.devices import a_device


def test_cleaning_the_cache_of_what_was_never_fetched_is_fine(stores: Stores) -> None:
    device, other = (a_device(stores, bootstrap={"a": 1}, published=False) for _ in range(2))
    for _ in range(2):
        clean_cache(stores, device.dataset_uid, device.resource_uid)
    with pytest.raises(NotFound):
        clean_cache(stores, device.dataset_uid, other.resource_uid)
